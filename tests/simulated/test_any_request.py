"""Whatever is asked of the control, it answers in its type and raises nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.control.seam import Event, Scalar
from kernel_server.reference.signature import check
from tests.support.examples import examples
from tests.support.simulated_broker import SimulatedBroker, small_market

MARKET = small_market()
TYPES = {"str": str, "int": int}
LIKELY = [
    *("005930", "900290", "000001", "999999", "005930;900290", "0101", "0102", "0000", "ALL", "0", "1", "5"),
    *("opt10001", "OPT10081", "opt10080", "opt10083", "opw00001", "OPTKWFID", "20220118", "20500101"),
    *("종목코드", "기준일자", "끝일자", "수정주가구분", "틱범위", "현재가", "10;11;12", "USER_ID"),
    *("GetMasterStockInfo", "GetUpjongCode", "8000000011", "00", "03", "대형 저평가 우량주", "AddPrice"),
]
TEXT = st.one_of(st.sampled_from(["", *LIKELY]), st.text(st.characters(exclude_characters="\0"), max_size=12))
NUMBER = st.one_of(st.integers(-3, 103), st.integers(-(2**31), 2**31 - 1))


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, tuple[Scalar, ...]]:
    function = reference.function(draw(st.sampled_from(sorted(reference.functions()))))
    arguments = tuple(draw(TEXT if kind == "str" else NUMBER) for _, kind in function.arguments)
    return function.name, check(function.name, arguments)


def fits(value: object, returns: str) -> bool:
    if returns == "table":
        return value is None or (
            isinstance(value, list)
            and all(isinstance(row, list) and {*map(type, row)} == {str} for row in value)
        )
    return value is None if returns == "none" else type(value) is TYPES[returns]


@settings(max_examples=examples(60, 150), deadline=None)
@given(st.lists(calls(), max_size=12), st.booleans())
def test_no_call_escapes_its_type(sequence: list[tuple[str, tuple[Scalar, ...]]], logged_in: bool) -> None:
    rig = SimulatedBroker(MARKET, limited=False)
    if logged_in:
        rig.login()

    # A request inside the event that answers it would be answered by another, without end.
    requests = {
        *("CommRqData", "CommKwRqData", "SendOrder", "SendOrderFO", "SendOrderCredit"),
        *("GetConditionLoad", "SendCondition", "CommConnect"),
    }

    def inside(event: Event) -> None:
        kinds = [TYPES[kind] for _, kind in reference.event(event.name).arguments]
        assert [type(argument) for argument in event.arguments] == kinds
        for name, arguments in sequence:
            if name not in requests:
                assert fits(rig.control.call(name, arguments), reference.function(name).returns), name

    rig.control.listen(inside)
    for name, arguments in sequence:
        assert fits(rig.control.call(name, arguments), reference.function(name).returns), name
    rig.settle()
    rig.settle()


@settings(max_examples=examples(60, 150), deadline=None)
@given(
    st.sampled_from(["opt10001", "opt10080", "opt10081", "opt10082", "opt10083", "opt10094"]),
    st.data(),
)
def test_any_values_of_the_right_inputs_are_answered_once(code: str, data: st.DataObject) -> None:
    rig = SimulatedBroker(MARKET, limited=False).login()
    tr = reference.tr(code)
    inputs = {given.name: data.draw(TEXT) for given in tr.inputs}
    page = rig.page(code, **inputs)
    assert page.count == len(page.rows) <= (tr.rows_per_page or 0)
    assert all(len(row) == len(tr.multi) for row in page.rows)
    assert page.prev_next in ("0", "2")


def test_every_function_of_the_control_is_answered() -> None:
    rig = SimulatedBroker(MARKET).login()
    for name, function in reference.functions().items():
        arguments = ["" if kind == "str" else 0 for _, kind in function.arguments]
        assert fits(rig.call(name, *arguments), function.returns), name
