#!/usr/bin/env python3
"""mcp_client.py - a client of the playwright server, as an agent is one: MCP over streamable HTTP.

    mcp_client.py PORT init                    initialize; prints the session id's length and the ms
    mcp_client.py PORT titles URL...           one session per URL, all at once; prints each title
    mcp_client.py PORT isolation URL           two sessions at once, each with a cookie and a storage
                                               item of its own; prints what each sees of both
    mcp_client.py PORT cookies URL             prints document.cookie at URL in a new session
    mcp_client.py PORT stream SECONDS          hold the event stream so long; prints open or cut
    mcp_client.py PORT hold SECONDS URL        navigate, then hold the session so long; prints the title
    mcp_client.py PORT raw                     connect and send; prints what comes back, or refused

Options: --host ADDRESS (127.0.0.1), --timeout SECONDS (60). Exit status 0 when all of it worked.
Only the standard library: it also runs inside a test host.
"""
import argparse
import http.client
import json
import socket
import sys
import threading
import time

ACCEPT = "application/json, text/event-stream"


class McpError(Exception):
    pass


def events(response):
    """The JSON messages of a text/event-stream, as they come."""
    data = []
    for line in response:
        line = line.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].lstrip())
        elif not line and data:
            yield json.loads("\n".join(data))
            data = []


class Session:
    def __init__(self, port, host, timeout, name="devvm-test"):
        self.port, self.host, self.timeout, self.name = port, host, timeout, name
        self.id, self.number, self.stream = None, 0, None
        self.lock = threading.Lock()
        self.stream_ended = threading.Event()

    def _connect(self, timeout):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def _headers(self):
        headers = {"accept": ACCEPT, "content-type": "application/json"}
        if self.id:
            headers["mcp-session-id"] = self.id
            headers["mcp-protocol-version"] = "2025-06-18"
        return headers

    def _post(self, message):
        connection = self._connect(self.timeout)
        try:
            connection.request("POST", "/mcp", json.dumps(message), self._headers())
            response = connection.getresponse()
            if response.status not in (200, 202):
                raise McpError(f"{message.get('method')}: {response.status} {response.read()[:200]!r}")
            self.id = response.getheader("mcp-session-id") or self.id
            if "id" not in message or "method" not in message:
                response.read()
                return None
            if "event-stream" not in response.getheader("content-type", ""):
                return json.loads(response.read())
            for answer in events(response):
                if answer.get("id") == message["id"]:
                    return answer
            raise McpError(f"{message['method']}: the stream ended without an answer")
        finally:
            connection.close()

    def request(self, method, params):
        with self.lock:
            self.number += 1
            number = self.number
        answer = self._post({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        if "error" in answer:
            raise McpError(f"{method}: {answer['error']}")
        return answer["result"]

    def initialize(self):
        result = self.request("initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": self.name, "version": "1"}})
        if not self.id:
            raise McpError("initialize: no mcp-session-id")
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def open_stream(self):
        """The server pings over it and gives up a session that does not answer."""
        self.stream = self._connect(None)
        self.stream.request("GET", "/mcp", headers={**self._headers(), "accept": "text/event-stream"})
        response = self.stream.getresponse()
        if response.status != 200:
            raise McpError(f"GET /mcp: {response.status}")
        self.stream_socket = self.stream.sock
        threading.Thread(target=self._answer, args=(response,), daemon=True).start()

    def _answer(self, response):
        try:
            for message in events(response):
                if message.get("method") == "ping":
                    self._post({"jsonrpc": "2.0", "id": message["id"], "result": {}})
        except (OSError, ValueError, AttributeError, http.client.HTTPException, McpError):
            pass
        self.stream_ended.set()

    def tool(self, name, **arguments):
        result = self.request("tools/call", {"name": name, "arguments": arguments})
        text = "\n".join(part.get("text", "") for part in result["content"])
        if result.get("isError"):
            raise McpError(f"{name}: {text}")
        return text

    def evaluate(self, function):
        """The value, as JSON says it, of a function in the page."""
        lines = self.tool("browser_evaluate", function=function).splitlines()
        return json.loads(lines[lines.index("### Result") + 1])

    def close(self):
        if self.id:
            connection = self._connect(10)
            connection.request("DELETE", "/mcp", headers=self._headers())
            connection.getresponse().read()
            connection.close()
        if self.stream:
            self.stream.close()


def open_session(args, name="devvm-test"):
    session = Session(args.port, args.host, args.timeout, name)
    session.initialize()
    session.open_stream()
    return session


def at_once(functions):
    """Their results in order; the first failure is raised."""
    results = [None] * len(functions)

    def run(i):
        try:
            results[i] = (True, functions[i]())
        except Exception as error:  # pylint: disable=broad-except
            results[i] = (False, error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for good, result in results:
        if not good:
            raise result
    return [result for _, result in results]


def do_init(args):
    started = time.monotonic()
    session = Session(args.port, args.host, args.timeout)
    session.initialize()
    print(f"session {len(session.id)} {round((time.monotonic() - started) * 1000)} ms")


def do_titles(args):
    """Nobody closes before all have read: so they are there at the same time."""
    barrier = threading.Barrier(len(args.rest), timeout=args.timeout)

    def one(url):
        session = open_session(args, f"test of {url}")
        session.tool("browser_navigate", url=url)
        barrier.wait()
        title = session.evaluate("() => document.title")
        barrier.wait()
        session.close()
        return title

    for title in at_once([lambda url=url: one(url) for url in args.rest]):
        print(title)


def do_isolation(args):
    barrier = threading.Barrier(2, timeout=args.timeout)

    def one(name):
        session = open_session(args, name)
        session.tool("browser_navigate", url=args.rest[0])
        session.evaluate(f"() => {{ document.cookie = 'c_{name}=1';"
                         f" localStorage.setItem('s_{name}', '1'); return 1; }}")
        barrier.wait()
        seen = session.evaluate("() => document.cookie + ' | ' + Object.keys(localStorage).join(' ')")
        barrier.wait()
        session.close()
        return f"{name}: {seen}"

    for seen in at_once([lambda: one("one"), lambda: one("two")]):
        print(seen)


def do_cookies(args):
    session = open_session(args)
    session.tool("browser_navigate", url=args.rest[0])
    print(session.evaluate("() => document.cookie"))
    session.close()


def do_stream(args):
    session = open_session(args)
    cut = session.stream_ended.wait(float(args.rest[0]))
    print("cut" if cut else "open")
    return 1 if cut else 0


def do_hold(args):
    session = open_session(args)
    session.tool("browser_navigate", url=args.rest[1])
    session.stream_ended.wait(float(args.rest[0]))
    print(session.evaluate("() => document.title"))
    session.close()


def do_raw(args):
    """Send, and close at once for writing: a refused peer gets not one byte."""
    connection = socket.create_connection((args.host, args.port), args.timeout)
    got = b""
    try:
        connection.sendall(b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                           b"Connection: close\r\n\r\n" % args.port)
        while chunk := connection.recv(4096):
            got += chunk
    except (ConnectionError, TimeoutError) as error:
        print(f"refused: {error.strerror}" if not got else got.decode(errors="replace"))
        return 0
    print(got.decode(errors="replace") or "refused: nothing came")
    return 0


VERBS = {"init": (do_init, 0), "titles": (do_titles, 1), "isolation": (do_isolation, 1),
         "cookies": (do_cookies, 1), "stream": (do_stream, 1), "hold": (do_hold, 2),
         "raw": (do_raw, 0)}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()
    run, n_words = VERBS[args.verb]
    if len(args.rest) < n_words:
        parser.error(f"{args.verb} wants more words")
    try:
        return run(args) or 0
    except (McpError, OSError, http.client.HTTPException, threading.BrokenBarrierError) as error:
        print(f"mcp_client: {error or type(error).__name__}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
