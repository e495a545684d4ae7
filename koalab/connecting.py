"""``kl.connect``: the session of this process, with an embedded server or a server at an address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from koalab.errors import BadInput
from koalab.inputs.arguments import flag, path, seconds, whole_number
from koalab.inputs.text import shown
from koalab.sessions.shared import SESSIONS

if TYPE_CHECKING:
    from koalab.sessions.session import Session
    from koalab.store.finality import Finality
    from koalab.transport.access import TlsFiles, Token

_SEEDS = (-(2**63), 2**63 - 1)
_LONGEST_CLOCK = 60
_TIMEOUT = 5.0
_EMBEDDED: Mapping[str, Any] = {"seed": 1, "limits": "official"}
_OF_EMBEDDED = ("market_data", "account_file", "seed", "clock", "limits")
_ENVIRONMENT = ("KOALAB_TARGET", "KOALAB_TOKEN", "KOALAB_TLS", "KOALAB_CACHE_DIR")


def connect(
    target: str | None = None,
    *,
    market_data: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    clock: str | None = None,
    limits: str | None = None,
    account_file: str | os.PathLike[str] | None = None,
    edited_account: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    timeout: float = _TIMEOUT,
    token: Token | None = None,
    tls: TlsFiles | None = None,
    allow_real_orders: bool | None = None,
    finality: Finality | None = None,
    shared: bool = True,
) -> Session:
    """The session with a broker: the one that is open in this process, or a new one.

    A process has one session for each broker, which ``%kiwoom`` uses as well. ``connect()`` returns the open session
    that was used last; with arguments, the one that was opened with these; where there is none it opens one. That
    one is then ``kl.session()``. ``with`` closes the session unless another ``connect()`` has returned it too;
    ``close()`` closes it at once, for all.

    Args:
        target: ``"host"`` or ``"host:port"`` of a kernel server. None: the environment's KOALAB_TARGET; without
            that, an embedded server with the simulated broker is started, which ends with the session, and at the
            latest with the process.
        market_data: embedded only: a folder with recorded prices, served in place of synthetic ones.
        seed: embedded only: seed of the synthetic market; default 1.
        clock: embedded only: ``"market"`` (real pace; outside trading hours it begins inside the latest session),
            ``"real"`` (the wall clock), ``"fast:N"`` (N times as fast) or ``"stepped"`` (waits take no time), each
            also with a start, ``"@2026-11-19"`` or ``"@2026-11-19T08:50"``. Default: ``"market"``, with
            ``market_data`` ``"real"``.
        limits: embedded only: the broker's rate limits, ``"official"`` (default) or ``"safe"``.
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
            too. Default: False for a new session.
        finality: when bars of a day with an after-market are final, where the defaults are not right for the broker.
        shared: False opens a separate session, which neither ``%kiwoom`` nor another ``connect()`` uses.

    Raises:
        NotConnected: no kernel server answers, TLS fails, or the embedded server did not start.
        Forbidden: the server requires a token, or does not accept this one.
        BadInput: an argument is invalid.
    """
    return _connect(dict(locals()), keep_open=True)


def attach(target: str | None, cache_dir: str | None) -> Session:
    """The session as ``connect`` returns it, for a caller that only uses it: a ``with`` of others closes it."""
    return _connect({"target": target, "cache_dir": cache_dir, "timeout": _TIMEOUT, "shared": True}, False)


def _connect(arguments: dict[str, Any], keep_open: bool) -> Session:
    timeout = seconds("timeout", arguments.pop("timeout"))
    shared = flag("shared", arguments.pop("shared"))
    edited = flag("edited_account", arguments.pop("edited_account", False))
    given = _checked(arguments, edited)
    if not shared:
        return _open(given, timeout, edited)[0]
    # Another server in the environment means another session.
    given["environment"] = tuple(os.environ.get(name) for name in _ENVIRONMENT)
    return SESSIONS.connect(given, partial(_open, given, timeout, edited), keep_open)


def _checked(arguments: Mapping[str, Any], edited_account: bool) -> dict[str, Any]:
    """The arguments that were given, in one form each.

    Raises:
        BadInput: one is invalid, or does not go with another.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    target = given.get("target")
    if target is not None and not isinstance(target, str):
        raise BadInput(f'target is a text like "192.168.0.10:5943", not {shown(target)}')
    for name in ("target", "cache_dir"):
        if isinstance(given.get(name), str) and not given[name]:
            del given[name]
    if "allow_real_orders" in given:
        given["allow_real_orders"] = flag("allow_real_orders", given["allow_real_orders"])
    if "finality" in given:
        _check_finality(given["finality"])
    if "seed" in given:
        given["seed"] = whole_number("seed", given["seed"], *_SEEDS)
    for name in ("market_data", "account_file", "cache_dir"):
        if name in given:
            given[name] = path(name, given[name]).expanduser().absolute()
    _check(given.get("clock"), given.get("limits", _EMBEDDED["limits"]))
    where = given.get("target") or os.environ.get("KOALAB_TARGET")
    if where and (edited_account or any(name in given for name in _OF_EMBEDDED)):
        raise BadInput(
            f"{', '.join(_OF_EMBEDDED[:-1])} and {_OF_EMBEDDED[-1]} belong to an embedded server; the one at"
            f" {where} has its own"
        )
    if not where and ("token" in given or "tls" in given or given.get("allow_real_orders")):
        raise BadInput(
            "token, tls and allow_real_orders are for a server at an address: give one, or set KOALAB_TARGET"
        )
    if edited_account and "account_file" not in given:
        raise BadInput("edited_account goes with account_file: give the file that was edited")
    return given


def _check_finality(given: object) -> None:
    from koalab.store.finality import Finality

    if not isinstance(given, Finality):
        raise BadInput(f"finality is a koalab.store.finality.Finality, not {shown(given)}")


def _open(given: Mapping[str, Any], timeout: float, edited_account: bool) -> tuple[Session, dict[str, Any]]:
    """A new session, and all of its settings."""
    # Imported here to keep `import koalab` quick; connecting waits for a server anyway.
    from koalab.sessions.session import Session
    from koalab.store.disk import default_folder
    from koalab.store.finality import DEFAULT
    from koalab.transport import access, embedded, remote

    folder = given.get("cache_dir")
    settings: dict[str, Any] = {
        "cache_dir": default_folder(folder).absolute(),
        "allow_real_orders": False,
        "finality": DEFAULT,
    }
    finality = given.get("finality", DEFAULT)
    target = given.get("target") or os.environ.get("KOALAB_TARGET") or None
    if target is not None:
        access_given = access.access_from(
            given.get("token"), given.get("tls"), given.get("allow_real_orders", False)
        )
        session = Session(remote.connect(target, timeout, access_given), folder, finality)
        return session, {**settings, **given, "target": target}
    clock = "real" if "market_data" in given else "market"
    settings |= {**_EMBEDDED, "clock": clock, **given}
    transport = embedded.start(
        given.get("market_data"),
        settings["seed"],
        given.get("clock"),
        settings["limits"],
        given.get("account_file"),
        edited_account,
    )
    session = Session(transport, folder, finality)
    session.login()
    return session, settings


def _check(clock: object, limits: object) -> None:
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
