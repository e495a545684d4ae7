"""Bars as numpy columns can be cut and joined, and become the frames that the contract promises."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from koalab.errors import BadInput
from koalab.frames import BarColumns, ConflictingBars, stack_codes, to_frame

NAMES = ("time", "open", "high", "low", "close", "volume", "value", "event", "ratio")


def daily(volume: type = int) -> BarColumns:
    """005930 from 2022-01-12 to 2022-01-18."""
    days = ["2022-01-12", "2022-01-13", "2022-01-14", "2022-01-17", "2022-01-18"]
    return BarColumns(
        time=np.array(days, "M8[us]"),
        open=np.array([79_500, 79_300, 77_700, 77_600, 77_600]),
        high=np.array([79_600, 79_300, 78_100, 77_800, 77_800]),
        low=np.array([78_600, 77_900, 77_100, 76_900, 76_600]),
        close=np.array([78_900, 77_900, 77_300, 77_500, 77_000]),
        volume=np.array([11_000_502, 13_889_401, 10_096_725, 8_785_122, 7_715_780]).astype(volume),
        value=np.array([868_911, 1_088_598, 781_575, 678_903, 595_861]) * 1_000_000,
        event=np.zeros(5, np.int64),
        ratio=np.full(5, np.nan),
    )


def minutes(first: str = "2022-01-18T09:00") -> BarColumns:
    time = np.datetime64(first, "us") + np.arange(2) * np.timedelta64(60, "s")
    figures = np.array([77_600, 77_700])
    return BarColumns(time, figures, figures, figures, figures, np.array([4, 3]))


def test_the_frame_of_daily_bars():
    frame = to_frame(daily(), "daily")
    assert frame.columns.tolist() == ["open", "high", "low", "close", "volume", "value"]
    assert frame.index.name == "date"
    assert frame.index.tz is None
    assert frame.index.is_monotonic_increasing
    assert frame.index.is_unique
    assert frame.dtypes.eq("int64").all()
    assert frame.loc["2022-01-18"].tolist() == [77_600, 77_800, 76_600, 77_000, 7_715_780, 595_861_000_000]
    for name in frame:
        assert frame[name].tolist() == getattr(daily(), name).tolist()


@pytest.mark.parametrize("kind", ["minute", "tick"])
def test_the_frame_of_minute_bars_and_ticks(kind):
    frame = to_frame(minutes(), kind)
    assert frame.columns.tolist() == ["open", "high", "low", "close", "volume"]
    assert frame.index.name == "time"
    assert str(frame.index.tz) == "Asia/Seoul"
    # 09:00 in Seoul is midnight in Greenwich.
    assert frame.index[0] == pd.Timestamp("2022-01-18 00:00", tz="UTC")
    assert frame["volume"].tolist() == [4, 3]


def test_the_broker_s_own_names():
    frame = to_frame(daily(), "daily", "ko")
    assert frame.columns.tolist() == ["시가", "고가", "저가", "현재가", "거래량", "거래대금"]
    assert frame.index.name == "일자"
    assert frame["거래대금"].iloc[-1] == 595_861_000_000
    assert to_frame(minutes(), "minute", "ko").index.name == "체결시간"
    with pytest.raises(BadInput, match="'en'"):
        to_frame(daily(), "daily", "kr")


def test_only_the_column_with_fractions_is_float():
    frame = to_frame(daily(volume=float), "daily")
    assert frame.dtypes.to_dict() == {
        name: np.dtype("float64" if name == "volume" else "int64") for name in NAMES[1:7]
    }
    assert frame.columns.dtype == to_frame(daily(), "daily").columns.dtype
    pd.testing.assert_frame_equal(frame.astype("int64"), to_frame(daily(), "daily"))


@pytest.mark.parametrize("kind", ["daily", "minute", "tick"])
@pytest.mark.parametrize("columns", ["en", "ko"])
def test_an_empty_frame_looks_like_a_full_one(kind, columns):
    bars, none = daily() if kind == "daily" else minutes(), BarColumns.empty(kind)
    full, empty = to_frame(bars, kind, columns), to_frame(none, kind, columns)
    assert len(empty) == 0
    pd.testing.assert_frame_equal(full.iloc[:0], empty)
    stacked = stack_codes({"005930": bars}, kind, columns)
    pd.testing.assert_frame_equal(stacked.iloc[:0], stack_codes({}, kind, columns))
    pd.testing.assert_frame_equal(stacked.iloc[:0], stack_codes({"005930": none}, kind, columns))


@pytest.mark.parametrize("volume", [int, float])
def test_what_is_done_to_a_frame_does_not_reach_the_bars(volume):
    bars = daily(volume)
    frame = to_frame(bars, "daily")
    frame.iloc[0, :] = 0
    assert bars.close[0] == 78_900
    assert not np.shares_memory(frame.index.to_numpy(), bars.time)


@pytest.mark.parametrize("kind", ["daily", "minute"])
@pytest.mark.parametrize("columns", ["en", "ko"])
@pytest.mark.parametrize("volume", [int, float])
def test_several_codes_stand_one_below_the_other(kind, columns, volume):
    bars = daily(volume) if kind == "daily" else minutes()
    whole = {
        "005930": bars,
        "000000": BarColumns.empty(kind),
        "000660": bars.slice(bars.time[1]),
        "000100": bars,
    }
    for found in (whole, {"005930": bars, "000660": bars}):
        stacked = stack_codes(found, kind, columns)
        frames = {code: to_frame(part, kind, columns) for code, part in found.items()}
        name = frames["005930"].index.name
        pd.testing.assert_frame_equal(stacked, pd.concat(frames, names=["code", name]))
        for code in found:
            if len(found[code]):
                pd.testing.assert_frame_equal(stacked.loc[code], frames[code], check_freq=False)
        stacked.iloc[0, :] = 0
        assert bars.close[0] != 0


def test_one_code_in_the_index():
    pd.testing.assert_frame_equal(to_frame(daily(), "daily", code="005930"), stack_codes({"005930": daily()}))


def test_slices_hold_both_ends():
    bars = daily()
    assert bars.slice("2022-01-13", date(2022, 1, 17)).close.tolist() == [77_900, 77_300, 77_500]
    assert bars.slice(None, datetime.fromisoformat("2022-01-12")).close.tolist() == [78_900]
    assert bars.slice(np.datetime64("2022-01-15")).close.tolist() == [77_500, 77_000]
    assert len(bars.slice("2023-01-01")) == len(bars.slice("2022-01-18", "2022-01-12")) == 0
    assert bars.slice("2022-01-18").value.tolist() == [595_861_000_000]
    assert minutes().slice("2022-01-18T09:01").volume.tolist() == [3]
    assert minutes().slice("2022-01-18").value is None
    with pytest.raises(BadInput, match="time zone"):
        bars.slice(pd.Timestamp("2022-01-13", tz="Asia/Seoul"))


def test_parts_join_into_what_they_were_cut_from():
    bars = daily()
    joined = BarColumns.concat(
        [bars.slice(None, "2022-01-13"), BarColumns.empty("daily"), bars.slice("2022-01-14")]
    )
    for name in NAMES:
        np.testing.assert_array_equal(getattr(joined, name), getattr(bars, name))
    assert len(BarColumns.concat([BarColumns.empty("tick")])) == 0
    assert len(BarColumns.concat([minutes(), minutes("2022-01-18T09:02")])) == 4


def test_fractions_in_one_part_make_the_whole_column_float():
    bars = daily()
    joined = BarColumns.concat([bars.slice(None, "2022-01-13"), daily(volume=float).slice("2022-01-14")])
    assert joined.volume.dtype == np.float64
    assert joined.close.dtype == np.int64


def test_parts_that_overlap_or_differ_in_kind_do_not_join():
    bars = daily()
    for second in (bars.slice("2022-01-14"), bars.slice(None, "2022-01-13")):
        with pytest.raises(ConflictingBars):
            BarColumns.concat([bars.slice("2022-01-14"), second])
    with pytest.raises(ConflictingBars):  # the last bar of one is the first of the other
        BarColumns.concat([bars.slice(None, "2022-01-14"), bars.slice("2022-01-14")])
    with pytest.raises(ConflictingBars, match="value"):
        BarColumns.concat([bars, minutes("2022-01-19T09:00")])


def test_bars_that_do_not_add_up_are_never_made():
    three, two = np.arange(3), np.arange(2)
    time = np.array(["2022-01-03", "2022-01-04", "2022-01-05"], "M8[us]")
    with pytest.raises(ValueError, match="low has 2 values for 3 bars"):
        BarColumns(time, three, three, two, three, three)
    with pytest.raises(ConflictingBars):
        BarColumns(time[::-1], three, three, three, three, three)
