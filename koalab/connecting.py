"""``kl.connect``: makes a session, with an embedded server or one at an address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from koalab.errors import BadInput

if TYPE_CHECKING:
    from koalab.session import Session
    from koalab.transport.access import TlsFiles, Token


def connect(
    target: str | None = None,
    *,
    market_data: str | os.PathLike[str] | None = None,
    seed: int = 1,
    clock: str | None = None,
    limits: str = "official",
    account_file: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    timeout: float = 5.0,
    token: Token | None = None,
    tls: TlsFiles | None = None,
    allow_real_orders: bool = False,
) -> Session:
    """A session with a broker.

    Args:
        target: ``"host"`` or ``"host:port"`` of a kernel server. None: the environment's KOALAB_TARGET; without
            that, an embedded server with the simulated broker is started, which ends with the session.
        market_data: embedded only: a folder with recorded prices, served in place of synthetic ones.
        seed: embedded only: seed of the synthetic market.
        clock: embedded only: ``"market"`` (real pace; outside trading hours it begins inside the latest session),
            ``"real"`` (the wall clock), ``"fast:N"`` (N times as fast) or ``"stepped"`` (waits take no time), each
            also with a start, ``"@2026-11-19"`` or ``"@2026-11-19T08:50"``. Default: ``"market"``, with
            ``market_data`` ``"real"``.
        limits: embedded only: the broker's rate limits, ``"official"`` or ``"safe"``.
        account_file: embedded only: a file that keeps accounts and orders beyond the server's life, created if
            missing. Without it every embedded server begins with fresh accounts.
        cache_dir: folder of the cache; default KOALAB_CACHE_DIR, else the platform's cache folder.
        timeout: seconds to wait for a server at ``target``.
        token: for a server that requires one: the token as a string, or a ``Path`` to its file. None: the
            environment's KOALAB_TOKEN. It is not sent to another machine without TLS.
        tls: the file with the CA of the server's certificate; CA, client certificate and key for a server that
            requires them, ``("ca.pem", "client.pem", "client.key")``; or True for a server certificate that the
            system trusts. None: the environment's KOALAB_TLS, else no TLS.
        allow_real_orders: allow this session's orders to a broker that is not 모의투자. The server has to allow them
            too.

    Raises:
        NotConnected: no kernel server answers, TLS fails, or the embedded server did not start.
        Forbidden: the server requires a token, or does not accept this one.
        BadInput: an argument is invalid.
    """
    # Imported here to keep `import koalab` quick; connecting waits for a server anyway.
    from koalab.session import Session
    from koalab.transport import access, embedded, remote

    target = target or os.environ.get("KOALAB_TARGET") or None
    if target is not None:
        embedded_only = market_data is not None or account_file is not None
        if embedded_only or seed != 1 or clock is not None or limits != "official":
            raise BadInput(
                "market_data, account_file, seed, clock and limits belong to an embedded server; the one at"
                f" {target} has its own"
            )
        credentials = access.access_from(token, tls, allow_real_orders)
        session = Session(remote.connect(target, timeout, credentials), cache_dir)
    else:
        if token is not None or tls is not None or allow_real_orders:
            raise BadInput(
                "token, tls and allow_real_orders are for a server at an address: give one, or set KOALAB_TARGET"
            )
        _check(clock, limits)
        session = Session(embedded.start(market_data, seed, clock, limits, account_file), cache_dir)
        session.login()
    return session


def _check(clock: str | None, limits: str) -> None:
    from kernel_server import clock_name
    from kernel_server.scheduler.limits import PRESETS

    try:
        if clock is not None:
            name = clock_name.parse(clock)
            if name.moment is not None:
                from kernel_server.simulated.market.clock import start_moment
                from koalab.calendar import table

                start_moment(name, table())
    except clock_name.BadClock as error:
        raise BadInput(str(error)) from None
    if limits not in PRESETS:
        raise BadInput(f"no limits {limits!r}: there are {', '.join(PRESETS)}")
