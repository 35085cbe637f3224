#!/usr/bin/python3
"""WebSockets through the door, as browsers behind the sign-in's proxy open them; for test hosts.

    ws_client.py [OPTION]… USER COOKIE COMMAND [ARGUMENT]…
        big BYTES        one frame of so many bytes, and it comes back
        pieces           a message in three frames with a ping between them
        idle SECONDS     silence, then a word comes back
        close            a close frame is answered, then the connection ends
        fin              a close frame and the client's FIN at once: the connection ends
        half             a word and the client's FIN at once, without a close frame: the connection ends
        rst              a reset instead of a farewell
        await            open until the other side ends it; prints how
    ws_client.py [OPTION]… hold FILE
        FILE has lines `USER COOKIE N`. All are opened, then each speaks once a second and must hear the
        same. Answers on its standard input: `sum` prints `USER open N lost N words N` for each, `end`
        closes them all and ends. How many did not become a WebSocket is `refused STATUS N`.

Options: --secret SECRET, --port PORT (3780), --unix PATH. Prints one line, or a reason; nothing waits for more
than a minute. Only the standard library.
"""
import argparse
import asyncio
import collections
import os
import resource
import socket
import struct
import sys

HANDSHAKE = ("GET /ws?secret=in-the-query HTTP/1.1\r\nHost: door\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Origin: https://door\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")


def frame(payload, opcode=1, last=True):
    mask = b"\0\0\0\0"  # any will do
    n = len(payload)
    first = bytes([(0x80 if last else 0) | opcode])
    if n < 126:
        return first + bytes([0x80 | n]) + mask + payload
    if n < 65536:
        return first + struct.pack("!BH", 0x80 | 126, n) + mask + payload
    return first + struct.pack("!BQ", 0x80 | 127, n) + mask + payload


class Refused(Exception):
    pass


class WebSocket:
    @classmethod
    async def open(cls, options, user, cookie):
        self = cls()
        if options.unix:
            self.reader, self.writer = await asyncio.open_unix_connection(options.unix)
        else:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", options.port)
        secret = f"X-Devvm-Proxy-Secret: {options.secret}\r\n" if options.secret else ""
        self.writer.write(f"{HANDSHAKE}X-Authentik-Username: {user}\r\nCookie: {cookie}\r\n{secret}\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = head.split(b" ", 2)[1].decode()
        if status != "101":
            self.writer.close()
            raise Refused(status)
        return self

    async def send(self, payload, opcode=1, last=True):
        self.writer.write(frame(payload, opcode, last))
        await self.writer.drain()

    async def read(self):
        first, second = await self.reader.readexactly(2)
        n = second & 127
        if n == 126:
            (n,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif n == 127:
            (n,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first, await self.reader.readexactly(n)

    async def ends(self):
        """What still comes, until the end."""
        try:
            return await self.reader.read(65536)
        except ConnectionResetError:
            return b""


async def big(ws, n_bytes):
    payload = os.urandom(int(n_bytes))
    _, answer = (await asyncio.gather(ws.send(payload, 2), ws.read()))
    return f"{len(answer[1])} same" if answer[1] == payload else "another"


async def pieces(ws):
    await ws.send(b"one ", 1, False)
    await ws.send(b"ping", 9)
    await ws.send(b"two ", 0, False)
    await ws.send(b"three", 0)
    return " ".join(f"{first:x}:{data.decode().strip()}" for first, data in [await ws.read() for _ in range(4)])


async def idle(ws, seconds):
    try:
        end = await asyncio.wait_for(ws.reader.read(1), float(seconds))
        return f"it was ended ({end!r})"
    except asyncio.TimeoutError:
        await ws.send(b"awake")
        return (await ws.read())[1].decode()


async def close(ws):
    await ws.send(struct.pack("!H", 1000) + b"bye", 8)
    first, data = await ws.read()
    rest = await ws.ends()
    return f"{first:x} {struct.unpack('!H', data[:2])[0]} {data[2:].decode()}, {'ended' if not rest else rest}"


async def fin(ws):
    ws.writer.write(frame(struct.pack("!H", 1000), 8))
    ws.writer.write_eof()
    await ws.ends()
    return "ended"


async def half(ws):
    ws.writer.write(frame(b"last word"))
    ws.writer.write_eof()
    await ws.ends()
    return "ended"


async def rst(ws):
    ws.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ws.writer.transport.abort()
    return "reset"


async def await_end(ws):
    print("open", flush=True)
    return f"ended {await ws.ends()!r}"


class Held:
    def __init__(self):
        self.opened, self.lost, self.words, self.refused = (collections.Counter() for _ in range(4))
        self.sockets = []
        self.ends = False

    async def one(self, options, gate, user, cookie):
        async with gate:
            try:
                ws = await asyncio.wait_for(WebSocket.open(options, user, cookie), 60)
            except (Refused, OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.refused[str(error) or type(error).__name__] += 1
                return
        self.opened[user] += 1
        self.sockets.append(asyncio.ensure_future(self.speak(ws, user, self.opened[user])))

    async def speak(self, ws, user, number):
        n = 0
        try:
            while not self.ends:
                n += 1
                word = f"{user} {number} {n}".encode()
                await ws.send(word)
                if (await asyncio.wait_for(ws.read(), 60))[1] != word:
                    raise EOFError
                self.words[user] += 1
                await asyncio.sleep(1)
            await ws.send(struct.pack("!H", 1000), 8)
            await ws.read()
        except (OSError, EOFError, asyncio.TimeoutError):
            self.opened[user] -= 1
            self.lost[user] += 1
        ws.writer.close()

    def sum(self):
        rows = [f"{user} open {self.opened[user]} lost {self.lost[user]} words {self.words[user]}"
                for user in sorted(self.opened | self.lost)]
        return "; ".join(rows + [f"refused {status} {n}" for status, n in sorted(self.refused.items())])


async def hold(options, path):
    held, gate = Held(), asyncio.Semaphore(50)
    with open(path) as lines:
        rows = [line.split() for line in lines]
    await asyncio.gather(*(held.one(options, gate, user, cookie) for user, cookie, n in rows for _ in range(int(n))))
    print(held.sum(), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (order := (await reader.readline()).strip()) == b"sum":
        print(held.sum(), flush=True)
    held.ends = True
    await asyncio.wait_for(asyncio.gather(*held.sockets), 60)
    return held.sum()


COMMANDS = {"big": big, "pieces": pieces, "idle": idle, "close": close, "fin": fin, "half": half, "rst": rst,
            "await": await_end}


async def run(options):
    if options.words[0] == "hold":
        return await hold(options, options.words[1])
    user, cookie, command, *arguments = options.words
    try:
        ws = await WebSocket.open(options, user, cookie)
    except Refused as error:
        return str(error)
    return await asyncio.wait_for(COMMANDS[command](ws, *arguments), 600 if command == "await" else 60)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--secret")
    parser.add_argument("--port", type=int, default=3780)
    parser.add_argument("--unix")
    parser.add_argument("words", nargs="+")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(asyncio.run(run(parser.parse_args())), flush=True)


main()
