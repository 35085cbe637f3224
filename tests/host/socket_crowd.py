#!/usr/bin/env python3
"""socket_crowd.py - WebSockets by the hundred through the front door, each of which echoes all the time.

    socket_crowd.py crowd LOG SECRET N IDENTITY=COOKIE…   open N sockets each, then send a numbered message on
                                 every one, each second, and wait for its echo, until SIGTERM. LOG gets
                                 "open N" once, "round K" after each, and at the end "lost L closed C"
    socket_crowd.py one SECRET IDENTITY=COOKIE WHAT…      one socket, and in order: say TEXT, big BYTES,
                                 pieces, ping, idle SECONDS, close, half, fin, reset
    socket_crowd.py slow LOG IDENTITY N   N requests without a secret whose bodies never come, until it is killed; LOG
                                 gets "open N"
Only the standard library: it runs inside a test host.
"""
import asyncio
import base64
import os
import signal
import struct
import sys
from socket import SO_LINGER, SOL_SOCKET

ADDRESS = ("127.0.0.1", 3780)
WAIT = 60


class Refused(Exception):
    pass


class Socket:
    async def open(self, secret, who):
        identity, cookie = who.split("=", 1)
        self.reader, self.writer = await asyncio.open_connection(*ADDRESS, limit=64 << 20)
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write((
            "GET /ws HTTP/1.1\r\nHost: door\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://door\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCookie: {cookie}\r\n"
            f"X-Authentik-Username: {identity}\r\nX-Devvm-Proxy-Secret: {secret}\r\n\r\n").encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise Refused(head.split(b" ")[1].decode())
        return self

    def send(self, data, first=0x81):
        n = len(data)
        size = (bytes([0x80 | n]) if n < 126 else bytes([0x80 | 126]) + n.to_bytes(2, "big") if n < 65536
                else bytes([0x80 | 127]) + n.to_bytes(8, "big"))
        self.writer.write(bytes([first]) + size + b"\0\0\0\0" + data)  # a mask of zeroes changes nothing

    async def receive(self):
        first, size = await self.reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8), "big")
        return first, await self.reader.readexactly(size)


async def echo(socket, text):
    socket.send(text)
    _, answer = await asyncio.wait_for(socket.receive(), WAIT)
    return answer == text


async def crowd(log_path, secret, n, people):
    log = open(log_path, "w", buffering=1)
    gate = asyncio.Semaphore(50)
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)

    async def enter(who):
        async with gate:
            return await asyncio.wait_for(Socket().open(secret, who), WAIT)

    sockets = await asyncio.gather(*(enter(who) for who in people for _ in range(n)))
    log.write(f"open {len(sockets)}\n")
    lost = closed = number = 0
    while not ending.is_set():
        number += 1
        answers = await asyncio.gather(*(echo(s, f"{number} {i}".encode()) for i, s in enumerate(sockets)),
                                       return_exceptions=True)
        closed += sum(isinstance(a, Exception) for a in answers)
        lost += sum(a is False for a in answers)
        sockets = [s for s, a in zip(sockets, answers) if a is True]
        log.write(f"round {number} {len(sockets)}\n")
        try:
            await asyncio.wait_for(ending.wait(), 1)
        except asyncio.TimeoutError:
            pass
    log.write(f"lost {lost} closed {closed}\n")


async def one(secret, who, words):
    socket = await asyncio.wait_for(Socket().open(secret, who), WAIT)
    said = []
    while words:
        word = words.pop(0)
        if word == "say":
            said.append("said" if await echo(socket, words.pop(0).encode()) else "other")
        elif word == "big":
            said.append("big" if await echo(socket, os.urandom(int(words.pop(0)) // 2).hex().encode()) else "other")
        elif word == "pieces":
            for first, text in ((0x01, b"one"), (0x00, b"two"), (0x80, b"three")):
                socket.send(text, first)
            said.append(" ".join(f"{f:02x}{t.decode()}" for f, t in [await socket.receive() for _ in range(3)]))
        elif word == "ping":
            socket.send(b"p", 0x89)
            first, text = await asyncio.wait_for(socket.receive(), WAIT)
            said.append(f"{first:02x}{text.decode()}")
        elif word == "idle":
            try:
                await asyncio.wait_for(socket.reader.read(1), float(words.pop(0)))
                said.append("closed")
            except asyncio.TimeoutError:
                said.append("open")
        elif word == "close":
            socket.send(b"\x03\xe8bye", 0x88)
            first, text = await asyncio.wait_for(socket.receive(), WAIT)
            said.append(f"{first:02x}{text[2:].decode()} eof" if await socket.reader.read(1) == b"" else "more")
        elif word == "reset":
            option = socket.writer.get_extra_info("socket")
            option.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            socket.writer.transport.abort()
            said.append("gone")
        elif word in ("half", "fin"):
            if word == "fin":
                socket.send(b"\x03\xe8bye", 0x88)
            socket.writer.write_eof()
            rest = await asyncio.wait_for(socket.reader.read(), WAIT)
            said.append(f"eof {len(rest)}")
    print(", ".join(said))
    socket.writer.close()


async def slow(log_path, identity, n):
    streams = [await asyncio.open_connection(*ADDRESS) for _ in range(n)]
    for _, writer in streams:
        writer.write(f"POST /x HTTP/1.1\r\nHost: door\r\nX-Authentik-Username: {identity}\r\n"
                     "Content-Length: 5\r\n\r\n".encode())
        await writer.drain()
    with open(log_path, "w") as log:
        log.write(f"open {n}\n")
    await asyncio.sleep(WAIT)


try:
    if sys.argv[1] == "slow":
        asyncio.run(slow(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    elif sys.argv[1] == "crowd":
        asyncio.run(crowd(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:]))
    else:
        asyncio.run(one(sys.argv[2], sys.argv[3], sys.argv[4:]))
except Refused as error:
    print(f"refused {error}")
except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
    print(f"broken {type(error).__name__}")
