"""The events of a stream as lines of JSON or CSV, each written as it comes."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

import click
import pandas as pd

from koalab.commands.live.limit import WatchLimit
from koalab.commands.output.rendering import inert_text, json_line
from koalab.errors import NoAnswer
from koalab.live.event_reader import EventReader
from koalab.live.readable import ReadableStream, StreamState

E = TypeVar("E")
# Seconds: the state of a busy stream is not asked for after each event.
_BETWEEN_LOOKS: Final = 0.2
_QUIET: Final = ("connecting", "live")


class Lines(Protocol):
    """Where events go, and what a stream says of itself."""

    def event(self, fields: Mapping[str, Any]) -> None: ...

    def state(self, state: StreamState) -> None: ...

    def gap(self, gap: Mapping[str, Any]) -> None: ...

    def dropped(self, events: int) -> None:
        """So many events were not read in time."""


class StateChanges:
    """Passes on what a stream says of itself, each thing once."""

    def __init__(self, stream: ReadableStream[Any], reader: EventReader[Any], lines: Lines) -> None:
        self._stream, self._reader, self._lines = stream, reader, lines
        self._state: tuple[str, pd.Timestamp] | None = None
        self._gaps = 0
        self._dropped = 0

    def look(self, at_end: bool = False) -> None:
        """Passes on a new state, gaps that have ended, and lost events; ``at_end`` also a gap that lasts."""
        state = self._stream.state
        found = (str(state), state.since)
        if found != self._state:
            self._state = found
            self._lines.state(state)
        for gap in self._stream.gaps.iloc[self._gaps :].to_dict("records"):
            if not (pd.isna(gap["until"]) and not at_end):
                self._gaps += 1
                self._lines.gap({str(name): value for name, value in gap.items()})
        dropped = self._stream.dropped + self._reader.dropped
        if dropped != self._dropped:
            self._lines.dropped(dropped - self._dropped)
            self._dropped = dropped


def write_lines(
    stream: ReadableStream[E],
    reader: EventReader[E],
    fields: Callable[[E], Mapping[str, Any]],
    lines: Lines,
    limit: WatchLimit,
) -> None:
    """Writes a line an event until the limit is reached or the stream ends, with the error that ended it.

    Args:
        stream: to follow.
        reader: of its events.
        fields: of an event, by name, always the same.
        lines: to write to.
        limit: when it ends by itself.
    """
    changes, written, looked = StateChanges(stream, reader, lines), 0, -_BETWEEN_LOOKS
    try:
        while not limit.reached(written):
            if time.monotonic() - looked >= _BETWEEN_LOOKS:
                changes.look()
                looked = time.monotonic()
            try:
                lines.event(fields(reader.next(limit.step)))
                written += 1
            except StopIteration:
                break
            except NoAnswer:
                if stream.state == "closed":  # its end, not a wait without an event
                    raise
    finally:
        changes.look(at_end=True)


class JsonLines:
    """A JSON object a line; its ``event`` is the kind of the line."""

    def event(self, fields: Mapping[str, Any]) -> None:
        click.echo(json_line(fields))

    def state(self, state: StreamState) -> None:
        click.echo(json_line({"event": "state", "state": str(state), "since": state.since, "why": state.why}))

    def gap(self, gap: Mapping[str, Any]) -> None:
        click.echo(json_line({"event": "gap", **gap}))

    def dropped(self, events: int) -> None:
        click.echo(json_line({"event": "dropped", "events": events}))


class CsvLines:
    """CSV with a header; all but events goes to standard error."""

    def __init__(self) -> None:
        self._begun = False
        self._usual = True

    def event(self, fields: Mapping[str, Any]) -> None:
        if not self._begun:
            self._begun = True
            self._write(fields)
        self._write(
            inert_text(one) if isinstance(one, str) else one.isoformat() if hasattr(one, "isoformat") else one
            for one in fields.values()
        )

    def state(self, state: StreamState) -> None:
        if str(state) not in _QUIET or not self._usual:
            click.echo(f"{state!r}", err=True)
        self._usual = str(state) in _QUIET

    def gap(self, gap: Mapping[str, Any]) -> None:
        until = "now" if pd.isna(gap["until"]) else f"{gap['until']:%H:%M:%S}"
        click.echo(f"<gap {gap['since']:%H:%M:%S} to {until}: {gap['why']}>", err=True)

    def dropped(self, events: int) -> None:
        click.echo(f"<{events:,} events were not read in time>", err=True)

    def _write(self, values: Any) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(values)
        click.echo(text.getvalue())


class NoLines:
    """Nothing: the events go to a file at the end."""

    def event(self, fields: Mapping[str, Any]) -> None:
        pass

    def state(self, state: StreamState) -> None:
        pass

    def gap(self, gap: Mapping[str, Any]) -> None:
        pass

    def dropped(self, events: int) -> None:
        pass
