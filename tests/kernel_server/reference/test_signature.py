"""A call is checked before the control sees it: the control itself would take anything and say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.reference.signature import BadCall, check

FITTING = {"str": st.text(st.characters(exclude_characters="\0")), "int": st.integers(-(2**31), 2**31 - 1)}


@given(st.data())
def test_arguments_that_fit_the_signature_pass_unchanged(data: st.DataObject) -> None:
    function = data.draw(st.sampled_from(list(reference.functions().values())))
    arguments = [data.draw(FITTING[kind]) for _, kind in function.arguments]
    assert check(function.name, arguments) == tuple(arguments)


@given(st.data())
def test_other_arguments_are_refused_with_the_functions_name(data: st.DataObject) -> None:
    functions = [function for function in reference.functions().values() if function.arguments]
    function = data.draw(st.sampled_from(functions))
    arguments = [data.draw(FITTING[kind]) for _, kind in function.arguments]
    spoilt = data.draw(st.integers(0, len(arguments) - 1))
    wrong = {"str": st.one_of(st.integers(), st.none(), st.floats()), "int": st.one_of(st.text(), st.none())}
    arguments[spoilt] = data.draw(wrong[function.arguments[spoilt][1]])
    with pytest.raises(BadCall, match=function.name):
        check(function.name, arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("GetMasterCodeName", [], r"GetMasterCodeName\(sTrCode\) takes 1 argument, not 0"),
        ("GetMasterCodeName", ["a", "b"], "takes 1 argument, not 2"),
        ("GetConnectState", ["x"], "takes 0 arguments, not 1"),
        ("CommRqData", ["a", "b", "0", "d"], "nPrevNext must be a whole number, not str '0'"),
        ("GetThemeGroupList", [2**31], "nType must fit 32 bits"),
        ("SetInputValue", ["a\0b", ""], "NUL"),
        ("GetMasterCodeNam", ["005930"], "GetMasterCodeName"),
    ],
)
def test_the_refusal_says_what_it_should_have_been(name: str, arguments: list[object], said: str) -> None:
    with pytest.raises(BadCall, match=said):
        check(name, arguments)


def test_a_truth_value_is_the_long_it_stands_for() -> None:
    assert check("GetThemeGroupList", [True]) == (1,)
