"""Orders over gRPC: sending one, and the stream of the events of all."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import grpc

from kernel_server.wire import kernel_pb2, openapi_pb2
from koalab.errors import NoAnswer, OrderRejected, ServerLost
from koalab.transport.base import ChejanBatch, ChejanEvent, OrderAnswer, OrderRequest, Origin
from koalab.transport.messages import expecting
from koalab.transport.silence import SilenceWatchdog

_NUMBER: Final = "주문번호"
# A wait is cut so that Ctrl-C is noticed on every system.
_WAIT: Final = 0.2


def send(stub: Any, request: OrderRequest, timeout: float, expected: Origin) -> OrderAnswer:
    """Sends an order and waits for its number; errors are those of gRPC, and of ``Transport.order``."""
    order = openapi_pb2.OrderRequest(
        request_name="order",
        account_no=request.account,
        order_type=request.order_type,
        code=request.code,
        quantity=request.quantity,
        price=request.price,
        quote_type=request.quote,
        original_order_no=request.original,
    )
    if request.credit:
        credit = kernel_pb2.CreditOrderRequest(
            order=order, credit_type=request.credit, loan_date=request.loan_date
        )
        stream = stub.CreditOrder(credit, metadata=expecting(expected))
    else:
        stream = stub.Order(order, metadata=expecting(expected))
    received: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(stream, received), name="koalab-order", daemon=True).start()
    messages: list[str] = []
    until = time.monotonic() + timeout
    try:
        while True:
            try:
                item = received.get(timeout=_WAIT)
            except queue.Empty:
                if time.monotonic() > until:
                    raise NoAnswer(f"the broker gave the order no number within {timeout:g} s") from None
                continue
            if item is None:
                raise NoAnswer(" / ".join(messages) or "the order's events ended before its number came")
            if isinstance(item, grpc.RpcError):
                raise item
            if item.name == "OnReceiveMsg":
                messages.append(item.arguments[3].string_value)
            elif item.name == "OnReceiveTrData":
                number = dict(zip(item.single_data.names, item.single_data.values, strict=True)).get(
                    _NUMBER, ""
                )
                if not number.strip():
                    raise OrderRejected(" / ".join(messages) or "the broker gave the order no number")
                return OrderAnswer(number.strip(), tuple(messages))
    finally:
        stream.cancel()  # the order stays at the broker


def _read(stream: Any, received: queue.SimpleQueue[Any]) -> None:
    """Reads the stream on a thread, so that the caller can be interrupted."""
    try:
        for response in stream:
            received.put(response)
        received.put(None)
    except grpc.RpcError as error:
        received.put(error)


class RemoteChejan:
    """A stream of the events of all orders; see ``koalab.transport.base.ChejanStream``.

    Args:
        start: ``KernelStub.Chejan``.
        translated_errors: context manager that raises koalab's errors in place of gRPC's.
        expected: the server whose orders they are; another refuses.
    """

    def __init__(
        self,
        start: Callable[..., Any],
        translated_errors: Callable[[], AbstractContextManager[None]],
        expected: Origin,
    ) -> None:
        self._pid = os.getpid()
        self._translated_errors = translated_errors
        with translated_errors():
            self._stream = start(kernel_pb2.ChejanRequest(), metadata=expecting(expected))

    def __iter__(self) -> Iterator[ChejanBatch]:
        with self._translated_errors(), SilenceWatchdog(self._stream) as watchdog:
            try:
                for batch in self._stream:
                    watchdog.pause()
                    yield _batch(batch)
                    watchdog.resume()
            except grpc.RpcError:
                if watchdog.expired:
                    raise ServerLost("the stream of the orders' events has fallen silent") from None
                raise
            finally:
                self.close()
        raise ServerLost("the server ended the stream of the orders' events")

    def close(self) -> None:
        if os.getpid() == self._pid:  # a call of the parent's would hang in a forked process
            self._stream.cancel()


def _batch(batch: kernel_pb2.ChejanBatch) -> ChejanBatch:
    events = [
        ChejanEvent(one.kind, dict(zip(one.fids, one.values, strict=True)), one.time) for one in batch.events
    ]
    return ChejanBatch(events, batch.until, batch.connected if batch.HasField("connected") else None)
