"""Kiwoom's OpenAPI+ in tables, ``kl.reference``: TRs, FIDs, real-time types, error codes, control functions, events.

The tables are those of ``kernel_server.reference``. No session, no server.

>>> tr("opt10081").rows_per_page, fid(10).name, error(-200).message
(600, '현재가', '시세조회 과부하')
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np

from kernel_server import reference as tables
from kernel_server.reference import (
    Error,
    EventSignature,
    Fid,
    Field,
    FunctionSignature,
    Input,
    RealType,
    Tr,
    events,
    fids,
    functions,
    realtypes,
    trs,
)
from koalab.errors import BadInput, UnknownCode
from koalab.inputs.text import plain, shown

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

__all__ = [
    "Error",
    "EventSignature",
    "Fid",
    "Field",
    "FunctionSignature",
    "Input",
    "RealType",
    "Tr",
    "error",
    "event",
    "events",
    "fid",
    "fids",
    "function",
    "functions",
    "realtype",
    "realtypes",
    "tr",
    "trs",
]


def __dir__() -> list[str]:
    return __all__


def tr(code: str) -> Tr:
    """The TR of that code, in any case: ``tr("opt10081").inputs``, ``.single``, ``.multi``, ``.rows_per_page``.

    Raises:
        UnknownCode: there is no such TR.
        BadInput: that is no text.
    """
    return _found(tables.tr, _text(code, 'a TR is a text like "opt10081"'))


def fid(number: int) -> Fid:
    """The FID of that number.

    Raises:
        UnknownCode: no FID of that number has a known name.
        BadInput: that is no whole number.
    """
    return _found(tables.fid, _whole(number, "a FID is a number like 10; fids() has their names"))


def realtype(name: str) -> RealType:
    """The real-time type of that name: ``realtype("주식체결").fids``.

    Raises:
        UnknownCode: there is no such type.
        BadInput: that is no text.
    """
    return _found(tables.realtype, _text(name, 'a real-time type is a text like "주식체결"'))


def error(code: int) -> Error:
    """The meaning of a return code of the control.

    Raises:
        UnknownCode: there is no such code.
        BadInput: that is no whole number.
    """
    return _found(tables.error, _whole(code, "an error code is a number like -200"))


def function(name: str) -> FunctionSignature:
    """The signature of a control function; ``kw.call`` has it as a method.

    Raises:
        UnknownCode: there is no such function.
        BadInput: that is no text.
    """
    return _found(tables.function, _text(name, 'a function is a text like "GetMasterCodeName"'))


def event(name: str) -> EventSignature:
    """The arguments of a control event.

    Raises:
        UnknownCode: there is no such event.
        BadInput: that is no text.
    """
    return _found(tables.event, _text(name, 'an event is a text like "OnReceiveTrData"'))


def _found(find: Callable[[K], T], key: K) -> T:
    try:
        return find(key)
    except tables.UnknownReference as error:
        raise UnknownCode(str(error)) from None


def _text(given: object, what: str) -> str:
    if not isinstance(given, str):
        raise BadInput(f"{what}, not {shown(given)}")
    return plain(given)


def _whole(given: object, what: str) -> int:
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, np.integer)):
        raise BadInput(f"{what}, not {shown(given)}")
    return int(given)
