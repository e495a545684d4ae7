"""Puts a service's methods behind the door. A stream may send messages that are serialized already."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from kernel_server.rpc.gateway import RpcGateway


def _serialized(message: Message | bytes) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


_KINDS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def add(door: RpcGateway, service: ServiceDescriptor, servicer: object) -> None:
    """Offers every method of ``service``, each by the method of ``servicer`` that has its name."""
    handlers: dict[str, Any] = {
        method.name: _KINDS[method.client_streaming, method.server_streaming](
            getattr(servicer, method.name),
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=(
                _serialized
                if method.server_streaming
                else GetMessageClass(method.output_type).SerializeToString
            ),
        )
        for method in service.methods
    }
    door.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
