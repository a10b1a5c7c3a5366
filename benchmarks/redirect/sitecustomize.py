"""Sends what is meant for app.asana.com to a port of this machine.

Python imports it at its start where this folder is on the path: in the processes of other
connectors, whose address of the API is fixed.
"""  # noqa: INP001 - no package, a folder for the path

import os
import socket
from typing import Any

import certifi

HOST = "app.asana.com"
_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host: Any, port: Any, *args: Any, **named: Any) -> Any:
    """Return this machine's address for Asana's, the right one for any other."""
    if host in {HOST, HOST.encode()}:
        host, port = "127.0.0.1", int(os.environ["REDIRECT_PORT"])
    return _getaddrinfo(host, port, *args, **named)


socket.getaddrinfo = getaddrinfo
certifi.where = lambda: os.environ["REDIRECT_CA"]
