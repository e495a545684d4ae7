"""The gRPC server: its options, and the address on which it listens."""

from __future__ import annotations

import grpc
import grpc.aio

from kernel_server.security import connections
from kernel_server.server.settings import ServerSettings

# A request is some names and values, so a larger one is a mistake; a page of answers may be larger.
_OPTIONS = [
    ("grpc.max_receive_message_length", 4 * 2**20),
    ("grpc.max_send_message_length", 64 * 2**20),
    # Two servers on one port would each get some of the calls; the second has to fail instead.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5000),
    connections.OPTION,
]


class PortTaken(OSError):
    """Another program listens on the address."""


def bind(
    handler: grpc.GenericRpcHandler, settings: ServerSettings, credentials: grpc.ServerCredentials | None
) -> tuple[grpc.aio.Server, int]:
    """A server that has taken its address and is not started, and its port.

    Raises:
        PortTaken: the address is in use.
    """
    # The gateway refuses a client with too many RPCs; one that goes on all the same is held up by gRPC.
    options = [
        *_OPTIONS,
        ("grpc.max_concurrent_streams", 2 * settings.access.max_streams),
        ("grpc.server_handshake_timeout_ms", int(settings.greeting_timeout * 1000)),
        ("grpc.max_connection_idle_ms", int(settings.idle_timeout * 1000)),
    ]
    server = grpc.aio.server(handlers=[handler], options=options)
    wanted = address(settings.host, settings.port)
    taken = f"cannot listen on {wanted}: another program does, or the address is not ours"
    try:
        port = (
            server.add_insecure_port(wanted)
            if credentials is None
            else server.add_secure_port(wanted, credentials)
        )
    except RuntimeError as error:
        raise PortTaken(taken) from error
    if not port:
        raise PortTaken(taken)
    return server, port


def address(host: str, port: int) -> str:
    """``HOST:PORT``, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
