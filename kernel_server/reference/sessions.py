"""Sessions of the Korea Exchange (XKRX) from 1986 to the end of next year.

They come from exchange_calendars, corrected by ``data/session_patch.tsv``, and then by the user's own file
(``holidays``). Building them takes about a second and pandas, so the result without the user's changes is cached in a
small file; both libraries are imported only when that file has to be made.

Known gaps: until 1998-12-05 the exchange was open on Saturdays too, and exchange_calendars lists none of
those sessions, nor does this module. The break at noon until 2000-05-19 is missing as well.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kernel_server.clock import KST, seoul
from kernel_server.reference import holidays
from kernel_server.reference.holidays import DayChange
from kernel_server.tsv import rows

FIRST = date(1986, 1, 4)

_PATCH = Path(__file__).parent / "data" / "session_patch.tsv"
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Sessions, oldest first, three arrays of one length.

    Attributes:
        dates: the days, ``datetime64[D]``, in Seoul.
        opens: when each opens, the opening auction's end, ``int64`` seconds since the epoch.
        closes: when each closes, the closing auction's end, ``int64`` seconds since the epoch.

    Korea had summer time in 1987 and 1988; opens and closes of those summers are an hour earlier in UTC.
    """

    dates: NDArray[np.datetime64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.dates)

    def __repr__(self) -> str:
        if not len(self):
            return "Sessions(none)"
        return f"Sessions({self.dates[0]} to {self.dates[-1]}, {len(self)} sessions)"

    def index_at_or_before(self, day: date) -> int:
        """The index of the newest session that is not after ``day``; -1 where there is none."""
        return self._position(day, "right") - 1

    def is_session(self, day: date) -> bool:
        """Whether the exchange opens on that day."""
        return self._position(day, "left") < self._position(day, "right")

    def last_started(self, now: float) -> int:
        """The index of the newest session that has opened by ``now``, over or not; -1 where there is none."""
        return _count_until(self.opens, now) - 1

    def last_completed(self, now: float) -> int:
        """The index of the newest session that is over at ``now``; -1 where there is none."""
        return _count_until(self.closes, now) - 1

    def current(self, now: float) -> int | None:
        """The index of the session that is open at ``now``, its close excluded; None where none is."""
        index = self.last_started(now)
        return index if index >= 0 and now < self.closes[index] else None

    def next_open(self, now: float) -> int:
        """When the next session after ``now`` opens, seconds since the epoch.

        Raises:
            LookupError: ``now`` is after the last known session.
        """
        index = self.last_started(now) + 1
        if index >= len(self):
            raise LookupError(f"no session after {seoul(now):%Y-%m-%d %H:%M} is known: {self!r}")
        return int(self.opens[index])

    def between(self, first: date, last: date) -> Sessions:
        """The sessions from ``first`` to ``last``, both included; none where ``last`` is before ``first``."""
        return self[self._position(first, "left") : self._position(last, "right")]

    def _position(self, day: date, side: Literal["left", "right"]) -> int:
        return int(np.searchsorted(self.dates.view(np.int64), day.toordinal() - _EPOCH_DAY, side=side))

    def __getitem__(self, part: slice) -> Sessions:
        return Sessions(self.dates[part], self.opens[part], self.closes[part])


def _count_until(times: NDArray[np.int64], now: float) -> int:
    """The number of times up to ``now``; a whole second, as numpy would copy all of them for a float."""
    return int(times.searchsorted(math.floor(now), side="right"))


def load(
    cache_dir: Path | None = None, today: date | None = None, changes: Iterable[DayChange] | None = None
) -> Sessions:
    """The sessions from 1986-01-04 to the last day of the year after ``today``'s.

    Args:
        cache_dir: the folder of the file; by default the folder that ``KOALAB_CACHE_DIR`` names, else the
            platform's cache folder. If it cannot be written to, the sessions are built each time.
        today: the date in Seoul; by default the current one.
        changes: to the calendar; by default those of the user's file. Days outside it are ignored.

    Raises:
        ModuleNotFoundError: exchange_calendars is not installed.
        BadHolidays: the user's file is damaged.
    """
    changes = holidays.read() if changes is None else changes
    today = today or seoul(time.time()).date()
    last = date(today.year + 1, 12, 31)
    spec = importlib.util.find_spec("exchange_calendars")
    if spec is None:
        raise ModuleNotFoundError(
            "the sessions of the exchange come from exchange_calendars, which is not installed here:"
            ' pip install "exchange-calendars>=4.13.2"'
        )
    patch = hashlib.sha256(_PATCH.read_bytes()).hexdigest()[:12]
    name = f"xkrx-{_version(spec)}-{patch}-{last:%Y%m%d}.npz"
    file = (cache_dir or _cache_dir()) / "calendar" / name
    sessions = _read(file)
    if sessions is None:
        sessions = _changed(_listed(last), _corrections())
        _write(file, sessions)
    return _changed(sessions, changes)


def _cache_dir() -> Path:
    if given := os.environ.get("KOALAB_CACHE_DIR"):
        return Path(given)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("koalab"))


def _version(spec: ModuleSpec) -> str:
    # Read from the name of the dist-info folder, because importlib.metadata is slow to import.
    packages = Path(spec.origin or "").parent.parent
    found = sorted(packages.glob("exchange_calendars-*.dist-info"))
    if found:
        return found[-1].name.removeprefix("exchange_calendars-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("exchange_calendars")


def _listed(last: date) -> Sessions:
    import warnings

    import exchange_calendars

    # The last session of a calendar opens an hour late, as if it were the first of the next year; so a year more is
    # requested than is kept.
    with warnings.catch_warnings():
        # Its pandas deprecation warnings do not concern our users.
        warnings.simplefilter("ignore")
        calendar = exchange_calendars.get_calendar(
            "XKRX", start=FIRST.isoformat(), end=date(last.year + 1, 12, 31).isoformat()
        )
    whole = Sessions(
        calendar.sessions.to_numpy().astype("datetime64[D]"),
        *(
            times.dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64)
            for times in (calendar.opens, calendar.closes)
        ),
    )
    return whole.between(FIRST, last)


def _corrections() -> Iterable[DayChange]:
    for day, opens, closes, _why in rows(_PATCH):
        yield DayChange(date.fromisoformat(day), opens.strip("-"), closes.strip("-"))


def _changed(sessions: Sessions, changes: Iterable[DayChange]) -> Sessions:
    """``sessions`` with those changes, of which those after its last year are ignored."""
    wanted = [change for change in changes if change.day >= FIRST and change.day.year <= _last_year(sessions)]
    if not wanted:
        return sessions
    hours = {
        day: (start, end)
        for day, start, end in zip(
            sessions.dates.tolist(), sessions.opens.tolist(), sessions.closes.tolist(), strict=True
        )
    }
    for day, opens, closes in wanted:
        if opens:
            hours[day] = (_moment(day, opens), _moment(day, closes))
        else:
            hours.pop(day, None)
    days = sorted(hours)
    return Sessions(
        np.array(days, "datetime64[D]"),
        np.array([hours[day][0] for day in days], np.int64),
        np.array([hours[day][1] for day in days], np.int64),
    )


def _last_year(sessions: Sessions) -> int:
    last: date = sessions.dates[-1].item()
    return last.year


def _moment(day: date, text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=KST).timestamp())


def _read(file: Path) -> Sessions | None:
    """The cached sessions; None without a file that ``_write`` made."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            dates, opens, closes = arrays["dates"], arrays["opens"], arrays["closes"]
    except Exception:  # noqa: BLE001 - a damaged file is made again
        return None
    if not (dates.shape == opens.shape == closes.shape == (len(dates),) and len(dates)):
        return None
    if not (dates.dtype == "int32" and opens.dtype == closes.dtype == "int64"):
        return None
    return Sessions(dates.astype("datetime64[D]"), opens, closes)


def _write(file: Path, sessions: Sessions) -> None:
    # Written to a temporary file and renamed, so that no reader sees a partial file.
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".part")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as out:
            np.savez(out, dates=sessions.dates.astype(np.int32), opens=sessions.opens, closes=sessions.closes)
        Path(part).replace(file)
    except OSError:
        Path(part).unlink(missing_ok=True)
