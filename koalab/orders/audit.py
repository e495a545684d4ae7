"""The log of a user's orders: a file of JSON lines a day in the platform's state folder, only ever appended to.

A line is one write to a file opened with O_APPEND, so that several processes share it. It has no account number and no
password. A line that cannot be written stops no order: ``AuditIncomplete`` is warned of, and the log says so.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import platformdirs

from koalab.dates import SEOUL, seoul
from koalab.errors import AuditIncomplete, BadInput
from koalab.frames.attrs import frame_attrs
from koalab.orders.credit import credit_name
from koalab.orders.record import OrderChange, OrderRecord

log = logging.getLogger(__name__)

VARIABLE: Final = "KOALAB_STATE_DIR"
"""The environment variable that names the state folder."""

_TEXTS: Final = (
    "event",
    "order",
    "code",
    "name",
    "side",
    "action",
    "type",
    "credit",
)
_NUMBERS: Final = ("quantity", "price", "filled", "left", "volume", "fill_price")
_TAIL: Final = ("original", "message", "entry", "broker", "target")
_NEW_LINE: Final = b"\n"
# They identify the orders of a process.
_ENTRIES = itertools.count(1)


class AuditLog:
    """Writes and reads the log of orders. Any thread may call it.

    Args:
        folder: that holds the files.
        broker: 실서버, 모의투자 or simulated, asked at each line.
        target: the server's address.
        now: seconds since the epoch, by this machine's clock.
    """

    def __init__(
        self, folder: Path, broker: Callable[[], str], target: str, now: Callable[[], float] = time.time
    ) -> None:
        self.folder = folder
        self.lost = 0
        self._broker = broker
        self._target = target
        self._now = now
        self._lock = threading.Lock()

    def changed(self, record: OrderRecord, change: OrderChange) -> None:
        """A change of an order of this session: it was sent, accepted, filled, refused …."""
        if not record.ours:
            return
        self._write(
            record,
            {
                "event": change.status,
                "filled": change.filled,
                "left": change.left,
                "volume": change.volume,
                "fill_price": change.price,
                "message": change.message,
                "broker_time": _text(change.at),
            },
        )

    def guarded(self, record: OrderRecord, why: str) -> None:
        """An order was stopped before it was sent."""
        self._write(record, {"event": "guarded", "message": why, "broker_time": _text(record.entered)})

    def read(self, day: date) -> pd.DataFrame:
        """The lines of a day; see ``kw.audit``.

        Raises:
            BadInput: the file cannot be read.
        """
        file = self.file_of(day)
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror or error}") from None
        found, unreadable = list[dict[str, Any]](), 0
        for line in data.splitlines():
            entry = _parsed(line)
            if entry is not None:
                found.append(entry)
            elif line.strip():
                unreadable += 1
        frame = _frame(found)
        frame.attrs = {
            **frame_attrs("", "", self._now()),
            "file": str(file),
            "unreadable": unreadable,
            "lost": self.lost,
        }
        return frame

    def entry_of(self, record: OrderRecord) -> str:
        """What identifies the order in the log, from now on."""
        if not record.entry:
            record.entry = f"{os.getpid()}-{next(_ENTRIES)}"
        return record.entry

    def last_line(self, entry: str) -> Mapping[str, Any]:
        """The newest line of an order of today, of any process; empty where there is none, or it cannot be read."""
        try:
            lines = self.file_of(self.today()).read_bytes().splitlines()
        except OSError:
            return {}
        marked = entry.encode()
        found = (_parsed(line) for line in reversed(lines) if marked in line)
        return next((one for one in found if one is not None and one.get("entry") == entry), {})

    def file_of(self, day: date) -> Path:
        return self.folder / f"orders-{day:%Y-%m-%d}.jsonl"

    def today(self) -> date:
        """The day in Seoul, by this machine's clock."""
        return seoul(self._now()).date()

    def _write(self, record: OrderRecord, more: Mapping[str, object]) -> None:
        self.entry_of(record)
        entry = {
            "time": _text(self._now()),
            "order": record.number,
            "code": record.code,
            "name": record.name,
            "side": record.side,
            "action": record.action,
            "type": record.type,
            "credit": credit_name(record.credit),
            "quantity": record.quantity,
            "price": record.price,
            "original": record.original,
            **more,
            "entry": record.entry,
            "broker": self._broker(),
            "target": self._target,
        }
        entry = {name: _without(record.account, value) for name, value in entry.items()}
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + _NEW_LINE
        try:
            with self._lock:
                self._append(line)
        except OSError as error:
            self.lost += 1
            text = (
                f"{record.side} {record.name} {record.quantity:,}주 ({more['event']}) is not in the log of orders, as "
                f"{self.folder} cannot be written to ({error.strerror or error}); the order itself goes on"
            )
            log.exception("%s", text)
            warnings.warn(text, AuditIncomplete, stacklevel=2)

    def _append(self, line: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = (
            os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        )
        handle = os.open(self.file_of(self.today()), flags, 0o600)
        try:
            if os.lseek(handle, 0, os.SEEK_END):
                os.lseek(handle, -1, os.SEEK_END)
                if os.read(handle, 1) != _NEW_LINE:  # a line before was cut off by a full disk or a crash
                    line = _NEW_LINE + line
            if os.write(handle, line) != len(line):
                raise OSError("the disk is full: a line was cut off")
        finally:
            os.close(handle)


def default_folder() -> Path:
    """The folder of the logs: ``orders`` in KOALAB_STATE_DIR, else in the platform's state folder."""
    chosen = os.environ.get(VARIABLE)
    return (Path(chosen).expanduser() if chosen else Path(platformdirs.user_state_dir("koalab"))) / "orders"


def _text(at: float) -> str:
    return seoul(at).isoformat(timespec="milliseconds")


def _without(account: str, value: object) -> object:
    """A text without the account's number, which a broker's message may have."""
    return value.replace(account, "*" * len(account)) if isinstance(value, str) and account else value


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
        return found if isinstance(found, dict) and seoul_time(found["time"]) is not None else None
    except (ValueError, KeyError, TypeError):
        return None


def seoul_time(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).tz_convert(SEOUL)


def _frame(found: list[dict[str, Any]]) -> pd.DataFrame:
    def texts(name: str) -> pd.api.extensions.ExtensionArray:
        return pd.array([str(one.get(name, "")) for one in found], dtype="str")

    def numbers(name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array(list(_whole(one.get(name) for one in found)), np.int64)

    def times(name: str) -> pd.DatetimeIndex:
        stamps = [seoul_time(one[name]) if one.get(name) else pd.NaT for one in found]
        return pd.DatetimeIndex(stamps, dtype=f"datetime64[us, {SEOUL}]")

    return pd.DataFrame(
        {
            **{name: texts(name) for name in _TEXTS},
            **{name: numbers(name) for name in _NUMBERS},
            **{name: texts(name) for name in _TAIL},
            "broker_time": times("broker_time"),
        },
        index=times("time").rename("time"),
    )


def _whole(values: Iterator[object]) -> Iterator[int]:
    for value in values:
        yield value if isinstance(value, int) else 0
