"""The texts of alerts, and those that are none."""

from __future__ import annotations

import pytest

from koalab import BadInput, UnknownCode
from koalab.alerts.grammar import AlertRule, ConditionRule, ConnectionRule, FillRule, PriceRule, parse

NAMES = {"005930": "삼성전자", "069500": "KODEX 200", "000660": "SK하이닉스"}


def resolve(given: str) -> str:
    for code, name in NAMES.items():
        if given in (code, name):
            return code
    raise UnknownCode(f"no issue {given}")


def rule(text: object) -> AlertRule:
    return parse(text, resolve, lambda code: NAMES[code])


@pytest.mark.parametrize(
    ("text", "code", "field", "comparator", "number"),
    [
        ("005930 > 80000", "005930", "현재가", ">", 80_000),
        ("005930>80,000원", "005930", "현재가", ">", 80_000),
        ("삼성전자 등락률 >= 5", "005930", "등락률", ">=", 5),
        ("삼성전자 등락율 ≤ -2.5%", "005930", "등락률", "<=", -2.5),
        ("KODEX 200 > 3만 5,000원", "069500", "현재가", ">", 35_000),
        ("KODEX 200 거래량 >= 1,000만주", "069500", "거래량", ">=", 10_000_000),
        ("SK하이닉스 거래대금 > 1.5억", "000660", "거래대금", ">", 150_000_000),
        ("000660 value > 1조 2,000억", "000660", "거래대금", ">", 1_200_000_000_000),
        ("000660 change_rate < 0", "000660", "등락률", "<", 0),
        ("000660 Price == 200000", "000660", "현재가", "==", 200_000),
        ("００５９３０ ＞ ８００００", "005930", "현재가", ">", 80_000),
        ("005930 매도호가 <= 8만", "005930", "매도호가", "<=", 80_000),
        ("005930 체결강도 > 120", "005930", "체결강도", ">", 120),
        ("005930 대비 > +1,000", "005930", "대비", ">", 1_000),
    ],
)
def test_a_comparison_has_an_issue_a_field_and_a_number(
    text: str, code: str, field: str, comparator: str, number: float
) -> None:
    found = rule(text)
    assert isinstance(found, PriceRule)
    assert (found.code, found.field.name, found.comparator, found.number) == (code, field, comparator, number)
    assert type(found.number) is type(number)


def test_the_events_are_words() -> None:
    assert rule("체결") == FillRule()
    assert rule(" 연결 ") == ConnectionRule()
    assert rule("조건:중소형 저평가주") == ConditionRule("중소형 저평가주")
    assert rule("조건: 3") == ConditionRule(3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "005930 > 80000"),
        ("", "005930 > 80000"),
        ("005930", "compares nothing"),
        ("005930 80000", "compares nothing"),
        ("체결 삼성전자", "compares nothing"),
        ("005930 = 80000", "use > >= < <= =="),
        ("005930 => 80000", "use > >= < <= =="),
        ("005930 != 80000", "use > >= < <= =="),
        ("70000 < 005930 < 80000", "2 comparisons"),
        ("> 80000", "no issue"),
        ("005930 >", "is no number"),
        ("005930 > 많이", "is no number"),
        ("005930 > 80,00", "is no number"),
        ("005930 > 8만 7만", "is no number"),
        ("005930 > 8만5", "is no number"),
        ("005930 > 1e999", "is no number"),
        ("005930 > 000660", "is no number"),
        ("005930 > 0,123", "is no number"),
        ("005930 > 5%", "현재가 is in 원"),
        ("005930 등락률 > 5원", "등락률 is in %"),
        ("005930 시총 > 5조", "no field '시총'"),
        ("조건:", "which condition"),
        ("9" * 300 + " > 1", "an alert is a text"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_way_out(text: object, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        rule(text)


def test_an_unknown_issue_is_an_unknown_code() -> None:
    with pytest.raises(UnknownCode):
        rule("삼성전지 > 80000")
    with pytest.raises(UnknownCode):
        rule("삼성전지 등락률 > 5")
