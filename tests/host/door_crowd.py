#!/usr/bin/env python3
"""Many navigations at once: door_crowd.py SECRET NAME COUNT. All are sent before one is answered that has to wait; prints
how often each status came, and the title of what was refused."""
import collections
import re
import selectors
import socket
import sys

SECRET, NAME, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
REQUEST = (
    f"GET /x HTTP/1.1\r\nHost: door\r\nConnection: close\r\nX-Authentik-Username: {NAME}\r\nX-Devvm-Proxy-Secret: {SECRET}\r\n"
    "Sec-Fetch-Dest: document\r\nCookie: t3_session=x\r\n\r\n"
).encode()

waiting = selectors.DefaultSelector()
answers = {}
for _ in range(COUNT):
    one = socket.create_connection(("127.0.0.1", 3780), timeout=30)
    one.sendall(REQUEST)
    answers[one] = b""
    waiting.register(one, selectors.EVENT_READ)
while waiting.get_map():
    ready = waiting.select(60)
    if not ready:
        sys.exit(f"{len(waiting.get_map())} have no answer")
    for key, _ in ready:
        bytes_ = key.fileobj.recv(65536)
        answers[key.fileobj] += bytes_
        if not bytes_:
            waiting.unregister(key.fileobj)
counts = collections.Counter(text[9:12].decode() or "none" for text in answers.values())
titles = {m for text in answers.values() if text[9:12] != b"200" for m in re.findall(r"<h1>([^<]*)</h1>", text.decode())}
print(*(f"{status}={n}" for status, n in sorted(counts.items())), *sorted(titles))
