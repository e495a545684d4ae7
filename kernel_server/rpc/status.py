"""Status: what this server is, and how much may still be asked of it."""

from __future__ import annotations

import asyncio

from kernel_server import __version__
from kernel_server.control.seam import Control
from kernel_server.rpc.context import Parts, Seen
from kernel_server.security.guard import Caller
from kernel_server.wire import kernel_pb2

# When the control thread is stuck, Status is how one learns of it: it then says how things stood before.
PATIENCE = 5.0


async def status(parts: Parts, asked: kernel_pb2.StatusRequest, caller: Caller) -> kernel_pb2.StatusResponse:
    """What the server is, and what ``caller`` may do there.

    ``asked.trs`` more TRs, as bulk work of a new client, would be done in ``expected_wait``.
    """

    def look(control: Control) -> Seen:
        # The market's standing here, too: the calendar may have to be read first.
        standing = parts.standing(parts.clock.now()) if parts.standing else ("", "")
        if control.call("GetConnectState", ()) != 1:
            return Seen(False, control.always_paper, "", *standing)
        server = control.call("GetLoginInfo", ("GetServerGubun",))
        return Seen(True, server == "1", str(control.call("GetLoginInfo", ("USER_ID",))), *standing)

    try:
        parts.seen = await asyncio.wait_for(parts.host.run(look), PATIENCE if parts.seen else None)
    except asyncio.TimeoutError:
        assert parts.seen is not None
    connected, simulation, user, session, phase = parts.seen
    quotas = [
        kernel_pb2.Quota(
            kind=one.key,
            limit=one.window.limit,
            seconds=one.window.seconds,
            used=one.used,
            next_free=round(one.next_free, 6),
            allowed=one.allowed,
        )
        for one in parts.scheduler.quotas()
    ]
    setting = parts.clock.setting
    waiting = parts.scheduler.waiting()
    return kernel_pb2.StatusResponse(
        version=__version__,
        control=parts.host.kind,
        source=parts.host.source,
        connected=connected,
        simulation=simulation,
        user_id=user,
        now=parts.clock.now(),
        speed=parts.clock.speed,
        limits=parts.scheduler.limits.name,
        quotas=quotas,
        queued=sum(one.calls for one in waiting),
        streams=parts.streams,
        started_at=parts.started_at,
        trs=parts.scheduler.counts["tr"],
        clock=setting.name,
        clock_begins=setting.begins or 0.0,
        clock_replays=setting.replays,
        clock_leaps_at=setting.leaps_at or 0.0,
        session=session,
        phase=phase,
        waiting=[
            kernel_pb2.Queued(kind=one.kind, priority=one.priority.name.lower(), calls=one.calls)
            for one in waiting
        ],
        expected_wait=parts.scheduler.expected_wait("tr", asked.trs),
        problems=parts.problems(),
        rights=str(caller.right),
        real_orders=parts.access.allow_real_orders,
        max_order_value=parts.access.max_order_value or 0,
        next_login=parts.keeper.next_try,
    )
