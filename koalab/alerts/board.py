"""``AlertBoard``: the alerts of a session, their feeds and their targets' queues."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from koalab.alerts.alert import Alert
from koalab.alerts.delivery import DeliveryQueue, RetryPauses
from koalab.alerts.feeds import SharedFeed
from koalab.alerts.grammar import AlertRule
from koalab.alerts.targets import AlertTarget
from koalab.dates import SEOUL
from koalab.errors import BadInput

log = logging.getLogger(__name__)

_AT_THE_END: Final = 2.0


class AlertBoard:
    """The alerts of one session, by number from 1.

    Args:
        pauses: between attempts to deliver a message.
        origin: ``attrs`` of the frames.
    """

    def __init__(self, pauses: RetryPauses, origin: Callable[[], dict[Hashable | None, Any]] = dict) -> None:
        self._pauses = pauses
        self._origin = origin
        self._opening = threading.RLock()  # held while a feed is registered or ended
        self._lock = threading.Lock()
        self._alerts: dict[int, Alert] = {}
        self._queues: dict[str, DeliveryQueue] = {}
        self._feeds: dict[Hashable, SharedFeed] = {}
        self._keys: dict[Alert, Hashable] = {}

    def add(
        self,
        rule: AlertRule,
        targets: Sequence[AlertTarget],
        once: bool,
        every: float,
        key: Hashable,
        open_feed: Callable[[], SharedFeed],
    ) -> Alert:
        """A new alert on the feed of that key, which ``open_feed`` makes if there is none."""
        with self._opening:
            feed = self._feeds.get(key)
            if feed is None or feed.state()[0] == "closed":
                feed = self._feeds[key] = open_feed()
            with self._lock:
                queues = [self._queue(target) for target in targets]
                alert = Alert(len(self._alerts) + 1, rule, queues, once, every, self._release, self._origin)
                self._alerts[alert.number] = alert
                self._keys[alert] = key
            alert.feed = feed
            feed.add(alert)
        return alert

    def alert(self, number: int) -> Alert:
        """One of them by its number.

        Raises:
            BadInput: there is none.
        """
        with self._lock:
            found = self._alerts.get(number)
            known = len(self._alerts)
        if found is None:
            there_are = f"there are 1 to {known}" if known else "there is none yet"
            raise BadInput(f"no alert {number}: {there_are}; kw.alerts lists them")
        return found

    def frame(self) -> pd.DataFrame:
        """All of them; see ``Session.alerts``."""
        with self._lock:
            alerts = list(self._alerts.values())
        last = pd.DatetimeIndex([one.last or pd.NaT for one in alerts])
        frame = pd.DataFrame(
            {
                "text": pd.array([str(one.rule) for one in alerts], dtype="str"),
                "to": pd.array([", ".join(one.to) for one in alerts], dtype="str"),
                "state": pd.array([one.state for one in alerts], dtype="str"),
                "fired": np.array([one.fired for one in alerts], np.int64),
                "last": (last if last.tz is not None else last.tz_localize(SEOUL)).as_unit("us"),
                "waiting": np.array([one.waiting for one in alerts], np.int64),
                "undelivered": np.array([one.undelivered for one in alerts], np.int64),
                "held_back": np.array([one.held_back for one in alerts], np.int64),
                "problem": pd.array([one.problem for one in alerts], dtype="str"),
                "once": np.array([one.once for one in alerts], bool),
                "every": np.array([one.every for one in alerts], np.float64),
            },
            index=pd.Index([one.number for one in alerts], dtype="int64", name="alert"),
        )
        frame.attrs = self._origin()
        return frame

    def close(self) -> None:
        """Ends all; messages that are on their way get a moment, and the log says which were not delivered."""
        with self._lock:
            alerts, queues = list(self._alerts.values()), list(self._queues.values())
        until = time.monotonic() + _AT_THE_END
        failing = any(one.state == "failing" for one in alerts)
        for queue in queues:
            queue.wait_empty(0.0 if failing else max(0.0, until - time.monotonic()))
        for one in alerts:
            if one.waiting and not one.ended.is_set():
                log.warning(
                    "alert %d (%s): %d messages were not delivered before the session ended: %s",
                    one.number, one.rule, one.waiting, one.problem or "there was no time",
                )  # fmt: skip
            one.stop()

    def _queue(self, target: AlertTarget) -> DeliveryQueue:
        return self._queues.setdefault(target.key, DeliveryQueue(target, self._pauses))

    def _release(self, alert: Alert) -> None:
        with self._opening:
            key = self._keys.pop(alert, None)
            feed = self._feeds.get(key) if key is not None else None
            if key is None or feed is None or alert.feed is not feed:
                return
            if feed.remove(alert):
                del self._feeds[key]
                feed.close()
