"""Which connections are open, from gRPC's own records (channelz).

An RPC shows its peer's address only, and the next client may have the same one. So what is kept for a client between
two of its RPCs is kept under the number of its connection, and goes with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grpc._cython import cygrpc  # type: ignore[attr-defined]  # as grpcio-channelz does

OPTION = ("grpc.enable_channelz", 1)
"""The server's option without which there are no records."""

_PREFIX = "chttp2 "


def open_now() -> dict[str, frozenset[int]]:
    """The numbers of the open connections by peer, of all servers in this process."""
    found: dict[str, frozenset[int]] = {}
    for server in _servers():
        for name, number in _sockets(server):
            if name.startswith(_PREFIX):
                peer = name[len(_PREFIX) :]
                found[peer] = found.get(peer, frozenset()) | {number}
    return found


def _servers() -> Iterator[int]:
    start, end = 0, False
    while not end:
        answer: dict[str, Any] = json.loads(cygrpc.channelz_get_servers(start))
        end = answer.get("end", False) or not answer.get("server")
        for server in answer.get("server", ()):
            start = int(server["ref"]["serverId"]) + 1
            yield start - 1


def _sockets(server: int) -> Iterator[tuple[str, int]]:
    start, end = 0, False
    while not end:
        try:
            answer: dict[str, Any] = json.loads(cygrpc.channelz_get_server_sockets(server, start, 0))
        except ValueError:
            return  # the server has been closed in between
        end = answer.get("end", False) or not answer.get("socketRef")
        for socket in answer.get("socketRef", ()):
            start = int(socket["socketId"]) + 1
            yield str(socket["name"]), start - 1
