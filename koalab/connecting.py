"""``kl.connect``: makes a session, with an embedded server or one at an address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from koalab.errors import BadInput
from koalab.inputs.arguments import flag, path_or_none, seconds, whole_number
from koalab.inputs.text import shown

if TYPE_CHECKING:
    from koalab.session import Session
    from koalab.transport.access import TlsFiles, Token

_SEEDS = (-(2**63), 2**63 - 1)
_LONGEST_CLOCK = 60


def connect(
    target: str | None = None,
    *,
    market_data: str | os.PathLike[str] | None = None,
    seed: int = 1,
    clock: str | None = None,
    limits: str = "official",
    account_file: str | os.PathLike[str] | None = None,
    edited_account: bool = False,
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
        edited_account: embedded only: take an account file that was edited by hand, which is refused otherwise.
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

    if target is not None and not isinstance(target, str):
        raise BadInput(f'target is a text like "192.168.0.10:5943", not {shown(target)}')
    target = target or os.environ.get("KOALAB_TARGET") or None
    timeout = seconds("timeout", timeout)
    allow_real_orders = flag("allow_real_orders", allow_real_orders)
    edited_account = flag("edited_account", edited_account)
    folder = path_or_none("cache_dir", None if isinstance(cache_dir, str) and not cache_dir else cache_dir)
    if target is not None:
        given = (market_data, account_file, clock)
        own = (
            edited_account
            or any(one is not None for one in given)
            or not isinstance(limits, str)
            or limits != "official"
        )
        if own or whole_number("seed", seed, *_SEEDS) != 1:
            raise BadInput(
                "market_data, account_file, seed, clock and limits belong to an embedded server; the one at"
                f" {target} has its own"
            )
        access_given = access.access_from(token, tls, allow_real_orders)
        session = Session(remote.connect(target, timeout, access_given), folder)
    else:
        if token is not None or tls is not None or allow_real_orders:
            raise BadInput(
                "token, tls and allow_real_orders are for a server at an address: give one, or set KOALAB_TARGET"
            )
        _check(clock, limits)
        prices, account = path_or_none("market_data", market_data), path_or_none("account_file", account_file)
        number = whole_number("seed", seed, *_SEEDS)
        if edited_account and account is None:
            raise BadInput("edited_account goes with account_file: give the file that was edited")
        session = Session(embedded.start(prices, number, clock, limits, account, edited_account), folder)
        session.login()
    return session


def _check(clock: str | None, limits: str) -> None:
    from kernel_server import clock_name
    from kernel_server.scheduler.limits import PRESETS

    if clock is not None and not isinstance(clock, str):
        raise BadInput(f'clock is a text like "real" or "fast:60", not {shown(clock)}')
    if clock is not None and len(clock) > _LONGEST_CLOCK:
        raise BadInput(f"no clock {shown(clock)}: it is {clock_name.GRAMMAR}")
    try:
        if clock is not None:
            name = clock_name.parse(clock)
            if name.moment is not None:
                from kernel_server.simulated.market.clock import start_moment
                from koalab.calendar import table

                start_moment(name, table())
    except clock_name.BadClock as error:
        raise BadInput(str(error)) from None
    if not isinstance(limits, str) or limits not in PRESETS:
        raise BadInput(f"no limits {shown(limits)}: there are {', '.join(PRESETS)}")
