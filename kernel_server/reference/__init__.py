"""Tables of Kiwoom's OpenAPI+: TRs, FIDs, real-time types, error codes, control functions, events.

They are tab-separated text in ``data/``; each is read once, when it is first needed.

>>> tr("opt10081").rows_per_page
600
>>> fid(10).name
'현재가'
>>> error(-200).message
'시세조회 과부하'
"""

from kernel_server.reference.tables import (
    Error,
    EventSignature,
    Fid,
    Field,
    FunctionSignature,
    Input,
    RealType,
    Tr,
    UnknownReference,
    error,
    event,
    events,
    fid,
    fids,
    function,
    functions,
    realtype,
    realtypes,
    tr,
    trs,
)

__all__ = [
    "Error",
    "EventSignature",
    "Fid",
    "Field",
    "FunctionSignature",
    "Input",
    "RealType",
    "Tr",
    "UnknownReference",
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
