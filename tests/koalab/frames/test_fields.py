"""The field table covers its TRs, and names, kinds and units are what a quant would take them for."""

from __future__ import annotations

import keyword

import pytest

from kernel_server import reference
from koalab.errors import BadInput
from koalab.frames.fields import fields, labels, table

TRS = [
    "opt10001",
    "OPTKWFID",
    "opt10079",
    "opt10080",
    "opt10081",
    "opt10082",
    "opt10083",
    "opt10094",
    "opt10003",
    "opt10059",
    "opt10075",
    "opt10076",
    "opt10085",
    "opt20005",
    "opt20006",
    "opt20007",
    "opt20008",
    "opt20019",
    "opw00018",
]


def by_name(tr: str, block: str = "multi") -> dict:
    return {field.name: field for field in fields(tr, block)}


@pytest.mark.parametrize("tr", TRS)
def test_field_names_are_unique(tr):
    for block, names in [("single", reference.tr(tr).single_names), ("multi", reference.tr(tr).multi_names)]:
        found = fields(tr, block)
        assert labels(found, "ko") == list(names)
        english = labels(found, "en")
        assert len(set(english)) == len(english)
        assert all(name.isidentifier() and name == name.lower() for name in english)
        assert not any(keyword.iskeyword(name) for name in english)


def test_one_kiwoom_name_means_what_its_tr_means_by_it():
    assert by_name("OPTKWFID")["현재가"].english == "price"
    assert by_name("opt10001", "single")["현재가"].english == "price"
    assert by_name("opt10081")["현재가"].english == "close"
    assert by_name("opt10003")["체결거래량"].kind == "signed"
    assert by_name("opt10080")["체결시간"].kind == "moment"
    assert by_name("OPTKWFID")["체결시간"].kind == "clock"


@pytest.mark.parametrize(
    ("tr", "block", "name", "factor"),
    [
        ("opt10001", "single", "시가총액", 10**8),
        ("opt10001", "single", "자본금", 10**8),
        ("opt10001", "single", "매출액", 10**8),
        ("opt10001", "single", "영업이익", 10**8),
        ("opt10001", "single", "당기순이익", 10**8),
        ("opt10001", "single", "상장주식", 10**3),
        ("opt10001", "single", "유통주식", 10**3),
        ("opt10001", "single", "거래량", 1),
        ("OPTKWFID", "multi", "주식수", 10**3),
        ("OPTKWFID", "multi", "거래대금", 10**6),
        ("opt10081", "multi", "거래대금", 10**6),
        ("opt10094", "multi", "거래대금", 10**6),
        ("opt10003", "multi", "누적거래대금", 1),
        ("opt10059", "multi", "누적거래대금", 10**6),
        ("opw00001", "single", "주문가능금액", 1),
        ("opw00018", "multi", "평가금액", 1),
    ],
)
def test_units(tr, block, name, factor):
    assert (by_name(tr, block)[name].factor, by_name(tr, block)[name].divisor) == (factor, 1)


def test_index_levels_are_hundredths():
    assert by_name("opt20006")["현재가"].divisor == 100


def test_what_the_table_does_not_know_is_refused():
    with pytest.raises(BadInput, match="opt10004 has no typed table"):
        fields("opt10004")
    with pytest.raises(BadInput, match="opt12345"):
        fields("opt12345")


@pytest.mark.parametrize("name", ["fields", "bars", "kinds"])
def test_tables_have_no_row_that_never_counts(name):
    rows = list(table(name))
    assert len({len(row) for row in rows}) == 1
    keys = [tuple(row[:2]) if name != "bars" else row[0] for row in rows]
    assert len(set(keys)) == len(keys)
    if name == "fields":
        known = {field.name for entry in reference.trs() for field in (*entry.single, *entry.multi)}
        assert {row[1] for row in rows} <= known
        for trs, field, *_ in rows:
            for tr in trs.split(","):
                assert tr == "*" or field in {
                    f.name for f in (*reference.tr(tr).single, *reference.tr(tr).multi)
                }


def test_what_an_account_has_is_all_named():
    named = [field.english for field in fields("opw00001", "single")]
    assert len(set(named)) == len(named) == len(reference.tr("opw00001").single_names)
