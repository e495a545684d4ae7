"""Validation of a TR's inputs against the tables."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from kernel_server.reference import tables
from kernel_server.reference.short_repr import shown

# Their 종목코드 takes up to a hundred codes, although the table gives a width.
_WATCH_LISTS = frozenset({"optkwfid", "optfofid"})
# Widths that Kiwoom's own table makes too short in places: an account has ten digits, and a code may end in _NX or
# _AL for another exchange, or both.
_MIN_WIDTHS = {"계좌번호": 10, "종목코드": 9}
# Inputs whose values must not appear in messages or logs.
_SECRET = frozenset({"계좌번호", "비밀번호"})

_LONGEST_NAME = 40


class BadInputs(ValueError):
    """An input of the TR is missing, unknown, too long or no text."""


def check(tr: tables.Tr, inputs: Mapping[str, object]) -> dict[str, str]:
    """The inputs as texts, in the TR's order, with defaults filled in.

    >>> check(tables.tr("opt10081"), {"수정주가구분": 1, "종목코드": "005930"})
    {'종목코드': '005930', '기준일자': '', '수정주가구분': '1'}

    Raises:
        BadInputs: names the input and lists those that the TR takes.
    """
    known = {given.name: given for given in (*tr.inputs, *tr.optional_inputs)}
    takes = ", ".join(name if given.default is None else f"[{name}]" for name, given in known.items())
    unknown = [str(name) for name in inputs if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0][:_LONGEST_NAME], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise BadInputs(f"{tr.code} {tr.name} has no input {_named(unknown)}{hint}; it takes {takes}")
    missing = [given.name for given in tr.inputs if given.default is None and given.name not in inputs]
    if missing:
        raise BadInputs(f"{tr.code} {tr.name} also needs {', '.join(missing)}; it takes {takes}")
    checked = {}
    for name, given in known.items():
        if name in inputs:
            checked[name] = _text(tr, given, inputs[name])
        elif given in tr.inputs:
            checked[name] = given.default or ""
    return checked


def _named(names: list[str]) -> str:
    """A few of the names, none of them long."""
    shortened = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]} …" for name in names[:5]]
    return ", ".join(shortened) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def _text(tr: tables.Tr, given: tables.Input, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise BadInputs(f"{tr.code}: {given.name} takes a text or a whole number, not {_shown(given, value)}")
    text = str(value)
    width = max(given.width, _MIN_WIDTHS.get(given.name, 0))
    if tr.code.lower() not in _WATCH_LISTS and len(text.encode("cp949", "replace")) > width:
        raise BadInputs(
            f"{tr.code}: {given.name} takes at most {width} bytes, {_shown(given, text)} is longer"
        )
    if any(letter in text for letter in "\0\n\t"):
        raise BadInputs(f"{tr.code}: {given.name} holds a control character: {_shown(given, text)}")
    return text


def _shown(given: tables.Input, value: object) -> str:
    return "what was given" if given.name in _SECRET else shown(value)
