#!/usr/bin/env python3
"""socket_activation.py - conf/socket-activation.cjs under a small node server, on sockets that this
test holds as systemd would. Who may connect is shown with another uid where root runs it."""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PRELOAD = os.path.join(ROOT, "conf/socket-activation.cjs")
AGENT = os.path.join(ROOT, "build/devvm-agent")
IDLE_SECONDS = 0.4

# Asks for another address than it gets, says what it sees, and ends as playwright does.
PROGRAM = """
const http = require('http');
const server = http.createServer((request, response) => {
    console.log('request ' + request.url);
    if (request.url === '/stream') { response.write('x'); return; }
    response.end('hi');
});
server.listen(1, '0.0.0.0', () => console.log('called back'));
server.once('listening', () => console.log('listening ' + server.address().address
    + ' ' + server.address().port + ' ' + Object.keys(process.env).filter((k) => /^(LISTEN|DEVVM)_/.test(k))));
process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });
"""


def listen_both():
    """127.0.0.1 and ::1 on one port, as playwright-mcp@.socket has them."""
    while True:
        v4 = socket.create_server(("127.0.0.1", 0))
        v6 = socket.socket(socket.AF_INET6)
        v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            v6.bind(("::1", v4.getsockname()[1]))
        except OSError:
            v4.close()
            v6.close()
            continue
        v6.listen()
        return v4, v6


class SocketActivation(unittest.TestCase):
    def setUp(self):
        self.v4, self.v6 = listen_both()
        self.port = self.v4.getsockname()[1]
        self.folder = tempfile.mkdtemp()
        self.process = None

    def tearDown(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.communicate()
        self.v4.close()
        self.v6.close()
        shutil.rmtree(self.folder)

    def start(self, program=PROGRAM, sockets=2, idle=IDLE_SECONDS):
        path = os.path.join(self.folder, "program.js")
        with open(path, "w", encoding="utf-8") as file:
            file.write(program)
        fds = [self.v4.fileno(), self.v6.fileno()]

        def place():  # in the child: fds 3 and 4, and its own pid, as systemd does it
            copies = [os.dup(fd) for fd in fds]
            high = [os.dup2(fd, 50 + i) for i, fd in enumerate(copies)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        self.process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec node --require "$1" "$2"', "sh", PRELOAD, path],
            env={**os.environ, "LISTEN_FDS": str(sockets), "DEVVM_IDLE_SECONDS": str(idle),
                 "DEVVM_AGENT": AGENT},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=place, close_fds=False,
            text=True)

    def connect(self, host="127.0.0.1"):
        return http.client.HTTPConnection(host, self.port, timeout=20)

    def get(self, path="/", host="127.0.0.1"):
        connection = self.connect(host)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body

    def ask_as(self, uid):
        """What another uid gets: it lives in a child, since nothing here comes back from it."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            got = b"not even connected"
            try:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
                with socket.create_connection(("127.0.0.1", self.port), 20) as client:
                    got = b""
                    client.sendall(b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n")
                    got = client.recv(100)
            except ConnectionError:
                pass
            finally:
                os.write(writer, got)
                os._exit(0)
        os.close(writer)
        os.waitpid(pid, 0)
        with os.fdopen(reader, "rb") as answer:
            return answer.read()

    def end(self):
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def test_serves_both_and_ends_when_idle(self):
        self.start()
        self.assertEqual(self.get("/four"), (200, "hi"))
        self.assertEqual(self.get("/six", "::1"), (200, "hi"))
        code, out, err = self.end()
        self.assertEqual(code, 0, err)
        self.assertEqual(out.splitlines()[0:2],
                         ["called back", f"listening 127.0.0.1 {self.port} "])
        self.assertIn("request /four\nrequest /six\nbye\n", out)
        self.assertIn("idle for 0.4 s", err)

    def test_one_socket_is_enough(self):
        self.start(sockets=1)
        self.assertEqual(self.get(), (200, "hi"))

    def test_a_stream_is_not_cut(self):
        self.start()
        connection = self.connect()
        connection.request("GET", "/stream")
        connection.sock.settimeout(3 * IDLE_SECONDS)
        response = connection.getresponse()
        self.assertEqual(response.read(1), b"x")
        with self.assertRaises(TimeoutError):  # nothing comes, and no end either
            response.read(1)
        self.assertIsNone(self.process.poll())
        connection.close()
        response.close()
        self.assertEqual(self.end()[0], 0)

    def test_who_closed_already_is_nobody(self):
        self.start(idle=20)
        self.assertEqual(self.get("/first"), (200, "hi"))
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", self.port)) as client:
                client.sendall(b"GET /orphan HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(self.get("/last"), (200, "hi"))
        self.process.send_signal(signal.SIGTERM)
        _, out, _ = self.end()
        self.assertNotIn("orphan", out)
        self.assertIn("request /last", out)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
    def test_another_uid_is_refused(self):
        self.start(idle=20)
        self.assertEqual(self.get("/first"), (200, "hi"))  # root is let in
        self.assertEqual(self.ask_as(65534), b"")
        self.process.send_signal(signal.SIGTERM)
        self.assertNotIn("other", self.end()[1])

    def test_what_comes_at_the_end_is_kept(self):
        self.start(idle=0.05)
        self.end()
        waiting = self.connect()
        waiting.request("GET", "/late")
        self.start(idle=20)
        self.assertEqual(waiting.getresponse().read(), b"hi")
        waiting.close()

    def test_a_program_that_breaks_tells_who_waits(self):
        connection = self.connect()
        connection.request("GET", "/")
        self.start("throw new Error('broken install');")
        response = connection.getresponse()
        self.assertEqual((response.status, response.read()),
                         (503, b"playwright: the server failed to start\n"))
        connection.close()
        self.assertNotEqual(self.end()[0], 0)

    def test_without_sockets_it_says_what_to_start(self):
        self.start(sockets=0)
        code, _, err = self.end()
        self.assertEqual(code, 1)
        self.assertIn("start playwright-mcp@USER.socket", err)


class Lines(unittest.TestResult):
    """A line a test, as tests/run reads them."""

    def addSuccess(self, test):
        print(f"ok - {test.id()}")

    def addSkip(self, test, reason):
        print(f"# {test.id()}: {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        print(f"not ok - {test.id()}\n{self.failures[-1][1]}")

    def addError(self, test, err):
        super().addError(test, err)
        print(f"not ok - {test.id()}\n{self.errors[-1][1]}")


if __name__ == "__main__":
    outcome = Lines()
    unittest.defaultTestLoader.loadTestsFromTestCase(SocketActivation).run(outcome)
    sys.exit(0 if outcome.wasSuccessful() else 1)
