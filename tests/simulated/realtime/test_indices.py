"""업종지수 says what the index TRs say: the same ticks, the same minutes, the same day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.synthetic_day import DAY, SEVERAL, Live, SyntheticDay

CODE = "001"
TODAY = DAY.replace("-", "")
CLOSE = "장마감"


@pytest.fixture(scope="module")
def day() -> SyntheticDay:
    """A session in which nothing but the index was registered."""
    rig = SyntheticDay("08:59", issues=SEVERAL).begin()
    rig.register(CODE, "10")
    rig.until("15:31")
    return rig


def seen(day: SyntheticDay) -> list[Live]:
    """What came while there was trading."""
    return [each for each in day.of("업종지수", CODE) if each.values[20] != CLOSE]


def hundredths(text: str) -> int:
    return round(abs(float(text)) * 100)


def rows(rig: SyntheticDay, tr: str, **inputs: str) -> Iterator[dict[str, str]]:
    """Today's rows of an index chart, oldest first; the days before are left."""
    asked = {"업종코드": CODE, "틱범위": "1", **inputs}
    page = rig.page(tr, **asked)
    found = [page.row(n) for n in range(len(page.rows))]
    while page.prev_next == "2" and found[-1]["체결시간"].startswith(TODAY):
        page = rig.page(tr, 2, **asked)
        found += [page.row(n) for n in range(len(page.rows))]
    return (row for row in reversed(found) if row["체결시간"].startswith(TODAY))


def test_every_event_is_a_tick_of_the_chart(day: SyntheticDay) -> None:
    charted = [(row["체결시간"][8:], int(row["현재가"]), row["거래량"]) for row in rows(day, "opt20004")]
    told = [(each.values[20], hundredths(each.values[10]), each.values[15]) for each in seen(day)]
    assert told == charted


def test_the_last_event_of_a_minute_is_where_the_minute_ends(day: SyntheticDay) -> None:
    newest = {each.values[20][:4]: each for each in seen(day)}
    minutes = list(rows(day, "opt20005"))
    assert [row["체결시간"][8:12] for row in minutes] == list(newest)
    high = low = None
    for row, each in zip(minutes, newest.values(), strict=True):
        high = max(int(row["고가"]), high or 0)
        low = min(int(row["저가"]), low or 10**9)
        assert int(row["현재가"]) == hundredths(each.values[10])
        assert [hundredths(each.values[fid]) for fid in (17, 18)] == [high, low]


def test_at_the_end_of_a_minute_the_state_of_the_index_is_what_was_told() -> None:
    rig = SyntheticDay("10:00", issues=SEVERAL).begin()
    rig.register(CODE, "10")
    names = {
        "현재가": 10, "전일대비": 11, "등락률": 12, "거래량": 13, "거래대금": 14, "시가": 16, "고가": 17, "저가": 18,
        "전일대비기호": 25,
    }  # fmt: skip
    for minute in ("10:03", "10:04", "11:17"):
        rig.until(minute)
        label = minute.replace(":", "") + "00"
        last = [each for each in rig.of("업종지수", CODE) if each.values[20] < label][-1]
        single = rig.page("opt20001", screen="0202", 시장구분="0", 업종코드=CODE).single
        assert {name: single[name] for name in names} == {
            name: last.values[fid] for name, fid in names.items()
        }


COUNTED = {
    "상한": 251,
    "상승": 252,
    "보합": 253,
    "하락": 255,
    "하한": 254,
    "거래형성종목수": 256,
    "거래형성비율": 257,
}
PRICED = {"거래량": 13, "거래대금": 14, "현재가": 10, "전일대비": 11, "등락률": 12, "전일대비기호": 25}


def test_how_many_rise_and_fall_is_what_the_index_tr_counts() -> None:
    rig = SyntheticDay("09:58", issues=SEVERAL).begin()
    rig.register("001;005", "252")
    rig.until("10:00")
    for code in ("001", "005"):
        told = rig.of("업종등락", code)
        newest = told[-1]  # of 10:00:00, when the minute before is known
        ended = [each for each in told if each.values[20] < "100000"][-1]
        single = rig.page("opt20001", screen="0202", 시장구분="0", 업종코드=code).single
        assert {name: single[name] for name in COUNTED} == {
            name: newest.values[fid] for name, fid in COUNTED.items()
        }
        assert {name: single[name] for name in PRICED} == {
            name: ended.values[fid] for name, fid in PRICED.items()
        }
        assert sum(newest.number(fid) for fid in (252, 253, 255)) > 10
    assert rig.of("업종지수") == []


def test_an_index_tr_registers_both_types_of_its_index() -> None:
    rig = SyntheticDay("09:58", issues=SEVERAL).begin()
    rig.page("opt20001", screen="0202", 시장구분="0", 업종코드="005")
    rig.until("10:00")
    ticks, counts = rig.of("업종지수", "005"), rig.of("업종등락", "005")
    assert [each.values[20] for each in counts] == [each.values[20] for each in ticks][-len(counts) :]
    assert len(counts) > 4
    for tick, count in zip(ticks[-len(counts) :], counts, strict=True):
        assert [tick.values[fid] for fid in (10, 13, 14)] == [count.values[fid] for fid in (10, 13, 14)]


def test_counting_begins_anew_after_a_cut() -> None:
    rig = SyntheticDay("09:58", issues=SEVERAL).begin()
    rig.register("005", "252")
    rig.control.lose_connection()
    rig.login()
    rig.register("005", "252")
    rig.until("10:00")
    assert rig.of("업종등락", "005")


def test_the_close_has_the_time_장마감(day: SyntheticDay) -> None:
    *_, auction, close = day.of("업종지수", CODE)
    assert (auction.values[20], close.values[20]) == ("153000", CLOSE)
    assert auction.data.split("\t")[1:] == close.data.split("\t")[1:]
    single = day.page("opt20001", screen="0202", 시장구분="0", 업종코드=CODE).single
    assert (single["현재가"], single["거래량"]) == (close.values[10], close.values[13])


def test_volume_is_compared_with_the_whole_day_before(day: SyntheticDay) -> None:
    page = day.page("opt20006", screen="0202", 업종코드=CODE, 기준일자=TODAY)
    today, before = (int(page.row(n)["거래량"]) for n in (0, 1))
    close = day.of("업종지수", CODE)[-1]
    assert close.number(13) == today
    assert abs(int(close.values[26]) - (today - before)) <= 1  # each is rounded by itself


def test_the_next_session_goes_on_by_itself(day: SyntheticDay) -> None:
    heard = len(day.live)
    day.settle(18 * 3600)
    assert day.of("업종지수")[-1].values[20].startswith("09")
    assert len(day.live) > heard
