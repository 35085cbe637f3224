#!/usr/bin/env python3
"""A stand-in for a Vault server, which cannot be installed where the tests run.

It keeps the written contract of the KV v2, AppRole and token endpoints for what devvm asks,
and gives any failure on demand. State is a JSON file that is read at each request:

  {"secrets": {"devvm/x": {"version": 1, "data": {"value": "..."}}},
   "fail": {"devvm/x": "403"}, "ttl": 3600, "creation_ttl": 3600}

`fail` by path: a status, or 404-deleted, sealed, hang, reset, half, empty, oversized, once-429,
307:URL. Each request is noted in the log as METHOD PATH TOKEN-KNOWN.

usage: server.py PORT STATE LOG
"""

import json
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKENS = {"hvs.file-token-SENTINEL", "hvs.role-token-SENTINEL"}
ROLE = ("role-id-SENTINEL", "secret-id-SENTINEL")
PORT, STATE, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3]
failed_once = set()
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        known = "yes" if self.headers.get("X-Vault-Token") in TOKENS else "no"
        with lock, open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {known}\n")
        return known == "yes"

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def reset(self, head=b""):
        self.wfile.write(head)
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def fail(self, how, row):
        value = json.dumps(row.get("data", {}).get("value", ""))
        if how == "hang":
            threading.Event().wait(60)
            self.close_connection = True
        elif how == "reset":
            self.reset(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
                       b'{"data":{"data":{"value":' + value.encode())
        elif how == "half":
            self.answer(200, ('{"data":{"data":{"value":' + value).encode())
        elif how == "empty":
            self.answer(200, {"data": {"data": {"value": ""}, "metadata": {"version": 90}}})
        elif how == "oversized":
            self.answer(200, {"data": {"data": {"value": "x" * 70000}, "metadata": {"version": 91}}})
        elif how == "huge":
            self.answer(200, b"x" * 3000000)
        elif how == "sealed":
            self.answer(503, {"errors": ["Vault is sealed"]})
        elif how == "404-deleted":
            self.answer(404, {"data": {"data": None, "metadata": {
                "version": 3, "deletion_time": "2026-01-01T00:00:00Z"}}})
        elif how.startswith("307:"):
            self.answer(307, None, [("Location", how[4:] + self.path)])
        elif how == "404":
            self.answer(404, {"errors": []})
        else:
            self.answer(int(how), {"errors": ["failure on demand"]})

    def handle_any(self):
        with open(STATE, encoding="utf-8") as file:
            state = json.load(file)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = self.note()
        if self.path == "/v1/auth/approle/login":
            asked = json.loads(body)
            if (asked.get("role_id"), asked.get("secret_id")) != ROLE:
                return self.answer(400, {"errors": ["invalid role or secret ID"]})
            return self.answer(200, {"auth": {"client_token": "hvs.role-token-SENTINEL",
                                              "lease_duration": 3600, "renewable": True}})
        if not known:
            return self.answer(403, {"errors": ["permission denied"]})
        ttl, whole = state.get("ttl", 3600), state.get("creation_ttl", 3600)
        if self.path == "/v1/auth/token/lookup-self":
            return self.answer(200, {"data": {"ttl": ttl, "creation_ttl": whole, "renewable": True}})
        if self.path == "/v1/auth/token/renew-self" and self.command == "POST":
            return self.answer(200, {"auth": {"lease_duration": whole, "renewable": True}})
        name = self.path.removeprefix("/v1/secret/data/")
        row = state["secrets"].get(name)
        how = state.get("fail", {}).get(name)
        if how and how.startswith("once-"):
            how = None if name in failed_once else how[5:]
            failed_once.add(name)
        if how:
            return self.fail(how, row or {})
        if row is None:
            return self.answer(404, {"errors": []})
        return self.answer(200, {"data": {"data": row["data"],
                                          "metadata": {"version": row["version"]}}})

    do_GET = do_POST = handle_any


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
