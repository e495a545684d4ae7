"""``kl.reference``: the tables of OpenAPI+ as users ask for them; what is not there is an error of koalab's."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import pytest

import koalab as kl
from kernel_server import reference as tables


def test_an_entry_is_that_of_the_tables() -> None:
    assert kl.reference.tr("OPT10081") == tables.tr("opt10081")
    assert kl.reference.fid(10) == kl.reference.fid(np.int64(10)) == tables.fid(10)
    assert kl.reference.error(-200) == tables.error(-200)
    assert kl.reference.function("SendOrder") == tables.function("SendOrder")
    assert kl.reference.event("OnReceiveTrData") == tables.event("OnReceiveTrData")
    assert kl.reference.realtype(" 주식체결 ") == tables.realtype("주식체결")


def test_a_name_is_found_in_any_composition_of_hangul() -> None:
    assert kl.reference.realtype(unicodedata.normalize("NFD", "주식체결")).name == "주식체결"


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: kl.reference.tr("opt100810"), "near it: opt10081"),
        (lambda: kl.reference.realtype("주식체결2"), "주식체결"),
        (lambda: kl.reference.fid(99999), "no FID 99999"),
        (lambda: kl.reference.error(200), "no error code 200"),
        (lambda: kl.reference.function("SendOrders"), "SendOrder"),
        (lambda: kl.reference.event("OnReceive"), "no event"),
    ],
)
def test_what_is_not_there(ask: Callable[[], object], says: str) -> None:
    with pytest.raises(kl.UnknownCode, match=says):
        ask()


@pytest.mark.parametrize("given", [None, 10.0, "10", "현재가", True, b"10", float("nan"), [10]])
def test_what_can_be_no_number(given: object) -> None:
    for ask in (kl.reference.fid, kl.reference.error):
        with pytest.raises(kl.BadInput, match="is a number like"):
            ask(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, 10, b"opt10081", ["opt10081"]])
def test_what_can_be_no_name(given: object) -> None:
    for ask in (kl.reference.tr, kl.reference.realtype, kl.reference.function, kl.reference.event):
        with pytest.raises(kl.BadInput, match="is a text like"):
            ask(given)  # type: ignore[arg-type]
