"""The tables: whole, readable, and they say what they do not know."""

from __future__ import annotations

import pytest

from kernel_server import reference
from kernel_server.reference import inputs


def test_every_table_is_whole() -> None:
    assert len(reference.trs()) == 227
    assert len(reference.functions()) == 58
    assert len(reference.events()) == 9
    assert len(reference.fids()) == 795
    assert len(reference.realtypes()) == 159


def test_a_tr_is_found_in_any_case() -> None:
    assert reference.tr("OPT10081") is reference.tr("opt10081")


def test_a_chart_tr_knows_its_inputs_fields_and_page() -> None:
    tr = reference.tr("opt10081")
    assert (tr.name, tr.kind, tr.rows_per_page, tr.repeats) == ("주식일봉차트조회요청", "quote", 600, True)
    assert [given.name for given in tr.inputs] == ["종목코드", "기준일자", "수정주가구분"]
    assert [given.default for given in tr.inputs] == [None, "", None]
    assert tr.multi_names[:5] == ("종목코드", "현재가", "거래량", "거래대금", "일자")


def test_a_tr_whose_rows_never_repeat_says_so() -> None:
    assert not reference.tr("opt10004").repeats
    assert len(reference.tr("opt10004").multi) == 69


def test_names_that_repeat_inside_a_tr_are_kept() -> None:
    names = reference.tr("opt90009").multi_names
    assert len(set(names)) < len(names)


def test_an_input_of_newer_modules_may_be_given_but_need_not() -> None:
    tr = reference.tr("opt10075")
    assert [given.name for given in tr.optional_inputs] == ["거래소구분"]
    assert "거래소구분" not in [given.name for given in tr.inputs]


@pytest.mark.parametrize("tr", reference.trs(), ids=lambda tr: tr.code)
def test_every_tr_can_be_asked_for_and_answers_something(tr: reference.Tr) -> None:
    assert tr.kind in ("quote", "account", "other")
    assert tr.inputs
    assert tr.single or tr.multi
    assert all(given.name and given.width > 0 for given in tr.inputs)
    assert all(field.name for field in (*tr.single, *tr.multi))


def test_the_realtime_types_stand_in_the_order_of_srealdata() -> None:
    assert reference.realtype("주식체결").fids[:7] == (20, 10, 11, 12, 27, 28, 15)
    assert reference.realtype("주식체결").gidc == "0B"
    assert reference.fid(20).name == "체결시간"


def test_codes_that_programs_meet_are_explained() -> None:
    assert reference.error(-200).message == "시세조회 과부하"
    assert reference.error(-209).message == "시세조회 제한"


@pytest.mark.parametrize(
    ("look", "near"),
    [
        (lambda: reference.tr("opt1008"), "opt10081"),
        (lambda: reference.function("GetMasterCodename"), "GetMasterCodeName"),
        (lambda: reference.realtype("주식채결"), "주식체결"),
        (lambda: reference.event("OnEventConect"), "OnEventConnect"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is_near(look, near) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(reference.UnknownReference, match=near):
        look()


@pytest.mark.parametrize("look", [lambda: reference.fid(999_999), lambda: reference.error(-999)])
def test_numbers_without_a_meaning_are_said_to_have_none(look) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(reference.UnknownReference, match="999"):
        look()


@pytest.mark.parametrize(
    "table",
    [reference.fids, reference.realtypes, reference.functions, reference.events],
    ids=lambda one: one.__name__,
)
def test_a_table_cannot_be_written(table) -> None:  # type: ignore[no-untyped-def]
    """It is the process's, and read by the server and koalab too."""
    with pytest.raises(TypeError):
        table()[next(iter(table()))] = None


class TestInputs:
    """What the module's own table of widths makes too short is let through, and secrets are not repeated."""

    @pytest.mark.parametrize(
        "tr", [tr for tr in reference.trs() if any(one.name == "계좌번호" for one in tr.inputs)]
    )
    def test_an_account_has_ten_digits_in_every_tr(self, tr: reference.Tr) -> None:
        given = {one.name: "1" for one in tr.inputs if one.default is None} | {"계좌번호": "8000000011"}
        assert inputs.check(tr, given)["계좌번호"] == "8000000011"

    def test_a_code_may_name_another_exchange(self) -> None:
        tr = reference.tr("opt10001")
        assert inputs.check(tr, {"종목코드": "005930_NX"}) == {"종목코드": "005930_NX"}
        with pytest.raises(inputs.BadInputs, match="at most 9 bytes, '005930_NXT' is longer"):
            inputs.check(tr, {"종목코드": "005930_NXT"})

    @pytest.mark.parametrize("name", ["계좌번호", "비밀번호"])
    @pytest.mark.parametrize("wrong", ["80000000111" * 9, "8000000011\n", 8000000011.0])
    def test_a_secret_is_not_repeated(self, name: str, wrong: object) -> None:
        given = {"계좌번호": "1", "비밀번호": "1", "조회구분": "1"} | {name: wrong}
        with pytest.raises(inputs.BadInputs, match=name) as error:
            inputs.check(reference.tr("opw00018"), given)
        assert "8000000011" not in str(error.value)
