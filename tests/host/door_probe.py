#!/usr/bin/python3
"""Requests as they are, byte for byte, to the door; each with the exact answer it must get.

    door_probe.py serve PORT         a person's server that tells what it was sent
    door_probe.py FILE SECRET [UNIX-SOCKET]
                                     each line of FILE: NAME | STATUS | REGEX of the answer | REQUEST with \\r\\n
A line is printed for each: `ok - …` or `not ok - …: expected … got …`. In a request, {S} is the secret,
{A*N} is N letters, {WORD*N} is N bytes of WORD again and again.
"""
import http.server, json, re, socket, sys


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/api/auth/session":
            body = json.dumps({"authenticated": True}).encode()
        else:
            body = ("GOT " + json.dumps([self.command, self.path, [f"{k}: {v}" for k, v in self.headers.items()]])).encode()
        if self.path == "/leads":
            body = b"LED NOWHERE"
        self.send_response(200)
        if self.path == "/leads":
            self.send_header("X-Accel-Redirect", "/led")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = b"BODY " + self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def connect(path):
    if path is None:
        return socket.create_connection(("127.0.0.1", 3780), 10)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(path)
    return s


def ask(request, path):
    with connect(path) as s:
        s.sendall(request)
        s.settimeout(10)
        answer = b""
        try:
            while chunk := s.recv(65536):
                answer += chunk
                head, _, body = answer.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                if length and len(body) >= int(length[1]) or body.endswith(b"0\r\n\r\n"):
                    break
        except socket.timeout:
            answer += b"(timeout)"
        except ConnectionResetError:
            pass
    return answer.decode("latin-1")


def main():
    if sys.argv[1] == "serve":
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Echo).serve_forever()
    for line in open(sys.argv[1]):
        if not line.strip() or line.startswith("#"):
            continue
        name, status, pattern, request = (part.strip() for part in line.split(" | ", 3))
        request = request.replace("{S}", sys.argv[2])
        request = re.sub(r"\{A\*(\d+)\}", lambda m: "a" * int(m[1]), request)
        request = re.sub(r"\{([^{}*]+)\*(\d+)\}", lambda m: (m[1] * int(m[2]))[:int(m[2])], request)
        raw = request.encode().decode("unicode_escape").encode("latin-1") + b"\r\n\r\n"
        answer = ask(raw, sys.argv[3] if len(sys.argv) > 3 else None)
        got = answer.split(" ", 2)[1] if answer.startswith("HTTP/") else "closed"
        must_not = pattern.startswith("!")
        found = re.search(pattern.lstrip("!"), answer, re.I | re.S) is not None
        if got == status and found != must_not:
            print(f"ok - {name}: {status}")
        else:
            print(f"not ok - {name}: expected {status} and {pattern}, got {got}: {answer[:700]!r}")


main()
