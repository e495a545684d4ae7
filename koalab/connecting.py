"""``kl.connect``: from nothing, or from an address, to a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from koalab.errors import BadInput

if TYPE_CHECKING:
    from koalab.session import Session


def connect(
    target: str | None = None,
    *,
    market_data: str | os.PathLike[str] | None = None,
    seed: int = 1,
    clock: str = "real",
    limits: str = "official",
    cache_dir: str | os.PathLike[str] | None = None,
    timeout: float = 5.0,
) -> Session:
    """A session with a broker.

    Args:
        target: ``"host"`` or ``"host:port"`` of a kernel server. None: the environment's KOALAB_TARGET; without
            that, an embedded server over the simulated broker is started, which ends with the session.
        market_data: embedded only: a folder of files to serve instead of synthetic prices.
        seed: embedded only: of the synthetic market.
        clock: embedded only: ``"real"``, ``"fast:N"`` (N times as fast) or ``"stepped"`` (no wait costs time).
        limits: embedded only: the broker's windows, ``"official"`` or ``"safe"``.
        cache_dir: where loaded data is kept; default KOALAB_CACHE_DIR, else the platform's cache folder.
        timeout: seconds to wait for a server at ``target``.

    Raises:
        NotConnected: no kernel server answers there, or the embedded one did not start.
        BadInput: an argument makes no sense.
    """
    # Here and not above: `import koalab` stays quick, and whoever connects waits for a server anyway.
    from koalab.session import Session
    from koalab.transport import embedded, remote

    target = target or os.environ.get("KOALAB_TARGET") or None
    if target is not None:
        if market_data is not None or seed != 1 or clock != "real" or limits != "official":
            raise BadInput(
                f"market_data, seed, clock and limits belong to an embedded server; the one at {target} has its own"
            )
        session = Session(remote.connect(target, timeout), cache_dir)
    else:
        _check(clock, limits)
        session = Session(embedded.start(market_data, seed, clock, limits), cache_dir)
        session.login()
    return session


def _check(clock: str, limits: str) -> None:
    from kernel_server.clock import parse_clock
    from kernel_server.scheduler.limits import presets

    try:
        parse_clock(clock, start=0.0).close()
    except ValueError as error:
        raise BadInput(str(error)) from None
    if limits not in presets():
        raise BadInput(f"no limits {limits!r}: there are {', '.join(presets())}")
