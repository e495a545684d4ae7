"""Fields with one FID are one thing: every one that two sources share is compared, but for those of a table.

The sources are those of ``test_one_market``, asked at one moment of the regular session or of the evening, at either
exchange and at both together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pytest

from kernel_server import reference
from tests.simulated import test_one_market as one
from tests.support.generated_once import share_nextrade_days
from tests.support.synthetic_day import SyntheticDay

EVERYWHERE = ""
NOT_COMPARED: Mapping[tuple[str, str], str] = {
    (source, str(fid)): reason
    for sources, fids, reason in (
        (
            (EVERYWHERE,),
            (20, 21),
            "the time of each source: of its newest trade, of its newest quotes, of the answer",
        ),
        (
            (EVERYWHERE,),
            range(81, 101),
            "changes of sizes: since the last string, or by the newest trade",
        ),
        ((EVERYWHERE,), (122, 126), "likewise, of the totals"),
        (
            ("주식예상체결",),
            (10, 11, 12, 15, 25),
            "of the expected trade: 예상체결가 of other sources",
        ),
        (("opt10005",), (10, 11, 12, 13, 14, 16, 17, 18), "a bar, of the minutes that are over"),
        (("opt10007",), (27, 28), "예상우선호가, 0 outside auctions"),
        (("opt10001", "opt10007"), (23, 24), "0 outside auctions, as recorded: compared with 291 and 292"),
        (("opt10003",), (27, 28), "the quotes at the time of the trade"),
        (("주식체결",), (27, 28), "the quotes at the time of the trade"),
        (("opt10003",), (14,), "in won, elsewhere in 백만원"),
        (("opt10001",), (312,), "as recorded, 상장주식 in thousands is 주식수 of others"),
        (("opt10029",), (11, 12, 25), "of the expected trade"),
        (("주식체결",), (30,), "with 시간외종가, and another sign"),
    )
    for source in sources
    for fid in fids
}
"""Why a FID of a source, or of all of them, is not compared."""

RANKINGS = {"opt10027", "opt10029", "opt10030"}
"""Sources that show the regular session in the evening, so that nothing of them is compared then."""
COUNTED = {"13", "14", "30"}
"""누적거래량, 누적거래대금, 전일거래량대비율: with 시간외종가 in sources of the tape, without it in those of bars."""
OF_THE_TAPE = {*one._WITH_CLOSING_PRICE, "주식호가잔량"}


@pytest.fixture(scope="module", autouse=True)
def _past_days_at_nextrade_are_made_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_nextrade_days(patch)
        yield


def by_fid(rig: SyntheticDay, code: str) -> dict[str, dict[str, str]]:
    """The texts, without signs, of every FID by source; of FIDs that at least two sources have."""
    first = len(rig.pages)
    one.look(rig, code)
    found: dict[str, dict[str, str]] = {}

    def add(source: str, fields: Iterable[tuple[int, str]]) -> None:
        for fid, text in fields:
            known = {(EVERYWHERE, str(fid)), (source, str(fid))} & NOT_COMPARED.keys()
            if text.strip() and not known:
                found.setdefault(str(fid), {})[source] = text.strip().lstrip("+- ").lstrip("0") or "0"

    for page in rig.pages[first:]:
        tr = reference.tr(str(page.event.arguments[2]).lower())
        if tr.code in (one._HOLDINGS.tr,):
            continue
        if any(each.tr == tr.code and each.single for each in one.SOURCES):
            add(tr.code, [(field.fid, page.single[field.name]) for field in tr.single if field.fid])
            continue
        for place in range(len(page.rows)):
            row = page.row(place)
            listed = next((row[name] for name in ("종목코드",) if name in row), code).strip()
            if listed.endswith(code):
                add(tr.code, [(field.fid, row[field.name]) for field in tr.multi if field.fid])
                break
    for kind in one._REAL_TIME:
        events = rig.of(kind, code)
        if events:
            add(kind, [(int(fid), text) for fid, text in events[-1].values.items()])
    return {fid: texts for fid, texts in found.items() if len(texts) > 1}


def differences(found: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """The names of the FIDs of which sources differ, and what these say."""
    return {
        reference.fid(int(fid.split()[0])).name + fid.lstrip("0123456789"): texts
        for fid, texts in found.items()
        if len(set(texts.values())) > 1
    }


def of_the_evening(found: Mapping[str, Mapping[str, str]], code: str) -> dict[str, dict[str, str]]:
    """What is compared in the evening; Nextrade has no 시간외종가."""
    shown = {fid: {each: texts[each] for each in texts.keys() - RANKINGS} for fid, texts in found.items()}
    for fid in () if code.endswith("_NX") else COUNTED & shown.keys():
        texts = shown.pop(fid)
        shown[f"{fid} of the tape"] = {each: texts[each] for each in texts.keys() & OF_THE_TAPE}
        shown[f"{fid} of bars"] = {each: texts[each] for each in texts.keys() - OF_THE_TAPE}
    return shown


@pytest.mark.parametrize("time", ["09:01:05", "11:23:17", "15:25:30", "15:31"])
def test_every_field_that_two_sources_share_is_the_same_in_both(time: str) -> None:
    rig = one.broker(time)
    rig.register(one.WATCHED)
    rig.settle(30)
    for code in (one.WATCHED, one.UNWATCHED):
        found = by_fid(rig, code)
        assert len(found) > 60
        assert differences(found) == {}


@pytest.mark.parametrize("venue", ["", "_NX", "_AL"])
@pytest.mark.parametrize("time", ["11:23:17", "17:30"])
def test_every_field_is_the_same_in_the_evening_and_at_other_exchanges(time: str, venue: str) -> None:
    rig = one.broker(f"{one.NEXTRADE_DAY} {time}")
    rig.register(one.WATCHED + venue)
    rig.settle(30)
    for code in (one.WATCHED + venue, one.UNWATCHED + venue):
        found = by_fid(rig, code)
        assert len(found) > 60
        if time > "15:40":
            assert {"opt10001", "opt10007"} <= found["13"].keys()
            assert differences(of_the_evening(found, code)) == {}, code
        else:
            assert differences(found) == {}, code
