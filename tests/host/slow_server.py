#!/usr/bin/env python3
"""In the place of a person's t3, for what it does not do: slow_server.py PORT MODE.

MODE: keeps (answers, and keeps connections), rude (closes after each answer without saying so),
silent (never answers whether a session is alive). Any other path answers how many checks came, and over how many connections.
"""
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, MODE = int(sys.argv[1]), sys.argv[2]
CHECKS = []
NEVER = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        print("asked", self.path, flush=True)
        if self.path == "/api/auth/session":
            CHECKS.append(self.client_address)
            if MODE == "silent":
                NEVER.wait()
            self.answer('{"authenticated": true}')
            self.close_connection |= MODE == "rude"
        else:
            self.answer(f"{len(CHECKS)} over {len(set(CHECKS))}")

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


Server(("127.0.0.1", PORT), Handler).serve_forever()
