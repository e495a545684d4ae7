"""The gRPC context of an RPC: its client, and its headers."""

from __future__ import annotations

from typing import Any

import grpc.aio

from kernel_server.control.host import ControlHost
from kernel_server.rpc.values import origin_metadata

Context = grpc.aio.ServicerContext[Any, Any]


def client_of(context: Context) -> str:
    """The client: one connection is one client."""
    return str(context.peer())


async def confirm(context: Context, host: ControlHost) -> None:
    """Sends the stream's headers, with its origin: from here on the reader misses nothing."""
    origin = await host.run(lambda _: host.origins.look())
    await context.send_initial_metadata(origin_metadata(origin))
