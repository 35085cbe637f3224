-- Requests for wrk: of five people in turn, with a session. BENCH_EXTRA is one more header, `Name: value`.
local people = { "p1", "p2", "p3", "p4", "p5" }
local requests, turn = {}, 0

function init()
	local name, value = (os.getenv("BENCH_EXTRA") or ""):match("^(.-): (.+)$")
	for i, person in ipairs(people) do
		local headers = {
			["Host"] = "door",
			["X-Devvm-Proxy-Secret"] = os.getenv("BENCH_SECRET"),
			["X-Authentik-Username"] = person .. ".id",
			["Cookie"] = "authentik_proxy=0123456789abcdef; t3_session=0123456789abcdef0123456789abcdef",
			["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
			["Accept"] = "application/json",
		}
		if name then headers[name] = value end
		requests[i] = wrk.format("GET", "/file", headers)
	end
end

function request()
	turn = turn % #people + 1
	return requests[turn]
end

-- One line: requests/s, p50 and p99 in microseconds, how many were no 200.
function done(summary, latency)
	local e = summary.errors
	io.write(string.format("RESULT %.0f %.0f %.0f %d\n", summary.requests / summary.duration * 1e6,
		latency:percentile(50), latency:percentile(99), e.status + e.connect + e.read + e.timeout))
end
