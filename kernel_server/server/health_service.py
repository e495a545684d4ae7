"""The standard health service of gRPC, and reflection."""

from __future__ import annotations

from collections.abc import Sequence

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from kernel_server.rpc.gateway import RpcGateway


class HealthService:
    """The standard health service, and reflection beside it.

    Args:
        names: the services whose health is reported, "" for all.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._servicer = health.aio.HealthServicer()

    def add_to(self, gateway: RpcGateway) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, gateway)
        names = [*filter(None, self._names), health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(names), gateway
        )

    async def report(self, serving: bool) -> None:
        """Sets the state that the service gives."""
        states = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._servicer.set(name, states.SERVING if serving else states.NOT_SERVING)

    async def close(self) -> None:
        await self._servicer.enter_graceful_shutdown()
