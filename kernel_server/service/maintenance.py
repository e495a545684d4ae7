"""What the supervisor ends the server for: the version update of OpenAPI+, and a restart at a time of day."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from kernel_server.clock import seoul
from kernel_server.service.desktop.credential import NEEDED
from kernel_server.service.desktop.update import VersionUpdate
from kernel_server.supervised import UPDATE_EXIT

log = logging.getLogger(__name__)


class UpdateOfOpenApi:
    """The version update: the server is ended, its windows are confirmed, and the server is started again.

    Args:
        update: confirms its windows; None: this process cannot use the desktop, so a person has to.
    """

    name = "an update of OpenAPI+"
    exit_code: int | None = UPDATE_EXIT

    def __init__(self, update: VersionUpdate | None) -> None:
        self._update = update

    def due(self) -> bool:
        """Whether the box that asks for it is on the desktop."""
        return self._update is not None and self._update.asked_for()

    def perform(self) -> bool:
        """Confirms the update and waits for its end."""
        if self._update is None:
            log.error(
                "OpenAPI+ has to be updated: confirm its window on this machine's screen, or %s", NEEDED
            )
            return False
        return self._update.perform()


class DailyRestart:
    """A restart at a time of day: a fresh process with a fresh login, which also finds a version update.

    Args:
        at: HH:MM in Seoul.
        now: the time, seconds since the epoch.

    Raises:
        ValueError: that is no time of day.
    """

    name = "the daily restart"
    exit_code: int | None = None

    def __init__(self, at: str, now: Callable[[], float]) -> None:
        try:
            moment = datetime.strptime(at, "%H:%M")  # noqa: DTZ007 - a time of day has no zone
        except ValueError:
            raise ValueError(f"a time of day is written HH:MM, not {at!r}") from None
        self._hour, self._minute = moment.hour, moment.minute
        self._now = now
        self._next = self._after(now())

    def due(self) -> bool:
        """Whether that time has come."""
        return self._now() >= self._next

    def perform(self) -> bool:
        """Plans the next one."""
        self._next = self._after(self._now())
        return True

    def _after(self, now: float) -> float:
        moment = seoul(now).replace(hour=self._hour, minute=self._minute, second=0, microsecond=0)
        return (moment if moment.timestamp() > now else moment + timedelta(days=1)).timestamp()
