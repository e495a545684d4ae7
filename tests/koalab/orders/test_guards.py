"""The guards of orders: each refuses in one sentence with the setting that would allow it, before anything is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from kernel_server.clock import KST
from koalab import BadInput, OrderGuarded
from koalab.calendar import table
from koalab.orders.checks import OrderChecks
from koalab.orders.guards import Guards
from koalab.orders.issue_facts import IssueFacts
from koalab.orders.preview import preview
from koalab.orders.quote_types import find_quote_type
from koalab.orders.record import OrderRecord

CODE = "005930"
TUESDAY = "2026-11-17 10:00"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=KST).timestamp()


def facts(
    now: str = TUESDAY, base: int = 70_000, kind: str = "0", listed: str = "20000101", warning: str = "0"
) -> IssueFacts:
    answers: dict[tuple[str, tuple[str | int, ...]], str] = {
        ("GetMasterLastPrice", (CODE,)): f"{base:08d}" if base else "",
        ("KOA_Functions", ("GetStockMarketKind", CODE)): kind,
        ("KOA_Functions", ("IsOrderWarningStock", CODE)): warning,
        ("GetMasterListedStockDate", (CODE,)): listed,
    }
    return IssueFacts(CODE, at(now), answers)


def order(**given: Any) -> OrderRecord:
    fields: dict[str, Any] = {
        "account": "8000000011",
        "code": CODE,
        "name": "삼성전자",
        "side": "매수",
        "action": "new",
        "type": "지정가",
        "quantity": 10,
        "price": 70_000,
        "original": "",
        "entered": at(TUESDAY),
    }
    return OrderRecord(**{**fields, **given})


@pytest.fixture
def guards() -> Guards:
    return Guards()


@pytest.fixture
def checks(guards: Guards) -> OrderChecks:
    return OrderChecks(guards, table)


def check(checks: OrderChecks, record: OrderRecord, of: IssueFacts) -> None:
    checks.check(record, find_quote_type(record.type, record.price or None), of)


MARKET = {"type": "시장가", "price": 0}


class TestAnOrder:
    @pytest.mark.parametrize(
        ("given", "of", "guard", "allow", "text"),
        [
            ({"quantity": 100_001, "price": 100}, {"base": 100}, "max_quantity", 200_000, "100,001 shares"),
            (
                {"quantity": 2_000},
                {},
                "max_value",
                140_000_000,
                "= 140,000,000원 is more than the 100,000,000원",
            ),
            # 시장가 is worth the upper limit: 130 % of 기준가.
            ({"quantity": 1_200, **MARKET}, {}, "max_value", None, "130 % of 기준가"),
            (
                {"quantity": 1_500, "side": "매도", "price": 60_000},
                {},
                "max_value",
                None,
                "counted at 기준가",
            ),
            ({**MARKET}, {"kind": "3"}, "max_value", None, "is not known"),
            ({"price": 70_050}, {}, "tick_size", False, "호가단위 there is 100원, so 70,000 or 70,100"),
            ({"price": 1_501}, {"base": 1_500, "now": "2022-01-18 10:00"}, "tick_size", False, "5원"),
            ({"price": 91_100}, {}, "band", None, "outside 49,000~91,000원"),
            ({"price": 48_950}, {}, "band", None, "outside"),
            ({"price": 70_000}, {"base": 0}, "band", None, "no 기준가"),
            ({"price": 5_000}, {"base": 10_000, "listed": "20261117"}, "band", None, "6,000~40,000원"),
            (
                {**MARKET},
                {"now": "2026-11-21 10:00"},
                "session",
                False,
                "closed on 2026-11-21, and opens next on",
            ),
            (
                {**MARKET},
                {"now": "2026-11-17 17:00"},
                "session",
                False,
                "시장가 is taken from 08:20 to 15:30",
            ),
            ({"price": 70_000}, {"now": "2026-11-17 15:35"}, "session", False, "15:30 and 16:00 to 20:00"),
            (
                {"type": "장후시간외종가", "price": 0},
                {"now": "2026-11-17 12:00"},
                "session",
                False,
                "to 16:00",
            ),
            (
                {"type": "장전시간외종가", "price": 0},
                {"now": "2026-11-17 09:00"},
                "session",
                False,
                "08:30 to 08:40",
            ),
            (
                {"type": "최유리지정가", "price": 0},
                {"now": "2026-11-17 15:25"},
                "session",
                False,
                "09:00 to 15:20",
            ),
            # The after-market began on 2026-09-14, and ETFs are not in it.
            (
                {"price": 70_000},
                {"now": "2026-09-11 17:00"},
                "session",
                False,
                "08:20 to 15:30, and it is 17:00",
            ),
            ({"price": 70_000}, {"now": "2026-11-17 17:00", "kind": "8"}, "session", False, "to 15:30, and"),
            # 수능: an hour later.
            ({"price": 70_000}, {"now": "2026-11-19 09:10"}, "session", False, "09:20 to 16:30"),
        ],
    )
    def test_is_refused_by_one_guard_whose_setting_allows_it(
        self,
        guards: Guards,
        checks: OrderChecks,
        given: dict[str, Any],
        of: dict[str, Any],
        guard: str,
        allow: object,
        text: str,
    ) -> None:
        with pytest.raises(OrderGuarded) as refused:
            check(checks, order(**given), facts(**of))
        assert refused.value.guard == guard
        assert text in str(refused.value)
        assert f"kw.guards.{guard} = " in str(refused.value)
        setattr(guards, guard, allow)
        check(checks, order(**given), facts(**of))

    @pytest.mark.parametrize(
        ("given", "of"),
        [
            ({"price": 91_000}, {}),
            ({"price": 49_000}, {}),
            ({"price": 40_000}, {"base": 10_000, "listed": "20261117"}),
            ({"price": 1_000}, {"warning": "2"}),  # 정리매매
            ({"price": 15_000}, {"base": 10_000, "kind": "8"}),  # a leveraged ETF
            ({"price": 1_999}, {"base": 2_000, "kind": "8"}),  # steps of 1원 below 2,000 since 2023-12-11
            ({"price": 70_000}, {"now": "2026-11-17 08:30"}),
            ({"price": 70_000}, {"now": "2026-11-17 17:00"}),
            ({"price": 70_000, "type": "시간외단일가"}, {"now": "2026-11-17 17:00"}),
            ({"type": "장후시간외종가", "price": 0}, {"now": "2026-11-17 15:45"}),
            ({"price": 70_000}, {"now": "2035-11-17 03:00"}),  # beyond the calendar it is not known
        ],
    )
    def test_passes_where_the_exchange_takes_it(
        self, checks: OrderChecks, given: dict[str, Any], of: dict[str, Any]
    ) -> None:
        check(checks, order(**given), facts(**of))

    def test_may_be_held_to_a_narrower_band(self, guards: Guards, checks: OrderChecks) -> None:
        guards.band = 5
        check(checks, order(price=73_500), facts())
        with pytest.raises(OrderGuarded, match="66,500~73,500원"):
            check(checks, order(price=73_600), facts())


class TestTheSameOrder:
    def test_is_sent_once_within_some_seconds(self, checks: OrderChecks) -> None:
        checks.reserve(order(), at(TUESDAY))
        with pytest.raises(OrderGuarded, match=r"4\.0 s before") as refused:
            checks.reserve(order(), at(TUESDAY) + 4)
        assert refused.value.guard == "duplicates_within"
        checks.reserve(order(), at(TUESDAY) + 5)

    @pytest.mark.parametrize(
        "given",
        [{"quantity": 11}, {"price": 70_100}, {"side": "매도"}, {"code": "000660"}, {"original": "0000001"}],
    )
    def test_is_another_where_anything_differs(self, checks: OrderChecks, given: dict[str, Any]) -> None:
        checks.reserve(order(), at(TUESDAY))
        checks.reserve(order(**given), at(TUESDAY))

    def test_may_be_sent_again_after_a_refusal(self, checks: OrderChecks) -> None:
        first = order()
        checks.reserve(first, at(TUESDAY))
        first.status = "rejected"
        checks.reserve(order(), at(TUESDAY) + 1)

    def test_is_never_sent_while_the_fate_of_the_first_is_unknown(self, checks: OrderChecks) -> None:
        first = order()
        checks.reserve(first, at(TUESDAY))
        first.status = "unknown"
        with pytest.raises(OrderGuarded, match="not known yet"):
            checks.reserve(order(), at(TUESDAY) + 3600)

    def test_may_be_sent_at_will_if_the_user_says_so(self, guards: Guards, checks: OrderChecks) -> None:
        guards.duplicates_within = None
        for _ in range(3):
            checks.reserve(order(), at(TUESDAY))


class TestTheSettings:
    def test_are_shown(self, guards: Guards) -> None:
        guards.max_value = 5_000_000
        shown = repr(guards)
        assert "5,000,000" in shown
        for name in ("max_value", "max_quantity", "band", "tick_size", "session", "duplicates_within"):
            assert name in shown
        guards.reset()
        assert guards.max_value == 100_000_000

    @pytest.mark.parametrize(
        ("name", "value", "text"),
        [
            ("max_value", 0, "from 1"),
            ("max_value", "많이", "None turns it off"),
            ("max_quantity", 1.5, "whole number"),
            ("band", 31, "from 0 to 30"),
            ("band", True, "percentage"),
            ("band", float("nan"), "percentage"),
            ("tick_size", "no", "True or False"),
            ("session", None, "True or False"),
            ("duplicates_within", -1, "above 0"),
            ("fee_percent", 6, "from 0 to 5"),
            ("max_valeu", 1, "did you mean max_value"),
        ],
    )
    def test_are_checked(self, guards: Guards, name: str, value: object, text: str) -> None:
        before = repr(guards)
        with pytest.raises(BadInput, match=text):
            setattr(guards, name, value)
        assert repr(guards) == before


class TestAPreview:
    @pytest.mark.parametrize(
        ("given", "of", "simulation", "fee", "tax", "total"),
        [
            ({}, {}, True, 2_450, 0, 702_450),
            ({}, {}, False, 100, 0, 700_100),
            # 2026: KOSPI 0.05 % and 농특세 0.15 %, KOSDAQ 0.20 %, nothing for ETFs.
            ({"side": "매도"}, {}, False, 100, 350 + 1_050, 698_500),
            ({"side": "매도"}, {"kind": "10"}, False, 100, 1_400, 698_500),
            ({"side": "매도"}, {"kind": "8"}, False, 100, 0, 699_900),
            ({"side": "매도"}, {"now": "2025-11-17 10:00"}, False, 100, 1_050, 698_850),
        ],
    )
    def test_has_fee_and_tax_of_the_day(
        self,
        given: dict[str, Any],
        of: dict[str, Any],
        simulation: bool,
        fee: int,
        tax: int,
        total: int,
    ) -> None:
        found = preview(order(**given), find_quote_type("지정가", 1), facts(**of), simulation, None)
        assert (found.fee, found.tax, found.total) == (fee, tax, total)
        assert f"{total:,}원" in repr(found)

    def test_of_an_order_without_a_price_says_what_it_is_counted_at(self) -> None:
        found = preview(order(**MARKET), find_quote_type("시장가", None), facts(), True, 0.1)
        assert (found.at, found.value, found.most, found.fee) == ("기준가", 700_000, 910_000, 700)
        assert "최대 910,000원" in repr(found)
