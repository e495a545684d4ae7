"""The gRPC context of an RPC: its client, and its headers."""

from __future__ import annotations

from typing import Any

import grpc.aio
from google.protobuf.message import DecodeError

from kernel_server import failure
from kernel_server.control.host import ControlHost
from kernel_server.control.origin import Origin
from kernel_server.rpc.values import origin_metadata
from kernel_server.wire import EXPECTED_KEY, kernel_pb2

Context = grpc.aio.ServicerContext[Any, Any]


def client_of(context: Context) -> str:
    """The client: one connection is one client."""
    return str(context.peer())


def require_expected(context: Context, here: Origin) -> None:
    """Refuses an RPC that its client means for another server, to which gRPC has connected by itself.

    Raises:
        failure.Failure: OtherPrices, or NotConnected for an earlier process of this server; nothing has been done.
    """
    for key, value in context.invocation_metadata() or ():
        if key != EXPECTED_KEY:
            continue
        try:
            expected = kernel_pb2.Origin.FromString(value if isinstance(value, bytes) else value.encode())
        except DecodeError:
            raise failure.bad_input(f"the metadata {EXPECTED_KEY} is no Origin of kernel.proto") from None
        if expected.prices != here.prices:
            raise failure.other_prices(here.prices, expected.prices)
        if expected.server and expected.server != here.server:
            raise failure.started_anew()


async def confirm(context: Context, host: ControlHost) -> None:
    """Sends the stream's headers, with its origin: from here on the reader misses nothing."""
    origin = await host.run(lambda _: host.origins.look())
    await context.send_initial_metadata(origin_metadata(origin))
