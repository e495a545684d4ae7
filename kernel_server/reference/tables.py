"""Typed access to the tables in ``data/``."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from kernel_server.tsv import rows

_DATA = Path(__file__).parent / "data"


class UnknownReference(LookupError):
    """No such TR, FID, real-time type, error code or control function."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a TR. ``default`` is None where a value is required."""

    name: str
    width: int
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One output field of a TR and the FID behind it. Names may repeat inside one TR."""

    name: str
    fid: int


@dataclass(frozen=True, slots=True)
class Tr:
    """One TR. ``rows_per_page`` is None where the table leaves it open or there are no rows.

    ``kind`` is ``quote``, ``account`` or ``other``. A TR whose rows are declared but never repeat
    (opt10004, say) has ``repeats`` False: its fields are read once, at index 0.
    """

    code: str
    name: str
    kind: str
    rows_per_page: int | None
    repeats: bool
    inputs: tuple[Input, ...]
    optional_inputs: tuple[Input, ...]
    single: tuple[Field, ...]
    multi: tuple[Field, ...]
    # Of the fields, for every row that is written: set here once.
    single_names: tuple[str, ...] = dataclasses.field(init=False, repr=False, compare=False)
    multi_names: tuple[str, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "single_names", tuple([field.name for field in self.single]))
        object.__setattr__(self, "multi_names", tuple([field.name for field in self.multi]))


@dataclass(frozen=True, slots=True)
class Fid:
    """A FID, the number under which real-time and chejan values are read."""

    fid: int
    name: str


@dataclass(frozen=True, slots=True)
class RealType:
    """A real-time type and its FIDs, in their order in sRealData."""

    name: str
    gidc: str
    fids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Error:
    """A return code of the control."""

    code: int
    name: str
    message: str


# Of the module itself, and of an event.
_EVENT_DATA = ("GetChejanData", "GetCommData", "GetCommDataEx", "GetCommRealData", "GetDataCount")
_WITHOUT_LOGIN = {"GetAPIModulePath", "GetConnectState", "GetOutputValue", "GetRepeatCnt", *_EVENT_DATA}


@dataclass(frozen=True, slots=True)
class FunctionSignature:
    """A control function: argument names with their types (``str``, ``int``), and what it returns."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    returns: str

    @property
    def needs_login(self) -> bool:
        """Whether it returns the broker's data: a blank or 0 means nothing then without a login."""
        asks = self.name.startswith("Get") or self.name == "KOA_Functions"
        return asks and self.name not in _WITHOUT_LOGIN


@dataclass(frozen=True, slots=True)
class EventSignature:
    """An event of the control: argument names with their types (``str``, ``int``)."""

    name: str
    arguments: tuple[tuple[str, str], ...]


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for item in text.split(",") if text else ():
        name, _, value = item.rpartition(":")
        pairs.append((name, value))
    return pairs


def _fields(text: str) -> tuple[Field, ...]:
    return tuple(Field(name, int(number)) for name, number in _pairs(text))


def _missing(what: str, given: object, known: Iterable[str]) -> UnknownReference:
    names = list(known)
    begins = [name for name in names if given and name.lower().startswith(str(given).lower())]
    near = list(dict.fromkeys([*begins, *difflib.get_close_matches(str(given), names, n=3)]))[:5]
    hint = f"; near it: {', '.join(near)}" if near else ""
    return UnknownReference(f"no {what} {given!r}{hint}")


@cache
def _input_defaults() -> list[tuple[str, str, str]]:
    return [(code, name, default) for code, name, default, _why in rows(_DATA / "tr_input_default.tsv")]


@cache
def _tr_rows() -> Mapping[str, list[str]]:
    return {row[0].lower(): row for row in rows(_DATA / "tr.tsv")}


@cache
def _tr(key: str) -> Tr:
    code, name, kind, page, inputs, single, multi = _tr_rows()[key]
    defaults = {field: default for pattern, field, default in _input_defaults() if pattern in ("*", key)}
    declared = tuple(Input(field, int(width), defaults.get(field)) for field, width in _pairs(inputs))
    known = {given.name for given in declared}
    optional = tuple(
        Input(field, 20, default)
        for pattern, field, default in _input_defaults()
        if pattern == key and field not in known
    )
    return Tr(
        code=code,
        name=name,
        kind=kind,
        rows_per_page=int(page) if page.isdigit() and page != "0" else None,
        repeats=page not in ("-", "0"),
        inputs=declared,
        optional_inputs=optional,
        single=_fields(single),
        multi=_fields(multi),
    )


def tr(code: str) -> Tr:
    """The TR of that code, in any case (``opt10081`` and ``OPT10081`` are one)."""
    key = code.lower()
    if key not in _tr_rows():
        raise _missing("TR", code, _tr_rows())
    return _tr(key)


def trs() -> tuple[Tr, ...]:
    """Every TR of the table."""
    return tuple(_tr(key) for key in _tr_rows())


@cache
def fids() -> Mapping[int, Fid]:
    """Every FID with a known name."""
    return MappingProxyType({int(number): Fid(int(number), name) for number, name in rows(_DATA / "fid.tsv")})


def fid(number: int) -> Fid:
    """The FID of that number."""
    try:
        return fids()[number]
    except KeyError:
        raise UnknownReference(f"no FID {number}") from None


@cache
def realtypes() -> Mapping[str, RealType]:
    """Every real-time type by name."""
    return MappingProxyType(
        {
            name: RealType(name, gidc, tuple(int(number) for number in numbers.split(",") if number))
            for name, gidc, numbers in rows(_DATA / "realtype.tsv")
        }
    )


def realtype(name: str) -> RealType:
    """The real-time type of that name (``주식체결``, say)."""
    try:
        return realtypes()[name]
    except KeyError:
        raise _missing("real-time type", name, realtypes()) from None


@cache
def _errors() -> Mapping[int, Error]:
    return {int(code): Error(int(code), name, message) for code, name, message in rows(_DATA / "error.tsv")}


def error(code: int) -> Error:
    """The meaning of that return code of the control."""
    try:
        return _errors()[code]
    except KeyError:
        raise UnknownReference(f"no error code {code}") from None


@cache
def functions() -> Mapping[str, FunctionSignature]:
    """Every control function by name."""
    return MappingProxyType(
        {
            name: FunctionSignature(name, tuple(_pairs(arguments)), returns)
            for name, arguments, returns in rows(_DATA / "function.tsv")
        }
    )


def function(name: str) -> FunctionSignature:
    """The control function of that name."""
    try:
        return functions()[name]
    except KeyError:
        raise _missing("control function", name, functions()) from None


@cache
def events() -> Mapping[str, EventSignature]:
    """Every event of the control by name."""
    return MappingProxyType(
        {
            name: EventSignature(name, tuple(_pairs(arguments)))
            for name, arguments in rows(_DATA / "event.tsv")
        }
    )


def event(name: str) -> EventSignature:
    """The event of that name."""
    try:
        return events()[name]
    except KeyError:
        raise _missing("event", name, events()) from None
