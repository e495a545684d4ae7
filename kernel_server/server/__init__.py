"""A kernel server: composes its parts and listens."""

from kernel_server.server.background import BackgroundServer
from kernel_server.server.grpc_server import PortTaken
from kernel_server.server.server import KernelServer
from kernel_server.server.settings import DEFAULT_PORT, ServerSettings

__all__ = ["DEFAULT_PORT", "BackgroundServer", "KernelServer", "PortTaken", "ServerSettings"]
