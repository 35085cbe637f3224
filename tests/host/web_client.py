#!/usr/bin/env python3
"""web_client.py - types a line at the web terminal behind the front door, as its page does in a browser.

    web_client.py IDENTITY SECRET LINE [--origin URL] [--cookie COOKIE] [--address HOST:PORT]

Prints what the terminal shows until LINE is done. IDENTITY and SECRET are the headers of the sign-in in front
of the door ("-": do not send). Exit status 1 with a sentence when the door does not let it through.
"""
import argparse
import socket
import sys

import ttyd_client


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("identity")
    parser.add_argument("secret")
    parser.add_argument("line")
    parser.add_argument("--origin", default="http://localhost")
    parser.add_argument("--cookie", default="")
    parser.add_argument("--address", default="127.0.0.1:3780")
    options = parser.parse_args()
    host, port = options.address.rsplit(":", 1)
    connection = ttyd_client.Connection(None, 30)
    connection.socket = socket.create_connection((host, int(port)), 30)
    headers = f"Origin: {options.origin}\r\n"
    if options.identity != "-":
        headers += f"X-Authentik-Username: {options.identity}\r\n"
    if options.secret != "-":
        headers += f"X-Devvm-Proxy-Secret: {options.secret}\r\n"
    if options.cookie:
        headers += f"Cookie: {options.cookie}\r\n"
    print(ttyd_client.type_line(connection, options.line, headers))


try:
    main()
except (OSError, ttyd_client.TtydError) as error:
    sys.exit(f"web_client: {error}")
