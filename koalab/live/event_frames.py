"""Live events as frames and as Python objects, from the columns of an event log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta, timezone
from typing import Final

import numpy as np
import pandas as pd

from koalab.dates import SEOUL, SEOUL_OFFSET
from koalab.live.decoding.decoder import Column
from koalab.live.decoding.fields import FLOATS, TEXTS, live_fields
from koalab.live.event_log import Columns
from koalab.live.events import EVENT_CLASSES, LEVEL_COLUMNS, LiveEvent
from koalab.live.gap import Gap

_SEOUL: Final = timezone(timedelta(seconds=SEOUL_OFFSET), "KST")


def objects(realtype: str, part: Columns, codes: Sequence[str]) -> list[LiveEvent]:
    """One object per row, of the type's class in ``koalab.live.events``."""
    kind = EVENT_CLASSES[realtype]
    columns: list[Sequence[object]] = []
    for name in kind._fields:
        if name == "code":
            columns.append([codes[index] for index in part["code"].tolist()])
        elif name == "time":
            columns.append([moment.replace(tzinfo=_SEOUL) for moment in part["time"].tolist()])
        elif name in LEVEL_COLUMNS:
            columns.append(list(zip(*(part[one].tolist() for one in LEVEL_COLUMNS[name]), strict=True)))
        else:
            columns.append(part[name].tolist())
    return list(map(kind._make, zip(*columns, strict=True)))


def frame(realtype: str, parts: Sequence[Columns], codes: Sequence[str], several: bool) -> pd.DataFrame:
    """All rows as a frame, with a level for the code if there are ``several``; see ``EventStream.to_frame``."""
    values = {name: _joined(name, dtype, parts) for name, dtype in _dtypes(realtype).items()}
    code = values.pop("code")
    time = pd.DatetimeIndex(values.pop("time"), name="time").tz_localize(SEOUL)
    arrived = pd.to_datetime(values.pop("arrived"), unit="s", utc=True).as_unit("us").tz_convert(SEOUL)
    found = pd.DataFrame(
        {name: pd.array(one, dtype="str") if one.dtype == object else one for name, one in values.items()},
        index=time,
    )
    found["arrived"] = arrived
    if not several:
        return found
    order = np.argsort(code, kind="stable")
    level = pd.array(np.array(codes, object)[code], dtype="str")
    found.index = pd.MultiIndex.from_arrays([level, time], names=["code", "time"])
    return found.iloc[order]


def gaps(rows: Sequence[Gap]) -> pd.DataFrame:
    """Intervals in which events may be lost: ``since until why``; ``until`` is NaT while one lasts."""
    return pd.DataFrame(
        {
            "since": _wall_times([one.since for one in rows]),
            "until": _wall_times([one.until for one in rows]),
            "why": pd.array([one.why for one in rows], dtype="str"),
        }
    )


def wall_timestamp(micros: int) -> pd.Timestamp:
    """A moment of ``wall_time`` in Asia/Seoul."""
    return pd.Timestamp(np.datetime64(micros, "us")).tz_localize(SEOUL)


def _wall_times(micros: Sequence[int | None]) -> pd.DatetimeIndex:
    values = np.array(
        [np.datetime64("NaT", "us") if one is None else np.datetime64(one, "us") for one in micros], "M8[us]"
    )
    return pd.DatetimeIndex(values).tz_localize(SEOUL)


def _dtypes(realtype: str) -> dict[str, np.dtype[np.generic]]:
    found: dict[str, np.dtype[np.generic]] = {"code": np.dtype(np.int64), "time": np.dtype("M8[us]")}
    for field in live_fields(realtype):
        if field.kind != "clock":
            kind: type = np.float64 if field.kind in FLOATS else object if field.kind in TEXTS else np.int64
            found[field.name] = np.dtype(kind)
    return found | {"arrived": np.dtype(np.float64)}


def _joined(name: str, dtype: np.dtype[np.generic], parts: Sequence[Columns]) -> Column:
    if not parts:
        return np.empty(0, dtype)
    return np.concatenate([part[name] for part in parts]).astype(dtype, copy=False)
