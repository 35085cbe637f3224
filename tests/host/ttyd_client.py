#!/usr/bin/env python3
"""ttyd_client.py - a client of ttyd, as the browser's terminal is one: a WebSocket of the subprotocol tty.

    ttyd_client.py SOCKET LINE         type LINE at the shell behind the unix socket SOCKET; prints what the
                                       terminal shows until LINE is done, then closes it
    ttyd_client.py SOCKET --page       get the page a browser would load; prints the status line

Options: --timeout SECONDS (30). Exit status 0 when all of it worked, 1 with a sentence when not.
Only the standard library: it also runs inside a test host.
"""
import argparse
import base64
import json
import os
import re
import socket
import struct
import sys


BASE = "/terminal/"  # ttyd@.service


class TtydError(Exception):
    pass


class Connection:
    def __init__(self, path, timeout):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(path)
        self.pending = b""

    def read(self, n):
        while len(self.pending) < n:
            data = self.socket.recv(65536)
            if not data:
                raise TtydError("the connection ended")
            self.pending += data
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def head(self):
        """The head of an HTTP answer."""
        while b"\r\n\r\n" not in self.pending:
            data = self.socket.recv(65536)
            if not data:
                raise TtydError("the connection ended in the head")
            self.pending += data
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        return head.decode()

    def send_frame(self, payload, opcode=2):
        mask = os.urandom(4)
        n = len(payload)
        size = struct.pack("!B", 0x80 | n) if n < 126 else struct.pack("!BH", 0x80 | 126, n)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def read_frame(self):
        first, second = self.read(2)
        n = second & 0x7F
        if n == 126:
            (n,) = struct.unpack("!H", self.read(2))
        elif n == 127:
            (n,) = struct.unpack("!Q", self.read(8))
        return first & 0x0F, self.read(n)


def upgrade(connection, headers):
    key = base64.b64encode(os.urandom(16)).decode()
    connection.socket.sendall(
        (f"GET {BASE}ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: tty\r\n"
         f"Sec-WebSocket-Key: {key}\r\n{headers}\r\n").encode())
    status = connection.head().splitlines()[0]
    if " 101 " not in status:
        raise TtydError(f"no WebSocket: {status}")


def type_line(connection, line, headers=""):
    upgrade(connection, headers)
    # What the page sends first; then '0' in front of what is typed and of what is shown.
    connection.send_frame(json.dumps({"AuthToken": "", "columns": 200, "rows": 50}).encode())
    connection.send_frame(b"0" + line.encode() + b"\n")
    # ttyd drops what a shell that ends has printed last, so it does not end by itself.
    connection.send_frame(b"0echo \"<end $((40 + 2))>\"\n")
    shown = b""
    while b"<end 42>" not in shown:
        opcode, payload = connection.read_frame()
        if opcode == 8:
            raise TtydError("the terminal was closed")
        if payload[:1] == b"0":
            shown += payload[1:]
    connection.send_frame(b"", opcode=8)
    # Without what moves the cursor, sets colours and titles.
    return re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>])|\r", "", shown.decode(errors="replace"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("line", nargs="?")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--timeout", type=float, default=30)
    options = parser.parse_args()
    connection = Connection(options.socket, options.timeout)
    if options.page:
        connection.socket.sendall(f"GET {BASE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        print(connection.head().splitlines()[0])
    else:
        print(type_line(connection, options.line or ""))


if __name__ == "__main__":
    try:
        main()
    except (OSError, TtydError) as error:
        sys.exit(f"ttyd_client: {error}")
