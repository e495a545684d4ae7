"""A client that speaks only KOAPY's wire: its messages are generated from ``koapy.proto`` here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from tests.support.waiting import HANGS_AFTER

_PACKAGE = "koapy.backend.kiwoom_open_api_plus.grpc"
_SERVICE = f"/{_PACKAGE}.KiwoomOpenApiPlusService"
WITHIN = HANGS_AFTER
"""Seconds of a call."""


@cache
def messages() -> descriptor_pool.DescriptorPool:
    # A pool of its own: in the default one our service has the same name.
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "koapy.bin"
        assert protoc.main(["protoc", f"-I{here}", f"-o{target}", "koapy.proto"]) == 0
        files = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def message(name: str) -> Any:
    return message_factory.GetMessageClass(messages().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


class KoapyClient:
    def __init__(self, address: str) -> None:
        # A connection of its own, as two programs have: otherwise gRPC shares one inside a process.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(address, options)

    def __enter__(self) -> KoapyClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def call(
        self, name: str, *arguments: str | int | bool, timeout: float = WITHIN
    ) -> str | int | bool | None:
        request = message("CallRequest")(name=name)
        for argument in arguments:
            kind = {bool: "bool_value", int: "long_value", str: "string_value"}[type(argument)]
            request.arguments.add(**{kind: argument})
        response = self._unary("Call", "CallRequest", "CallResponse")(request, timeout=timeout)
        kind = response.return_value.WhichOneof("value")
        return getattr(response.return_value, kind) if kind else None

    def start(self, name: str, *arguments: str | int) -> Any:
        """The call itself, at once; ``next`` gives its answer.

        It is declared as a stream of one, which is the same on the wire: of a unary call Python's gRPC shows the
        initial metadata in the end only.
        """
        request = message("CallRequest")(name=name)
        for argument in arguments:
            request.arguments.add(**{"long_value" if isinstance(argument, int) else "string_value": argument})
        return self._stream("Call", "CallRequest", "CallResponse")(request, timeout=WITHIN)

    def login(self) -> list[Any]:
        stream = self._stream("LoginCall", "LoginRequest", "ListenResponse")
        return list(stream(message("LoginRequest")(), timeout=WITHIN))

    def transaction(
        self,
        code: str,
        inputs: Mapping[str, str],
        request_name: str = "요청",
        screen_no: str = "0001",
        stop: tuple[str, str, int] | None = None,
    ) -> Iterator[Any]:
        request = message("TransactionRequest")(
            request_name=request_name, transaction_code=code, screen_no=screen_no, inputs=dict(inputs)
        )
        if stop is not None:
            request.stop_condition.name, request.stop_condition.value, request.stop_condition.comparator = (
                stop
            )
        stream: Iterator[Any] = self._stream("TransactionCall", "TransactionRequest", "ListenResponse")(
            request, timeout=WITHIN
        )
        return stream

    def listen(self, *slots: str) -> Any:
        return self._stream("Listen", "ListenRequest", "ListenResponse")(
            message("ListenRequest")(slots=slots), timeout=WITHIN
        )

    def order_listen(self) -> Any:
        return self._stream("OrderListen", "ListenRequest", "ListenResponse")(
            message("ListenRequest")(), timeout=WITHIN
        )

    def bidirectional_listen(self, requests: Iterator[Any]) -> Any:
        return self._both("BidirectionalListen", "BidirectionalListenRequest", "ListenResponse")(
            requests, timeout=WITHIN
        )

    def real(
        self,
        codes: Sequence[str],
        fids: Sequence[int],
        timeout: float = WITHIN,
        screens: Sequence[str] = (),
        **flags: bool,
    ) -> Any:
        request = message("RealRequest")(
            screen_no=screens, code_list=codes, fid_list=fids, opt_type="0", flags=flags
        )
        return self._stream("RealCall", "RealRequest", "ListenResponse")(request, timeout=timeout)

    def bidirectional_real(self, requests: Iterator[Any]) -> Any:
        return self._both("BidirectionalRealCall", "BidirectionalRealRequest", "ListenResponse")(
            requests, timeout=WITHIN
        )

    def order(self, timeout: float = WITHIN, **fields: Any) -> Any:
        usual = {
            "request_name": "주문",
            "screen_no": "0101",
            "account_no": "8000000011",
            "order_type": 1,
            "quote_type": "00",
        }
        request = message("OrderRequest")(**{**usual, **fields})
        return self._stream("OrderCall", "OrderRequest", "ListenResponse")(request, timeout=timeout)

    def load_conditions(self) -> list[Any]:
        stream = self._stream("LoadConditionCall", "LoadConditionRequest", "ListenResponse")
        return list(stream(message("LoadConditionRequest")(), timeout=WITHIN))

    def condition(
        self, name: str, index: int, search_type: int = 0, timeout: float = WITHIN, **flags: bool
    ) -> Any:
        request = message("ConditionRequest")(
            screen_no="0102", condition_name=name, condition_index=index, search_type=search_type, flags=flags
        )
        return self._stream("ConditionCall", "ConditionRequest", "ListenResponse")(request, timeout=timeout)

    def custom_listen(self, code: str = "", class_name: str = "") -> Any:
        request = message("ListenRequest")(code=code, class_name=class_name)
        return self._stream("CustomListen", "ListenRequest", "ListenResponse")(request, timeout=WITHIN)

    def custom_call_and_listen(
        self, name: str, *arguments: str | int, code: str = "", class_name: str = ""
    ) -> Any:
        request = message("CallAndListenRequest")()
        request.call_request.name = name
        for argument in arguments:
            kind = "long_value" if isinstance(argument, int) else "string_value"
            request.call_request.arguments.add(**{kind: argument})
        request.listen_request.code, request.listen_request.class_name = code, class_name
        return self._stream("CustomCallAndListen", "CallAndListenRequest", "CallAndListenResponse")(
            request, timeout=WITHIN
        )

    def set_log_level(self, level: int, logger: str = "") -> None:
        request = message("SetLogLevelRequest")(level=level, logger=logger)
        self._unary("SetLogLevel", "SetLogLevelRequest", "SetLogLevelResponse")(request, timeout=WITHIN)

    def _both(self, method: str, request: str, response: str) -> Any:
        return self.channel.stream_stream(
            f"{_SERVICE}/{method}", message(request).SerializeToString, message(response).FromString
        )

    def _unary(self, method: str, request: str, response: str) -> Any:
        return self.channel.unary_unary(
            f"{_SERVICE}/{method}", message(request).SerializeToString, message(response).FromString
        )

    def _stream(self, method: str, request: str, response: str) -> Any:
        return self.channel.unary_stream(
            f"{_SERVICE}/{method}", message(request).SerializeToString, message(response).FromString
        )


def plain(arguments: Any) -> list[Any]:
    return [getattr(argument, argument.WhichOneof("value")) for argument in arguments]
