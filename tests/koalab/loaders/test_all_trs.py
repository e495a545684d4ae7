"""Every TR there is through ``kw.tr``: none breaks, and a field is of one kind whether or not there are rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from kernel_server import reference, simulated
from kernel_server.clock import KST
from koalab.frames import Answer, answer
from koalab.frames.generic import unique
from koalab.sessions.session import Session
from tests.support.session import Market, start

ACCOUNT = "8000000011"
MORNING = datetime(2026, 11, 17, 11, 30, tzinfo=KST)
INPUTS = {
    "종목코드": "005930",
    "업종코드": "001",
    "계좌번호": ACCOUNT,
    "시작일자": "20261101",
    "종료일자": "20261117",
    "기준일자": "20261117",
    "일자": "20261117",
    "조회일자": "20261117",
    "주문일자": "20261117",
    "틱범위": "1",
    "회원사코드": "001",
}
# What the inputs that choose may be; one of them brings an answer where anything does.
CHOICES = (
    {"": "1", "시장구분": "001"},
    {"": "1", "시장구분": "0"},
    {"": "1", "시장구분": "000"},
    {"": "0", "시장구분": "0"},
)
# What looks like a number and is none.
NO_NUMBER = re.compile(r"코드|번호|원주문|구분|기호|부호|sign|시간|분류|정보|거래원[0-9]|회차")
NUMERIC = re.compile(r"[+-]{0,2}[0-9]*\.?[0-9]+")


@pytest.fixture(scope="module")
def kw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """An account that has bought, sold, and waits."""
    market: Market = start(
        tmp_path_factory.mktemp("trs"), MORNING, settings=simulated.BrokerSettings(limited=False)
    )
    found = market.connect()
    low = int(found.quotes("000660")["lower_limit"].iloc[0])
    for kind, code, quantity, price in ((1, "005930", 7, 0), (1, "000660", 3, low), (2, "005930", 2, 0)):
        found.call.SendOrder(
            "주문", "0101", ACCOUNT, kind, code, quantity, price, "00" if price else "03", ""
        )
        while (
            market.look(lambda broker: broker._brokerage._books.accounts[ACCOUNT].holding("005930")).quantity
            == 0
        ):
            found.status()
    yield found
    market.close()


@pytest.fixture(scope="module")
def answers(kw: Session) -> dict[str, Answer]:
    """An answer of each TR, with values where some choice of its inputs brings any."""
    found = {}
    for tr in reference.trs():
        for choice in CHOICES:
            found[tr.code] = kw.tr(tr.code, pages=1, progress=False, **inputs(tr, choice))
            if filled(found[tr.code]):
                break
    return found


def inputs(tr: reference.Tr, choice: dict[str, str]) -> dict[str, str]:
    wanted = [one for one in tr.inputs if one.default is None]
    values = {
        one.name: INPUTS.get(one.name) or choice.get(one.name) or (choice[""] if "구분" in one.name else "0")
        for one in wanted
    }
    return {one.name: values[one.name][-max(one.width, 10 * (one.name == "계좌번호")) :] for one in wanted}


def filled(given: Answer) -> bool:
    return len(given.multi) > 0 or bool(given.single.notna().any())


def family(dtype: object) -> str:
    name = str(dtype)
    return "number" if name in ("int64", "float64") else name


def numeric(texts: list[str]) -> bool:
    held = [text.strip() for text in texts if text.strip()]
    return bool(held) and all(NUMERIC.fullmatch(text) for text in held)


@pytest.mark.filterwarnings("ignore:no rows")
def test_each_is_answered_under_its_own_fields(answers: dict[str, Answer]) -> None:
    assert len(answers) == 227
    for tr in reference.trs():
        got = answers[tr.code]
        assert list(got.multi.columns) == unique(tr.multi_names), tr.code
        assert list(got.single.index) in ([], unique(tr.single_names)), tr.code
    # What the simulated broker fills, most of it with these inputs.
    assert sum(map(filled, answers.values())) > 70


@pytest.mark.filterwarnings("ignore:no rows")
def test_no_column_is_of_objects_and_numbers_are_numbers(answers: dict[str, Answer]) -> None:
    wrong = []
    for tr in reference.trs():
        got = answers[tr.code]
        for place, name in enumerate(got.multi.columns):
            kind = family(got.multi.dtypes.iloc[place])
            if kind not in ("number", "str", "datetime64[us]"):
                wrong.append((tr.code, name, kind))
            texts = [text for page in got.pages if page.rows for text in page.columns[place].split("\n")]
            if kind == "str" and numeric(texts) and not NO_NUMBER.search(name):
                wrong.append((tr.code, name, texts[:3]))
        for name, value in got.single.items():
            if isinstance(value, str) and numeric([value]) and not NO_NUMBER.search(str(name)):
                wrong.append((tr.code, name, value))
    assert wrong == []


@pytest.mark.filterwarnings("ignore:no rows")
def test_codes_and_order_numbers_are_texts_and_days_are_days(answers: dict[str, Answer]) -> None:
    seen = set()
    for tr in reference.trs():
        frame = answers[tr.code].multi
        for place, name in enumerate(frame.columns):
            column = frame.iloc[:, place]
            if re.fullmatch(r"종목코드|종목번호|업종코드|주문번호|원주문번호|계좌번호", name):
                assert str(column.dtype) == "str", (tr.code, name)
                seen.add(name)
            if re.fullmatch(r"일자|주문일자|거래일자|대출일", name):
                assert str(column.dtype) == "datetime64[us]", (tr.code, name)
                assert not len(column) or name == "대출일" or column.notna().all(), (tr.code, name)
                seen.add(name)
    assert {"종목코드", "주문번호", "일자", "대출일"} <= seen


@pytest.mark.filterwarnings("ignore:no rows")
def test_an_answer_without_rows_has_the_same_kinds(answers: dict[str, Answer]) -> None:
    wrong = []
    for tr in reference.trs():
        nothing = answer(tr.code, []).multi
        assert list(nothing.columns) == unique(tr.multi_names)
        for place, name in enumerate(nothing.columns):
            empty, full = nothing.dtypes.iloc[place], answers[tr.code].multi.dtypes.iloc[place]
            blank = answers[tr.code].multi.iloc[:, place].isna().all()
            if not blank and family(empty) != family(full):
                wrong.append((tr.code, name, str(empty), str(full)))
        assert not any(kind == np.dtype(object) for kind in nothing.dtypes), tr.code
    assert wrong == []


@pytest.mark.parametrize("tr", [tr.code for tr in reference.trs()])
def test_nothing_is_nothing_in_every_tr(tr: str) -> None:
    found = answer(tr, [])
    assert len(found.multi) == 0
    assert len(found.single) == 0
    assert isinstance(found.multi, pd.DataFrame)
