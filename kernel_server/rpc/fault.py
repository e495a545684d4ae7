"""Fault: makes something go wrong at a control that can fail on demand, to test what a program does then."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import grpc

from kernel_server import failure, reference
from kernel_server.control.host import ControlHost
from kernel_server.control.seam import FaultInjectable, FaultInjector
from kernel_server.failure import Failure
from kernel_server.rpc.context import Context
from kernel_server.wire import kernel_pb2

Asked = kernel_pb2.FaultRequest
_LOST, _REFUSED = -106, -100  # codes of OnEventConnect unless the request gives one


def _lasting(asked: Asked) -> float:
    return asked.seconds or math.inf


_KINDS: Mapping[str, Callable[[FaultInjector, Asked], None]] = {
    "cut": lambda faults, asked: faults.cut(asked.code or _LOST),
    "restart": lambda faults, asked: faults.restart(asked.seconds, asked.code or _LOST),
    "silence": lambda faults, asked: faults.go_silent(_lasting(asked)),
    "slowness": lambda faults, asked: faults.slow_down(asked.extra, _lasting(asked)),
    "lose": lambda faults, asked: faults.lose(asked.event, asked.times or 1),
    "double": lambda faults, asked: faults.double(asked.event, asked.times or 1),
    "reject_logins": lambda faults, asked: faults.reject_logins(asked.code or _REFUSED, asked.times or 1),
    "demand_update": lambda faults, _: faults.demand_update(),
    "chejan_first": lambda faults, _: faults.chejan_first(),
    "recover": lambda faults, _: faults.recover(),
}


class FaultInjection:
    """Fault, where the control can inject faults.

    Args:
        host: the control.
    """

    def __init__(self, host: ControlHost) -> None:
        self._host = host

    async def fault(self, asked: Asked, _context: Context) -> kernel_pb2.FaultResponse:
        """Injects the fault.

        Raises:
            failure.Failure: the control cannot fail on demand, or there is no such fault.
        """
        control = self._host.control
        if not isinstance(control, FaultInjectable):
            raise Failure(
                grpc.StatusCode.UNIMPLEMENTED,
                "BadInput",
                "only the simulated broker goes wrong on request",
            )
        inject = _KINDS.get(asked.kind)
        if inject is None:
            raise failure.bad_input(f"no fault {asked.kind!r}: there are {', '.join(_KINDS)}")
        if asked.kind in ("lose", "double") and asked.event not in reference.events():
            raise failure.bad_input(f"no event {asked.event!r}: there are {', '.join(reference.events())}")
        for name in ("seconds", "extra"):
            if not (getattr(asked, name) >= 0 and math.isfinite(getattr(asked, name))):
                raise failure.bad_input(f"{name} is a number of seconds, not {getattr(asked, name)}")
        if asked.code > 0:
            raise failure.bad_input(
                f"a code of OnEventConnect that says of trouble is negative, {asked.code} is not"
            )
        await self._host.run(lambda _: inject(control.faults, asked))
        return kernel_pb2.FaultResponse()
