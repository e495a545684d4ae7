"""What the log says of an RPC: who asked for what, and what came of it.

Of requests it has names and figures, never inputs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from google.protobuf.message import Message

from kernel_server.observe import masking
from kernel_server.observe.logs import say
from kernel_server.security.guard import Caller
from kernel_server.security.orders import order_in
from kernel_server.wire import kernel_pb2, openapi_pb2

log = logging.getLogger(__name__)

_LONGEST = 40
_QUIET = ("/grpc.health.", "/grpc.reflection.")
"""Looked at every few seconds by whoever watches over a server."""
_LOUD = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


class Action:
    """One RPC for the log. It takes in what is asked and answered, and is written when the RPC has ended."""

    def __init__(self, method: str, peer: str, caller: Caller) -> None:
        self._method = method
        self._about: dict[str, object] = {"client": peer, "caller": caller.name or None}
        self._figures: dict[str, int] = {}

    def asked(self, request: Message) -> None:
        self._about.update(_of_request(request))

    def answered(self, response: object) -> None:
        """Takes in one message of the answer; those that are bytes already are only counted."""
        figures = self._figures
        figures["messages"] = figures.get("messages", 0) + 1
        if isinstance(response, kernel_pb2.Page) and not response.HasField("waiting"):
            figures["pages"] = figures.get("pages", 0) + 1
            figures["rows"] = figures.get("rows", 0) + response.rows
        elif isinstance(response, openapi_pb2.ListenResponse) and response.HasField("multi_data"):
            figures["rows"] = figures.get("rows", 0) + len(response.multi_data.values)
        elif isinstance(response, openapi_pb2.CallResponse) and "action" in self._about:
            figures["result"] = response.return_value.long_value

    def ended(self, status: str, seconds: float, reason: str = "") -> None:
        """Writes the line. ``reason`` is what a refused caller was told."""
        level = logging.INFO
        if self._method.startswith(_QUIET):
            level = logging.DEBUG
        if status in _LOUD:
            level = logging.WARNING
        say(
            log,
            level,
            "rpc",
            method=short(self._method),
            status=status,
            seconds=round(seconds, 6),
            **self._about,
            **self._figures,
            reason=reason or None,
        )


def short(method: str) -> str:
    """Service and method without the package.

    >>> short("/koalab.kernel.v1.Kernel/Pages")
    'Kernel/Pages'
    """
    service, _, name = method.lstrip("/").rpartition("/")
    return f"{service.rpartition('.')[2]}/{name}"


def _of_request(request: Message) -> Mapping[str, object]:
    if isinstance(request, kernel_pb2.CallManyRequest):
        return {"calls": len(request.calls)}
    order = order_in(request)
    if order is not None:
        return {
            "account": masking.account(order.account),
            "action": order.action,
            "code": order.code[:_LONGEST],
            "quantity": order.quantity,
            "price": f"{order.price:g}",
        }
    if isinstance(request, openapi_pb2.CallRequest):
        found: dict[str, object] = {"function": request.name[:_LONGEST]}
        if request.name == "CommRqData" and len(request.arguments) > 1:
            found["tr"] = request.arguments[1].string_value[:_LONGEST]
        return found
    if isinstance(request, (kernel_pb2.PagesRequest, openapi_pb2.TransactionRequest)):
        return {"tr": request.transaction_code[:_LONGEST]}
    return {}
