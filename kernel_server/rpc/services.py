"""The services: KOAPY's path for its clients, and our own for ours, over the same handlers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kernel_server import failure
from kernel_server.observe import logs
from kernel_server.rpc.call import FunctionCalls
from kernel_server.rpc.chejan import ChejanStreams
from kernel_server.rpc.condition import ConditionSearches
from kernel_server.rpc.context import Context
from kernel_server.rpc.conveniences import Conveniences
from kernel_server.rpc.custom.custom_code import CustomCode
from kernel_server.rpc.fault import FaultInjection
from kernel_server.rpc.gateway import Handler, RpcGateway
from kernel_server.rpc.listen import EventStreams
from kernel_server.rpc.login import LoginFlow
from kernel_server.rpc.order import OrderStreams
from kernel_server.rpc.real import RealTimeStreams
from kernel_server.rpc.status import StatusReport
from kernel_server.rpc.ticks import TickStreams
from kernel_server.rpc.transaction import TrStreams
from kernel_server.wire import kernel_pb2, koapy_pb2, openapi_pb2

KOAPY = koapy_pb2.DESCRIPTOR.services_by_name["KiwoomOpenApiPlusService"]
KERNEL = kernel_pb2.DESCRIPTOR.services_by_name["Kernel"]


@dataclass(frozen=True, kw_only=True)
class Services:
    """The handlers of all RPCs, by what they are about."""

    calls: FunctionCalls
    chejan: ChejanStreams
    conditions: ConditionSearches
    conveniences: Conveniences
    custom_code: CustomCode
    events: EventStreams
    faults: FaultInjection
    login: LoginFlow
    orders: OrderStreams
    real_time: RealTimeStreams
    status: StatusReport
    ticks: TickStreams
    transactions: TrStreams

    def add_to(self, gateway: RpcGateway) -> None:
        gateway.add_service(KOAPY, self._koapy())
        gateway.add_service(KERNEL, self._kernel())

    def _koapy(self) -> Mapping[str, Handler]:
        return {
            "Call": self.conveniences.call,
            "Listen": self.events.listen,
            "LoginCall": self.login.login,
            "TransactionCall": self.transactions.transaction_call,
            "OrderCall": self.orders.order,
            "RealCall": self.real_time.real_call,
            "LoadConditionCall": self.conditions.load_condition_call,
            "ConditionCall": self.conditions.condition,
            "BidirectionalRealCall": self.real_time.bidirectional_real_call,
            "BidirectionalListen": self.events.bidirectional_listen,
            "OrderListen": self.events.order_listen,
            "CustomListen": self.custom_code.custom_listen,
            "CustomCallAndListen": self.custom_code.custom_call_and_listen,
            "SetLogLevel": set_log_level,
        }

    def _kernel(self) -> Mapping[str, Handler]:
        return {
            "Call": self.conveniences.call,
            "CallMany": self.calls.call_many,
            "Login": self.login.login,
            "Pages": self.transactions.pages,
            "Ticks": self.ticks.ticks,
            "Order": self.orders.order,
            "CreditOrder": self.orders.credit_order,
            "Chejan": self.chejan.chejan,
            "Events": self.events.listen,
            "Conditions": self.conditions.conditions,
            "Condition": self.conditions.condition,
            "Fault": self.faults.fault,
            "Status": self.status.status,
        }


async def set_log_level(
    request: openapi_pb2.SetLogLevelRequest, _context: Context
) -> openapi_pb2.SetLogLevelResponse:
    """SetLogLevel: Python's levels, 10 DEBUG to 40 ERROR; a blank logger stands for all of the server's."""
    try:
        logs.set_level(request.level, request.logger)
    except ValueError as error:
        raise failure.bad_input(str(error)) from None
    return openapi_pb2.SetLogLevelResponse()
