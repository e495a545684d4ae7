"""TRs at the control, whatever is in them: inputs, events, reading, continuation."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_server import reference
from kernel_server.control.seam import Event
from tests.support.simulated_broker import SimulatedBroker, small_market

DAILY = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}


@pytest.fixture
def rig() -> SimulatedBroker:
    return SimulatedBroker(small_market()).login()


def test_an_answer_is_an_event_after_the_call_even_without_latency() -> None:
    rig = SimulatedBroker(small_market(), latency=0).login()
    assert rig.send("opt10001", 종목코드="005930") == 0
    assert rig.events == []
    rig.settle(0)
    assert rig.events == [
        Event("OnReceiveTrData", ("0101", "요청", "opt10001", "", "0", 0, "", "", "")),
    ]


def test_latency_is_time_of_the_clock() -> None:
    rig = SimulatedBroker(small_market(), latency=0.25).login()
    rig.send("opt10001", 종목코드="005930")
    rig.settle(0.2)
    assert rig.pages == []
    rig.settle(0.1)
    assert len(rig.pages) == 1


def test_a_request_without_a_login_uses_up_its_inputs() -> None:
    rig = SimulatedBroker(small_market())
    assert rig.send("opt10079", 종목코드="005930", 틱범위="30", 수정주가구분="1") < 0
    assert len(rig.login().page("opt10081", **DAILY).rows) > 0


@pytest.mark.parametrize("code", ["opt10081", "OPT10081", "Opt10081"])
def test_the_code_comes_back_as_it_was_asked(rig: SimulatedBroker, code: str) -> None:
    assert rig.page(code, **DAILY).event.arguments[2] == code


@pytest.mark.parametrize("code", ["opt99998", "", "OPTKWFID", "optfofid", "KOA_NORMAL_BUY_KP_ORD"])
def test_what_is_no_tr_of_CommRqData(rig: SimulatedBroker, code: str) -> None:
    assert rig.send(code, 종목코드="005930") == -201
    rig.settle()
    assert rig.events == []


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"종목코드": "005930"},
        {"종목코드": "005930", "수정주가구분": "1", "기준일자": ""},
        {"기준일자": "", "종목코드": "005930", "수정주가구분": "1"},
        {"종목코드": "005930", "기준일자": "", "수정주가구분": "1", "틱범위": "1"},
    ],
)
def test_inputs_that_cannot_be_packed(rig: SimulatedBroker, inputs: dict[str, str]) -> None:
    assert rig.send("opt10081", **inputs) == 0
    # The module itself says so, without a screen or a name; there is no answer.
    assert rig.events == [Event("OnReceiveMsg", ("", "", "", "Fail to parse Request TR"))]
    rig.settle()
    assert rig.pages == []


def test_an_input_with_a_default_may_be_left_out(rig: SimulatedBroker) -> None:
    assert len(rig.page("opt10081", 종목코드="005930", 수정주가구분="1").rows) == 600


def test_the_order_of_inputs_need_not_matter() -> None:
    rig = SimulatedBroker(small_market(), input_order="any").login()
    assert rig.page("opt10081", 수정주가구분="1", 종목코드="005930").count == 600


def test_inputs_are_gone_after_a_request(rig: SimulatedBroker) -> None:
    rig.page("opt10081", **DAILY)
    assert rig.send("opt10081") == 0
    assert rig.messages() == ["Fail to parse Request TR"]
    rig.call("SetInputValue", "종목코드", "005930")
    assert rig.send("opt99998") == -201
    assert rig.send("opt10001") == 0
    assert len(rig.messages()) == 2


def test_a_later_value_of_an_input_counts(rig: SimulatedBroker) -> None:
    rig.call("SetInputValue", "종목코드", "900290")
    assert rig.page("opt10001", 종목코드="005930").single["종목명"] == "삼성전자"


def test_values_can_be_read_only_inside_the_event(rig: SimulatedBroker) -> None:
    rig.page("opt10081", **DAILY)
    assert rig.call("GetCommData", "opt10081", "", 0, "현재가") == ""
    assert rig.call("GetRepeatCnt", "opt10081", "") == 0
    assert rig.call("GetCommDataEx", "opt10081", "") is None
    assert rig.call("GetDataCount", "") == 0
    assert rig.call("GetOutputValue", "", 0, 0) == ""


@pytest.mark.parametrize("record", ["요청", "opt10081", "", "주식일봉차트", "주식일봉차트조회"])
def test_the_record_name_does_not_matter(rig: SimulatedBroker, record: str) -> None:
    seen: list[object] = []

    def read(event: Event) -> None:
        seen.append(rig.call("GetRepeatCnt", "opt10081", record))
        seen.append(rig.text("GetCommData", "opt10081", record, 1, "현재가").strip())
        table = rig.call("GetCommDataEx", "opt10081", record)
        assert isinstance(table, list)
        seen.append((len(table), table[1][1]))
        seen.append(rig.text("CommGetData", "opt10081", "", record, 1, "현재가").strip())
        seen.append(rig.call("GetDataCount", record))
        seen.append(rig.call("GetOutputValue", record, 1, 1))

    rig.control.listen(read)
    rig.send("opt10081", **DAILY)
    rig.settle()
    assert seen == [600, "77500", (600, "77500"), "77500", 600, "77500"]


def test_reading_beside_the_data_is_blank(rig: SimulatedBroker) -> None:
    seen: list[object] = []

    def read(event: Event) -> None:
        for row, name in [(600, "현재가"), (-1, "현재가"), (0, "없는항목"), (1, "종목코드")]:
            seen.append(rig.call("GetCommData", "opt10081", "", row, name))
        for row, item in [(600, 0), (-1, 0), (0, 15), (0, -1)]:
            seen.append(rig.call("GetOutputValue", "", row, item))

    rig.control.listen(read)
    rig.send("opt10081", **DAILY)
    rig.settle()
    assert seen == [""] * 8


@pytest.mark.parametrize(
    ("padding", "value"), [("none", "77000"), ("left", " " * 15 + "77000"), ("right", "77000" + " " * 15)]
)
def test_cells_are_padded_and_tables_are_not(padding: str, value: str) -> None:
    rig = SimulatedBroker(small_market(), padding=padding).login()
    seen: list[object] = []

    def read(event: Event) -> None:
        seen.append(rig.call("GetCommData", "opt10081", "", 0, "현재가"))
        table = rig.call("GetCommDataEx", "opt10081", "")
        assert isinstance(table, list)
        seen.append(table[0][1])

    rig.control.listen(read)
    rig.send("opt10081", **DAILY)
    rig.settle()
    assert seen == [value, "77000"]


def test_a_request_may_be_sent_from_inside_an_event(rig: SimulatedBroker) -> None:
    names: list[str] = []

    def read(event: Event) -> None:
        names.append(rig.text("GetCommData", "opt10001", "", 0, "종목명").strip())
        if len(names) == 1:
            assert rig.send("opt10001", 종목코드="900290") == 0
            assert rig.text("GetCommData", "opt10001", "", 0, "종목명").strip() == "삼성전자"

    rig.control.listen(read)
    rig.send("opt10001", 종목코드="005930")
    rig.settle()
    rig.settle()
    assert names == ["삼성전자", "GRT"]


def test_the_next_page_goes_on_where_the_last_one_ended(rig: SimulatedBroker) -> None:
    first = rig.page("opt10081", **DAILY)
    second = rig.page("opt10081", 2, **DAILY)
    assert first.prev_next == "2"
    assert second.column("일자")[0] < first.column("일자")[-1]


@pytest.mark.parametrize("between", ["opt10001", "opt10081"])
def test_another_request_on_the_screen_breaks_the_continuation(rig: SimulatedBroker, between: str) -> None:
    first = rig.page("opt10081", **DAILY)
    inputs = {"종목코드": "900290"} if between == "opt10001" else {**DAILY, "종목코드": "900290"}
    rig.page(between, **inputs)
    assert rig.page("opt10081", 2, **DAILY).rows == first.rows


def test_another_screen_does_not_break_the_continuation(rig: SimulatedBroker) -> None:
    first = rig.page("opt10081", **DAILY)
    rig.page("opt10001", screen="0102", 종목코드="900290")
    assert rig.page("opt10081", 2, **DAILY).rows != first.rows


def test_a_continuation_without_a_key_may_fail_instead() -> None:
    rig = SimulatedBroker(small_market(), lost_continuation="fail").login()
    assert rig.send("opt10081", 2, **DAILY) == 0
    assert rig.messages() == ["Fail to parse Request TR"]
    rig.page("opt10081", **DAILY)
    assert rig.page("opt10081", 2, **DAILY).count == 600
    assert rig.send("opt10081", 2, **{**DAILY, "수정주가구분": "0"}) == 0
    assert len(rig.messages()) == 2


def test_a_refused_next_page_can_be_asked_again() -> None:
    rig = SimulatedBroker(small_market(), requests_a_second=1).login()
    first = rig.page("opt10081", **DAILY)
    rig.send("opt10001", screen="0102", 종목코드="005930")
    assert rig.send("opt10081", 2, **DAILY) == -200
    rig.settle()
    assert rig.page("opt10081", 2, **DAILY).rows != first.rows


@pytest.mark.parametrize("last", ["0", ""])
def test_the_mark_of_the_last_page(last: str) -> None:
    rig = SimulatedBroker(small_market(), last_page=last).login()
    assert rig.page("opt10001", 종목코드="005930").prev_next == last
    assert rig.all_pages("opt10081", **DAILY)[-1].prev_next == last


FILLED = """
opt10001 opt10002 opt10003 opt10004 opt10005 opt10006 opt10007 opt10008 opt10009 opt10010 opt10012 opt10013
opt10014 opt10015 opt10016 opt10017 opt10018 opt10019 opt10020 opt10021 opt10022 opt10023 opt10024 opt10025
opt10026 opt10027 opt10028 opt10029 opt10030 opt10031 opt10032 opt10033 opt10034 opt10035 opt10036 opt10038
opt10040 opt10042 opt10043 opt10044 opt10045 opt10046 opt10047 opt10051 opt10054 opt10055 opt10058 opt10059
opt10060 opt10061 opt10062 opt10063 opt10064 opt10065 opt10066 opt10067 opt10068 opt10070 opt10072 opt10073
opt10074 opt10075 opt10076 opt10077 opt10078 opt10079 opt10080 opt10081 opt10082 opt10083 opt10084 opt10085
opt10086 opt10087 opt10094 opt10098 opt10131 opt10170 opt20001 opt20002 opt20003 opt20004 opt20005 opt20006
opt20007 opt20008 opt20009 opt20019 opt20068 opt40001 opt40002 opt40003 opt40004 opt40005 opt40006 opt40007
opt40008 opt40009 opt40010 opt90001 opt90002 opt90003 opt90004 opt90005 opt90007 opt90008 opt90009 opt90012
opt90013 optkwfid optkwpro opw00001 opw00002 opw00003 opw00004 opw00005 opw00007 opw00008 opw00009 opw00010
opw00011 opw00013 opw00015 opw00016 opw00017 opw00018
"""


def test_every_other_tr_answers_in_the_right_shape() -> None:
    rig = SimulatedBroker(small_market(), limited=False).login()
    unfilled = rig.control.unfilled()
    filled = set(FILLED.split())
    assert {tr.code for tr in reference.trs()} == {*unfilled, *filled}
    for code in unfilled:
        tr = reference.tr(code)
        if code == "optfofid":
            assert rig.call("CommKwRqData", "101V9000", 0, 1, 3, "관심", "0101") == 0
            rig.settle()
        else:
            rig.page(code, **{given.name: "005930" for given in tr.inputs})
        page = rig.pages[-1]
        assert (page.count, page.rows) == (0, [])
        assert set(page.single.values()) <= {""}
        assert page.prev_next == ("" if tr.kind == "account" else "0")


def test_the_readme_says_how_many_come_back_empty(rig: SimulatedBroker) -> None:
    empty, all_of_them = len(rig.control.unfilled()), len(reference.trs())
    said = {"README.md": f"{empty} of the {all_of_them}", "README.ko.md": f"{all_of_them}개 가운데 {empty}개"}
    root = Path(__file__).parents[2]
    for name, text in said.items():
        assert text in " ".join((root / name).read_text("utf-8").split())


def test_the_watch_list(rig: SimulatedBroker) -> None:
    page = rig.watch(["900290", "999999", "005930", "900290"])
    assert page.event.arguments == ("0102", "관심", "OPTKWFID", "", "0", 0, "", "", "")
    assert page.column("종목명") == ["GRT", "", "삼성전자", "GRT"]
    assert page.rows[1] == [""] * 63
    assert page.count == 4


def test_unknown_codes_of_the_watch_list_may_be_skipped() -> None:
    rig = SimulatedBroker(small_market(), unknown_codes="skipped").login()
    assert rig.watch(["900290", "999999", "005930"]).column("종목명") == ["GRT", "삼성전자"]


@pytest.mark.parametrize(
    ("codes", "count", "type_flag", "screen", "answer"),
    [
        (";".join(["005930"] * 101), 101, 0, "0101", -204),
        (";".join(["005930"] * 100), 100, 0, "0101", 0),
        ("005930;900290;", 2, 0, "0101", 0),
        ("", 0, 0, "0101", -202),
        ("005930", 0, 0, "0101", -202),
        ("005930", -1, 0, "0101", -202),
        ("005930", 1, 7, "0101", -202),
        ("005930", 1, 0, "0000", -105),
    ],
)
def test_what_CommKwRqData_returns(
    rig: SimulatedBroker, codes: str, count: int, type_flag: int, screen: str, answer: int
) -> None:
    assert rig.call("CommKwRqData", codes, 0, count, type_flag, "관심", screen) == answer
    rig.settle()
    assert [page.count for page in rig.pages] == ([count] if answer == 0 else [])


def test_CommKwRqData_leaves_the_inputs_alone(rig: SimulatedBroker) -> None:
    rig.call("SetInputValue", "종목코드", "005930")
    rig.watch(["900290"])
    assert rig.page("opt10001").single["종목명"] == "삼성전자"
