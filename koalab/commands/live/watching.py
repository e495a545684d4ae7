"""Watches of a terminal: quotes and conditions, drawn or written a line an event."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.text import Text

from koalab.commands.live.limit import WatchLimit
from koalab.commands.live.lines import CsvLines, JsonLines, Lines, NoLines, write_lines
from koalab.commands.live.quote_table import quote_table, state_text
from koalab.commands.live.screen import LiveScreen
from koalab.commands.terminal import Terminal
from koalab.dates import seoul
from koalab.errors import KoalabError, NoAnswer
from koalab.inputs.text import printable

if TYPE_CHECKING:
    import pandas as pd

    from koalab.live.condition_watch import ConditionWatch, MemberChange
    from koalab.live.event_reader import EventReader
    from koalab.live.events import Tick
    from koalab.live.table import LiveTable
    from koalab.sessions.session import Session

_LINES: Final[Mapping[str, type[Lines]]] = {"json": JsonLines, "csv": CsvLines, "none": NoLines}
# Between two drawings, so that a busy market does not flicker.
_PAUSE: Final = 0.1


def watch_quotes(runner: Terminal, codes: str | list[str], limit: WatchLimit) -> pd.DataFrame | None:
    """Follows the quotes of some issues until the limit or Ctrl-C; the trades, if there is a file for them."""
    kind, filed, session = _line_format(runner), runner.options.get("output") is not None, runner.session()
    with contextlib.ExitStack() as opened:
        trades = opened.enter_context(session.ticks(codes)) if filed or kind != "table" else None
        if kind == "table":
            table = opened.enter_context(session.live(codes, progress=runner.progress))
            _draw_quotes(session, table, limit)
        elif trades is not None:
            names = {code: session._name(code) for code in trades.codes}
            message = session._state_line(lambda: trades.state, f"{len(names)}종목").message()
            if message["state"] == "stale":  # no trade is to be expected now
                click.echo(message["say"], err=True)
            with contextlib.suppress(KeyboardInterrupt):
                reader = trades.reader(replay=True)
                write_lines(trades, reader, lambda tick: _trade(tick, names), _LINES[kind](), limit)
        return trades.to_frame() if trades is not None and filed else None


def watch_condition(runner: Terminal, condition: str, limit: WatchLimit) -> pd.DataFrame | None:
    """Follows a live condition until the limit or Ctrl-C; entries and exits, if there is a file for them."""
    kind, session = _line_format(runner), runner.session()
    with session.watch(condition, progress=runner.progress) as watch:
        members, reader = watch.members_and_reader()
        if kind == "table":
            _draw_members(session, watch, members, reader, limit)
        else:
            lines = _LINES[kind]()
            with contextlib.suppress(KeyboardInterrupt):
                for row in members.itertuples():
                    lines.event(_member("member", str(row.Index), str(row.name), row.entered))
                write_lines(watch, reader, _change, lines, limit)
        return watch.history() if runner.options.get("output") is not None else None


def _line_format(runner: Terminal) -> str:
    """``table``, ``json``, ``csv``, or ``none`` where the only output is a file."""
    drawn = sys.stdout.isatty()
    if runner.options.get("output") is not None:
        return "table" if drawn else "none"
    return str(runner.options.get("format") or ("table" if drawn else "json"))


def _trade(tick: Tick, names: Mapping[str, str]) -> Mapping[str, Any]:
    fields = tick._asdict()
    head = {"event": "trade", "code": fields.pop("code"), "name": names.get(tick.code, "")}
    return {**head, **fields, "arrived": seoul(tick.arrived)}


def _change(change: MemberChange) -> Mapping[str, Any]:
    return _member("entered" if change.entered else "left", change.code, change.name, change.time)


def _member(event: str, code: str, name: str, time: Any) -> Mapping[str, Any]:
    return {"event": event, "code": code, "name": name, "time": time}


def _draw_quotes(session: Session, table: LiveTable, limit: WatchLimit) -> None:
    line = session._state_line(lambda: table.state, f"{len(table)}종목")
    with LiveScreen(Console(highlight=False)) as screen:
        while True:
            quotes = table.frame()
            version = int(quotes.attrs["version"])
            line.count(version, time.monotonic())
            screen.draw(quote_table(quotes, line.message(), len(table.gaps), screen.width, screen.height))
            if limit.reached(table.trades) or table.closed or screen.stopped.wait(min(_PAUSE, limit.step)):
                break
            table.wait(version, limit.step)
    if table.closed:
        raise KoalabError(f"the quotes are followed no more: {table.state.why or 'the session was closed'}")


def _draw_members(
    session: Session,
    watch: ConditionWatch,
    members: pd.DataFrame,
    reader: EventReader[MemberChange],
    limit: WatchLimit,
) -> None:
    changes = 0
    with LiveScreen(Console(highlight=False)) as screen:
        for row in members.itertuples():
            screen.print(_member_line(row.entered, "현재", str(row.name), str(row.Index)))
        while not (limit.reached(changes) or screen.stopped.is_set()):
            message = session._state_line(lambda: watch.state, f"{len(watch.codes)}종목").message()
            screen.draw(state_text(message, len(watch.gaps)))
            try:
                change = reader.next(limit.step)
            except StopIteration:
                break
            except NoAnswer:
                if watch.state == "closed":
                    raise
                continue
            changes += 1
            what = "편입" if change.entered else "이탈"
            screen.print(_member_line(change.time, what, change.name, change.code))


def _member_line(time: Any, what: str, name: str, code: str) -> Text:
    style = {"편입": "red", "이탈": "blue"}.get(what, "")
    return Text(f"{time:%H:%M:%S} ").append(what, style).append(f" {printable(name)} ({code})")
