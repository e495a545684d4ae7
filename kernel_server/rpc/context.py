"""The gRPC context of an RPC: its client, and its headers."""

from __future__ import annotations

from typing import Any

import grpc.aio

Context = grpc.aio.ServicerContext[Any, Any]


def client_of(context: Context) -> str:
    """The client: one connection is one client."""
    return str(context.peer())


async def confirm(context: Context) -> None:
    """Sends the stream's headers: from here on the reader misses nothing."""
    await context.send_initial_metadata(())
