"""Fault: makes something go wrong at the simulated broker, so that what a program does then can be tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import grpc

from kernel_server import failure, reference
from kernel_server.failure import Failure
from kernel_server.rpc.context import Parts
from kernel_server.wire import kernel_pb2

if TYPE_CHECKING:
    from kernel_server.simulated.faults import Faults

Asked = kernel_pb2.FaultRequest
_LOST, _REFUSED = -106, -100  # what OnEventConnect says unless something else is asked for


def _lasting(asked: Asked) -> float:
    return asked.seconds or math.inf


_KINDS: Mapping[str, Callable[[Faults, Asked], None]] = {
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


async def fault(parts: Parts, asked: Asked) -> None:
    """Carries it out.

    Raises:
        failure.Failure: the control is not the simulated one, or there is no such fault.
    """
    faults: Faults | None = getattr(parts.host.control, "faults", None)
    if faults is None:
        raise Failure(
            grpc.StatusCode.UNIMPLEMENTED,
            "BadInput",
            "only the simulated broker goes wrong when it is told to",
        )
    act = _KINDS.get(asked.kind)
    if act is None:
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
    await parts.host.run(lambda _: act(faults, asked))
