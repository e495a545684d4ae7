"""Master functions: what the control knows of the listing."""

from __future__ import annotations

import pytest

from tests.support.simulated_broker import GRT, SimulatedBroker, small_market

UNKNOWN = "999999"


@pytest.fixture
def rig() -> SimulatedBroker:
    return SimulatedBroker(small_market()).login()


@pytest.mark.parametrize(
    ("market", "codes"),
    [
        ("0", "005930;069500;000002;"),
        ("10", "900290;"),
        ("50", "000001;"),
        ("8", "069500;"),
        ("6", "000002;"),
        ("60", ""),
        ("3", ""),
        ("NXT", ""),
        ("", "005930;900290;069500;000001;000002;"),
        ("NULL", "005930;900290;069500;000001;000002;"),
    ],
)
def test_code_lists(rig: SimulatedBroker, market: str, codes: str) -> None:
    assert rig.call("GetCodeListByMarket", market) == codes


@pytest.mark.parametrize(
    ("name", "code", "answer"),
    [
        ("GetMasterCodeName", "005930", "삼성전자"),
        ("GetMasterCodeName", UNKNOWN, ""),
        ("GetMasterListedStockCnt", GRT.code, 67_375_000),
        ("GetMasterListedStockCnt", "000002", 3_000_000_000 - 2**32),
        ("GetMasterListedStockCnt", UNKNOWN, 0),
        ("GetMasterListedStockDate", "000002", "20191018"),
        ("GetMasterListedStockDate", UNKNOWN, ""),
        ("GetMasterConstruction", "005930", "정상"),
        ("GetMasterConstruction", UNKNOWN, ""),
        ("GetMasterStockState", "005930", "증거금30%|담보대출|신용가능"),
        ("GetMasterStockState", UNKNOWN, ""),
        ("GetMarketType", "900290", 10),
        ("GetMasterLastPrice", UNKNOWN, ""),
        ("GetMasterLastPrice", "000001", ""),
    ],
)
def test_one_issue(rig: SimulatedBroker, name: str, code: str, answer: object) -> None:
    assert rig.call(name, code) == answer


@pytest.mark.parametrize(
    ("name", "argument", "answer"),
    [
        ("GetMasterStockInfo", "005930", "시장구분0|거래소;시장구분1|대형주;업종구분|전기전자;"),
        ("GetMasterStockInfo", "000001", "시장구분0|코넥스;시장구분1|소형주;업종구분|서비스업;"),
        ("GetMasterStockInfo", UNKNOWN, ""),
        ("GetUpjongNameByCode", "001", "종합(KOSPI)"),
        ("GetUpjongNameByCode", UNKNOWN, ""),
        ("GetUpjongCode", "2", "2,201,KOSPI200|"),
        ("GetUpjongCode", "9", ""),
        ("IsOrderWarningStock", "005930", "0"),
        ("IsOrderWarningETF", "069500", "0"),
        ("GetMasterListedStockCntEx", "000002", "3000000000"),
        ("GetStockMarketKind", "005930", "0"),
        ("GetStockMarketKind", "900290", "10"),
        ("GetStockMarketKind", "069500", "8"),
        ("GetStockMarketKind", "000002", "6"),
        ("GetStockMarketKind", UNKNOWN, ""),
        ("NoSuchFunction", "", ""),
    ],
)
def test_koa_functions(rig: SimulatedBroker, name: str, argument: str, answer: str) -> None:
    assert rig.call("KOA_Functions", name, argument) == answer


def test_sector_codes_of_the_exchange_end_with_a_bar(rig: SimulatedBroker) -> None:
    answer = rig.text("KOA_Functions", "GetUpjongCode", "0")
    assert answer.startswith("0,001,종합(KOSPI)|0,002,대형주|0,003,중형주|")
    assert answer.endswith("|")


@pytest.mark.parametrize(
    ("now", "price"),
    [
        ("2022-01-17 08:00", "00077300"),
        ("2022-01-18 08:59", "00077500"),
        ("2022-01-18 15:29:00", "00077500"),
        ("2022-01-18 15:30", "00077000"),
        ("2022-01-22 12:00", "00077000"),
    ],
)
def test_the_last_price_is_the_close_of_the_last_session_that_is_over(now: str, price: str) -> None:
    market = small_market()
    market.days["005930"].close[-3] = 77_300
    assert SimulatedBroker(market, now).login().call("GetMasterLastPrice", "005930") == price


def test_there_are_no_derivatives(rig: SimulatedBroker) -> None:
    for name in ("GetFutureList", "GetActPriceList", "GetMonthList", "GetOptionATM", "GetSFOBasisAssetList"):
        assert rig.call(name) == ""
    assert (
        rig.call("GetBranchCodeName")
        == "001|교  보;002|신한금융투자;003|한국투자증권;004|대  신;050|키움증권"
    )
