"""What one member of the exchange traded by day, in agreement with the ranking of all members and with the chart."""

from __future__ import annotations

import pytest

from kernel_server.simulated.base.tr import TrRejected
from tests.support.market_trs import MarketTrs, plain

CODE, MEMBER = "005930", "050"
DAYS = {"시작일자": "20211201", "종료일자": "20211230"}


@pytest.mark.parametrize(("tr", "buys", "sells", "volume"), [
    ("opt10078", "매수수량", "매도수량", "누적거래량"),
    ("opt10043", "매수량", "매도량", "거래량합"),
])  # fmt: skip
def test_days_of_a_member(trs: MarketTrs, tr: str, buys: str, sells: str, volume: str) -> None:
    rows = trs.rows(tr, 종목코드=CODE, 회원사코드=MEMBER, **DAYS)
    chart = trs.page("opt10081", 종목코드=CODE, 기준일자="20211230", 수정주가구분="1")
    assert [(row["일자"], row[volume]) for row in rows] == [
        (bar["일자"], bar["거래량"]) for bar in chart if bar["일자"] >= "20211201"
    ]
    for row in rows:
        assert int(row["순매수수량"]) == int(row[buys]) - int(row[sells])
        assert 0 <= int(row[buys]) <= int(row[volume])
    ranked = trs.page("opt10038", 종목코드=CODE, 조회구분="2", 기간="", **DAYS)
    there = next(row for row in ranked if row["회원사명"] == "키움증권")
    assert plain(there["누적순매수수량"]) == sum(int(row["순매수수량"]) for row in rows)


def test_members_by_net_purchases(trs: MarketTrs) -> None:
    rows = trs.page("opt10042", 종목코드=CODE, **DAYS)
    ranked = trs.page("opt10038", 종목코드=CODE, 조회구분="2", 기간="", **DAYS)
    assert [row["회원사명"] for row in rows] == [row["회원사명"] for row in ranked]


def test_an_unknown_member_is_rejected(trs: MarketTrs) -> None:
    with pytest.raises(TrRejected):
        trs.page("opt10078", 종목코드=CODE, 회원사코드="999", **DAYS)
