"""``MetadataInterceptor``: sends metadata with every RPC of a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import grpc


class _CallDetails(NamedTuple):
    """``grpc.ClientCallDetails``; gRPC reads the fields by name."""

    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str | bytes]] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class MetadataInterceptor(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds metadata to every RPC of a channel."""

    def __init__(self, metadata: Sequence[tuple[str, str]]) -> None:
        self._metadata = tuple(metadata)

    def _add_metadata(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(
            _CallDetails(
                details.method,
                details.timeout,
                (*(details.metadata or ()), *self._metadata),
                details.credentials,
                getattr(details, "wait_for_ready", None),
                getattr(details, "compression", None),
            ),
            request,
        )

    intercept_unary_unary: Any = _add_metadata
    intercept_unary_stream: Any = _add_metadata
    intercept_stream_unary: Any = _add_metadata
    intercept_stream_stream: Any = _add_metadata
