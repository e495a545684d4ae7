"""``RecentOrders``: the newest orders of all processes of a user, so that two terminals do not send the same one.

A small file beside the log of orders, read and written under a lock. An order in it is a digest, the broker's time
and the process; what became of it, the log says. A file that cannot be used stops no order: ``AuditIncomplete`` is
warned of.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from koalab.errors import AuditIncomplete
from koalab.orders.audit import AuditLog
from koalab.orders.record import OrderRecord

T = TypeVar("T")

log = logging.getLogger(__name__)

# Seconds to wait for another process that reads or writes the file.
_LOCKED: Final = 2.0
FATE: Final = 90.0
"""Seconds, by the broker's clock, after which an order of unknown fate is looked at no more: its process has read the
broker's lists by then, or is gone."""
_OPEN_FATE: Final = frozenset({"sent", "unknown"})


class OtherOrder(NamedTuple):
    """The same order of another process: how many seconds ago, which process, its number (blank) and state."""

    ago: float
    process: str
    number: str
    status: str


class RecentOrders:
    """The newest orders of this user's processes. Any thread may call it.

    Args:
        audit: the log of orders; the file is in its folder.
        broker: names the broker, asked at each order: orders of two are never the same.
        process: names this process.
    """

    def __init__(
        self,
        audit: AuditLog,
        broker: Callable[[], str],
        process: Callable[[], str] = lambda: str(os.getpid()),
    ) -> None:
        self._audit = audit
        self._broker = broker
        self._process = process
        self._lock = threading.Lock()

    @property
    def file(self) -> Path:
        return self._audit.folder / "recent.json"

    def find(self, record: OrderRecord, now: float, within: float) -> OtherOrder | None:
        """The same order of another process within so many seconds, or of unknown fate; None if there is none.

        Args:
            record: an order of this session.
            now: the broker's time.
            within: seconds.
        """
        return self._with_file(lambda orders: self._find(orders, record, now, within))

    def reserve(self, record: OrderRecord, now: float, within: float) -> OtherOrder | None:
        """``find``, and where there is none the order is written down, in one step for all processes."""
        mine = {
            "order": self._digest(record),
            "at": now,
            "process": self._process(),
            "entry": self._audit.entry_of(record),
        }

        def reserve(orders: list[dict[str, Any]]) -> OtherOrder | None:
            found = self._find(orders, record, now, within)
            if found is None:
                orders[:] = [*(one for one in orders if now - one["at"] < max(within, FATE)), mine]
            return found

        return self._with_file(reserve)

    def renew(self, record: OrderRecord, now: float) -> None:
        """A reserved order is sent only now."""

        def renew(orders: list[dict[str, Any]]) -> None:
            for one in orders:
                if one["entry"] == record.entry:
                    one["at"] = now

        self._with_file(renew)

    def give_back(self, record: OrderRecord) -> None:
        """A reserved order is not sent after all."""

        def give_back(orders: list[dict[str, Any]]) -> None:
            orders[:] = [one for one in orders if one["entry"] != record.entry]

        self._with_file(give_back)

    def _find(
        self, orders: list[dict[str, Any]], record: OrderRecord, now: float, within: float
    ) -> OtherOrder | None:
        digest, process = self._digest(record), self._process()
        for one in reversed(orders):
            ago = now - one["at"]
            if one["order"] != digest or one["process"] == process or ago >= max(within, FATE):
                continue
            last = self._audit.last_line(one["entry"])
            status = str(last.get("event", "sent"))
            if status == "rejected" or (ago >= within and (not last or status not in _OPEN_FATE)):
                continue
            return OtherOrder(max(ago, 0.0), one["process"], str(last.get("order", "")), status)
        return None

    def _digest(self, record: OrderRecord) -> str:
        """What makes an order the same; of the account's number nothing can be read out of it."""
        parts = (self._broker(), *map(str, record.same_if))
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()

    def _with_file(self, work: Callable[[list[dict[str, Any]]], T]) -> T | None:
        """What ``work`` makes of the orders in the file, which is written again where it changes them."""
        from filelock import FileLock, Timeout

        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._lock, FileLock(self.file.with_suffix(".lock"), timeout=_LOCKED):
                orders = _orders(_content(self.file))
                before = json.dumps(orders)
                result = work(orders)
                after = json.dumps(orders)
                if after != before:
                    _write(self.file, after.encode())
                return result
        except (OSError, Timeout) as error:
            text = (
                f"orders of other processes are not looked at, as {self.file} cannot be used "
                f"({getattr(error, 'strerror', None) or error}); the order itself goes on"
            )
            log.warning("%s", text)
            warnings.warn(text, AuditIncomplete, stacklevel=2)
            return None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _orders(content: bytes) -> list[dict[str, Any]]:
    """The orders that the content has; what a full disk or a crash has cut off has none."""
    try:
        found = json.loads(content or b"[]")
    except ValueError:
        return []
    return [one for one in found if _is_order(one)] if isinstance(found, list) else []


def _is_order(one: object) -> bool:
    return (
        isinstance(one, Mapping)
        and isinstance(one.get("at"), (int, float))
        and all(isinstance(one.get(name), str) for name in ("order", "process", "entry"))
    )


def _write(file: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(file, flags, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
