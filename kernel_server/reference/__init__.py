"""What Kiwoom's OpenAPI+ is made of, as tables: TRs, FIDs, real-time types, error codes, control functions, events.

The tables lie in ``data/`` as tab-separated text; each is read once, when it is first asked for.

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
