"""``python -m kernel_server``: starts a server, says where it listens, and stops cleanly when asked to."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import functools
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from kernel_server import __version__, clock_name, ending, gc_tuning, parent
from kernel_server.clock import Clock, RunningClock, seoul
from kernel_server.clock_name import BadClock
from kernel_server.control.seam import Control
from kernel_server.control.thread import ControlThread, PlainThread
from kernel_server.observe import logs
from kernel_server.reconnecting import ReconnectSettings
from kernel_server.scheduler import PRESETS
from kernel_server.security import access, descriptors
from kernel_server.server import DEFAULT_PORT, KernelServer, PortTaken, ServerSettings
from kernel_server.supervised import SupervisedLogins

log = logging.getLogger("kernel_server")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m kernel_server",
        description="Serves Kiwoom's OpenAPI+ control, or a simulated broker in its place, over gRPC.",
    )
    found.add_argument("--control", choices=list(CONTROLS), help="default: ocx on Windows, else simulated")
    found.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; one that is not this machine's own wants TLS and tokens (%(default)s)",
    )
    found.add_argument("--port", type=int, default=DEFAULT_PORT, help="port, 0 for any (%(default)s)")
    found.add_argument(
        "--limits",
        choices=sorted(PRESETS),
        help="the broker's windows; default: safe on the OCX, else official",
    )
    found.add_argument("--market-data", type=Path, metavar="DIR", help="simulated: serve the files of DIR")
    found.add_argument(
        "--seed", type=int, default=1, help="simulated: seed of the synthetic market (%(default)s)"
    )
    found.add_argument(
        "--clock",
        help='simulated: "market", "real", "fast:N" or "stepped", each also with "@MOMENT", a day or time in'
        " Seoul (market; over --market-data real)",
    )
    found.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="WHAT",
        help='simulated: goes wrong every day, "nightly" or "HH:MM KIND [SECONDS [EXTRA]]" with KIND restart, cut,'
        " silence or slowness; may be given several times",
    )
    found.add_argument(
        "--account-file",
        type=Path,
        metavar="FILE",
        help="simulated: where accounts and orders outlive the server",
    )
    found.add_argument(
        "--edited-account",
        action="store_true",
        help="simulated: take an account file that was edited by hand, which is refused otherwise",
    )
    found.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="where call times are kept over restarts; default: OCX only",
    )
    found.add_argument(
        "--login",
        action="store_true",
        help="log in at the start, again and again until it works (OCX: with Kiwoom's own automatic login)",
    )
    found.add_argument(
        "--allow-custom-code",
        action="store_true",
        help="run code that clients send (CustomListen): it can do everything that this process can",
    )
    found.add_argument(
        "--parent", type=int, metavar="PID", help="end when process PID does; says ready in JSON"
    )
    found.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    found.add_argument("--log-level", default="WARNING", help="DEBUG, INFO, WARNING, ERROR (%(default)s)")
    found.add_argument(
        "--log-format",
        choices=logs.FORMATS,
        default="text",
        help="lines for people or for programs (%(default)s)",
    )
    found.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="serve figures to Prometheus on 127.0.0.1:PORT, 0 for any",
    )
    access.add_options(found)
    found.add_argument("--version", action="version", version=f"koalab kernel server {__version__}")
    return found


def default_state_dir() -> Path:
    base = (
        os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    )
    return Path(base) / "koalab"


def _fail(message: str) -> NoReturn:
    sys.exit(f"kernel_server: {message}")


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    choice = CONTROLS[options.control or ("ocx" if sys.platform == "win32" else "simulated")]
    try:
        logs.configure(logs.level_of(str(options.log_level)), options.log_format)
        reach = access.from_options(options)
    except ValueError as error:
        _fail(str(error))
    _check_ports(options)
    settings = ServerSettings(
        limits=PRESETS[options.limits or choice.limits],
        host=options.host,
        port=options.port,
        state_dir=options.state_dir or choice.state_dir(),
        access=reach,
        metrics_port=options.metrics_port,
        custom_code=options.allow_custom_code,
        reconnect=ReconnectSettings(at_start=options.login),
        on_connect=SupervisedLogins(_say) if options.supervised else None,
    )
    choice.serve(settings, options)


def _check_ports(options: argparse.Namespace) -> None:
    for name, port in (("--port", options.port), ("--metrics-port", options.metrics_port)):
        if port is not None and not 0 <= port <= 65535:
            _fail(f"{name} {port}: a port is 0 to 65535")


def _saved_at(account_file: Path | None, edited: bool) -> float | None:
    """The time of the accounts in that file; a clock does not begin before its day."""
    from kernel_server import simulated

    if account_file is None:
        return None
    try:
        return simulated.saved_at(account_file, edited)
    except Exception as error:  # noqa: BLE001 - any error of the file becomes one sentence for the user
        _fail(str(error))


def _serve_simulated(settings: ServerSettings, options: argparse.Namespace) -> None:
    # Threads that wait for matrices, of which there are none: a tenth of the CPU time until the server listens.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from kernel_server import simulated

    try:
        name = clock_name.parse(options.clock or clock_name.default(options.market_data is not None))
    except BadClock as error:
        _fail(f"--clock: {error}")

    try:
        simulated.check_machine()
    except RuntimeError as error:
        _fail(str(error))
    from kernel_server.reference import holidays
    from kernel_server.reference import sessions as calendar
    from kernel_server.simulated import faults
    from kernel_server.simulated.market import clock as market_clock
    from kernel_server.simulated.market.market_phase import market_phase

    if options.edited_account and not options.account_file:
        _fail("--edited-account goes with --account-file")
    try:
        changes = holidays.read()
    except holidays.BadHolidays as error:
        _fail(str(error))
    load = functools.cache(functools.partial(calendar.load, changes=changes))
    try:
        clock = market_clock.make(
            name, load, not_before=_saved_at(options.account_file, options.edited_account)
        )
    except BadClock as error:
        _fail(f"--clock: {error}")
    try:
        broker = simulated.BrokerSettings(planned_faults=tuple(faults.parse(text) for text in options.fault))
    except ValueError as error:
        _fail(f"--fault: {error}")
    settings = dataclasses.replace(
        settings,
        market_phase=lambda now: market_phase(load(), now),
        is_open=lambda now: load().current(now) is not None,
    )
    thread = PlainThread()

    def make() -> Control:
        return simulated.build(
            options.market_data,
            options.seed,
            clock,
            broker,
            thread.hand_over,
            load,
            options.account_file,
            changes,
            options.edited_account,
        )

    asyncio.run(_serve(make, thread, clock, settings, options.parent, _on_signals))


def _serve_ocx(settings: ServerSettings, options: argparse.Namespace) -> None:
    from kernel_server.control import installed, ocx

    if options.clock not in (None, "real") or options.market_data or options.account_file:
        _fail("--clock, --market-data and --account-file go with --control simulated")
    try:
        ocx.check_machine()
    except installed.ControlMissing as error:
        _fail(str(error))
    from kernel_server.control.qt import QtThread

    thread = QtThread()
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            asyncio.run(_serve(ocx.make, thread, RunningClock(), settings, options.parent, stops.append))
        except BaseException as error:  # noqa: BLE001 - raised by the main thread, whose loop ends here
            failed.append(error)
        finally:
            thread.stop()

    stops: list[Callable[[], None]] = []
    _on_signals(lambda: [stop() for stop in stops])
    server = threading.Thread(target=serve, name="server")
    server.start()
    thread.run()
    server.join()
    code = getattr(failed[0], "code", None) if failed else 0
    if not isinstance(code, int):
        raise failed[0]
    ending.at_once(code)


@dataclasses.dataclass(frozen=True)
class ControlChoice:
    """A control as ``--control`` offers it, with the defaults of other options.

    Attributes:
        serve: makes the control and serves it until the server is stopped.
        limits: the default of ``--limits``.
        state_dir: the default of ``--state-dir``; None: call times are not kept.
    """

    serve: Callable[[ServerSettings, argparse.Namespace], None]
    limits: str
    state_dir: Callable[[], Path | None]


CONTROLS: Mapping[str, ControlChoice] = {
    "simulated": ControlChoice(_serve_simulated, "official", lambda: None),
    "ocx": ControlChoice(_serve_ocx, "safe", default_state_dir),
}


def _on_signals(stop: Callable[[], object]) -> None:
    """Ctrl-C, SIGTERM and, on Windows, Ctrl-Break call ``stop()``. Call it on the main thread."""
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # a supervisor on Windows sends Ctrl-Break
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: stop())


async def _serve(
    make: Callable[[], Control],
    thread: ControlThread,
    clock: Clock,
    settings: ServerSettings,
    parent_pid: int | None,
    on_stop: Callable[[Callable[[], None]], None],
) -> None:
    """Serves until the function that is passed to ``on_stop`` is called."""
    descriptors.allow_all()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def stop_from_anywhere() -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    supervised = settings.on_connect if isinstance(settings.on_connect, SupervisedLogins) else None
    if supervised is not None:
        supervised.stop = stop_from_anywhere
    try:
        # Not on this loop: making the control waits for its thread, which may itself wait for the loop.
        server = await asyncio.to_thread(KernelServer, make, thread, clock, settings)
        await server.start()
    except Exception as error:
        thread.stop()
        log.debug("the server did not start", exc_info=error)
        _fail(f"{error}; choose another --port, or 0 for any" if isinstance(error, PortTaken) else str(error))
    on_stop(stop_from_anywhere)
    gc_tuning.tune()
    if parent_pid is not None:
        parent.when_gone(parent_pid, stop_from_anywhere)
        _say(json.dumps({"listening": server.address, "pid": os.getpid()}))
    else:
        _say(
            f"koalab kernel server {__version__}: listening on {server.address}, {_describe(server, clock)}."
            " Ctrl-C stops it."
        )
    await stop.wait()
    ending.set_deadline()
    await server.stop()
    if parent_pid is None:
        _say("stopped")
    if supervised is not None and supervised.exit_code:
        sys.exit(supervised.exit_code)


def _describe(server: KernelServer, clock: Clock) -> str:
    time = f"clock {clock.setting.name}, {seoul(clock.now()):%Y-%m-%d %H:%M} there"
    metrics = f", metrics on http://127.0.0.1:{server.metrics_port}/metrics" if server.metrics_port else ""
    return f"{server.kind} control, limits {server.limits_name}, {time}{metrics}"


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, flush=True)  # noqa: T201 - this is the program's own output


if __name__ == "__main__":
    main()
