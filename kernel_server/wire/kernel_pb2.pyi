from kernel_server.wire import openapi_pb2 as _openapi_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTERACTIVE: _ClassVar[Priority]
    BULK: _ClassVar[Priority]
INTERACTIVE: Priority
BULK: Priority

class CreditOrderRequest(_message.Message):
    __slots__ = ("order", "credit_type", "loan_date")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CREDIT_TYPE_FIELD_NUMBER: _ClassVar[int]
    LOAN_DATE_FIELD_NUMBER: _ClassVar[int]
    order: _openapi_pb2.OrderRequest
    credit_type: str
    loan_date: str
    def __init__(self, order: _Optional[_Union[_openapi_pb2.OrderRequest, _Mapping]] = ..., credit_type: _Optional[str] = ..., loan_date: _Optional[str] = ...) -> None: ...

class Origin(_message.Message):
    __slots__ = ("server", "login", "prices", "connected")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    LOGIN_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    server: str
    login: int
    prices: str
    connected: bool
    def __init__(self, server: _Optional[str] = ..., login: _Optional[int] = ..., prices: _Optional[str] = ..., connected: _Optional[bool] = ...) -> None: ...

class CallManyRequest(_message.Message):
    __slots__ = ("calls",)
    CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[_openapi_pb2.CallRequest]
    def __init__(self, calls: _Optional[_Iterable[_Union[_openapi_pb2.CallRequest, _Mapping]]] = ...) -> None: ...

class CallManyResponse(_message.Message):
    __slots__ = ("return_values", "origin")
    RETURN_VALUES_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    return_values: _containers.RepeatedCompositeFieldContainer[_openapi_pb2.Argument]
    origin: Origin
    def __init__(self, return_values: _Optional[_Iterable[_Union[_openapi_pb2.Argument, _Mapping]]] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ...) -> None: ...

class PagesRequest(_message.Message):
    __slots__ = ("transaction_code", "inputs", "stop_condition", "priority", "max_pages")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TRANSACTION_CODE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    STOP_CONDITION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGES_FIELD_NUMBER: _ClassVar[int]
    transaction_code: str
    inputs: _containers.ScalarMap[str, str]
    stop_condition: _openapi_pb2.TransactionStopCondition
    priority: Priority
    max_pages: int
    def __init__(self, transaction_code: _Optional[str] = ..., inputs: _Optional[_Mapping[str, str]] = ..., stop_condition: _Optional[_Union[_openapi_pb2.TransactionStopCondition, _Mapping]] = ..., priority: _Optional[_Union[Priority, str]] = ..., max_pages: _Optional[int] = ...) -> None: ...

class Page(_message.Message):
    __slots__ = ("waiting", "single", "columns", "rows", "prev_next", "messages", "received_at", "stopped", "origin")
    class Waiting(_message.Message):
        __slots__ = ("ahead", "expected_wait")
        AHEAD_FIELD_NUMBER: _ClassVar[int]
        EXPECTED_WAIT_FIELD_NUMBER: _ClassVar[int]
        ahead: int
        expected_wait: float
        def __init__(self, ahead: _Optional[int] = ..., expected_wait: _Optional[float] = ...) -> None: ...
    WAITING_FIELD_NUMBER: _ClassVar[int]
    SINGLE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    PREV_NEXT_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    waiting: Page.Waiting
    single: _containers.RepeatedScalarFieldContainer[str]
    columns: _containers.RepeatedScalarFieldContainer[str]
    rows: int
    prev_next: str
    messages: _containers.RepeatedScalarFieldContainer[str]
    received_at: float
    stopped: bool
    origin: Origin
    def __init__(self, waiting: _Optional[_Union[Page.Waiting, _Mapping]] = ..., single: _Optional[_Iterable[str]] = ..., columns: _Optional[_Iterable[str]] = ..., rows: _Optional[int] = ..., prev_next: _Optional[str] = ..., messages: _Optional[_Iterable[str]] = ..., received_at: _Optional[float] = ..., stopped: _Optional[bool] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ...) -> None: ...

class TicksRequest(_message.Message):
    __slots__ = ("add", "fids", "remove", "flush_milliseconds", "flush_events", "capacity")
    ADD_FIELD_NUMBER: _ClassVar[int]
    FIDS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    FLUSH_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    FLUSH_EVENTS_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    add: _containers.RepeatedScalarFieldContainer[str]
    fids: _containers.RepeatedScalarFieldContainer[int]
    remove: _containers.RepeatedScalarFieldContainer[str]
    flush_milliseconds: int
    flush_events: int
    capacity: int
    def __init__(self, add: _Optional[_Iterable[str]] = ..., fids: _Optional[_Iterable[int]] = ..., remove: _Optional[_Iterable[str]] = ..., flush_milliseconds: _Optional[int] = ..., flush_events: _Optional[int] = ..., capacity: _Optional[int] = ...) -> None: ...

class TickBatch(_message.Message):
    __slots__ = ("types", "type", "codes", "code", "data", "time", "dropped", "carried_out", "connected", "origin")
    TYPES_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    CARRIED_OUT_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    types: _containers.RepeatedScalarFieldContainer[str]
    type: _containers.RepeatedScalarFieldContainer[int]
    codes: _containers.RepeatedScalarFieldContainer[str]
    code: _containers.RepeatedScalarFieldContainer[int]
    data: str
    time: _containers.RepeatedScalarFieldContainer[float]
    dropped: int
    carried_out: int
    connected: bool
    origin: Origin
    def __init__(self, types: _Optional[_Iterable[str]] = ..., type: _Optional[_Iterable[int]] = ..., codes: _Optional[_Iterable[str]] = ..., code: _Optional[_Iterable[int]] = ..., data: _Optional[str] = ..., time: _Optional[_Iterable[float]] = ..., dropped: _Optional[int] = ..., carried_out: _Optional[int] = ..., connected: _Optional[bool] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ...) -> None: ...

class ChejanRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChejanBatch(_message.Message):
    __slots__ = ("events", "until", "connected")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[ChejanEvent]
    until: float
    connected: bool
    def __init__(self, events: _Optional[_Iterable[_Union[ChejanEvent, _Mapping]]] = ..., until: _Optional[float] = ..., connected: _Optional[bool] = ...) -> None: ...

class ChejanEvent(_message.Message):
    __slots__ = ("kind", "fids", "values", "time")
    KIND_FIELD_NUMBER: _ClassVar[int]
    FIDS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    kind: str
    fids: _containers.RepeatedScalarFieldContainer[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    time: float
    def __init__(self, kind: _Optional[str] = ..., fids: _Optional[_Iterable[int]] = ..., values: _Optional[_Iterable[str]] = ..., time: _Optional[float] = ...) -> None: ...

class ConditionsRequest(_message.Message):
    __slots__ = ("reload",)
    RELOAD_FIELD_NUMBER: _ClassVar[int]
    reload: bool
    def __init__(self, reload: _Optional[bool] = ...) -> None: ...

class ConditionsResponse(_message.Message):
    __slots__ = ("conditions", "origin")
    class Condition(_message.Message):
        __slots__ = ("index", "name")
        INDEX_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        index: int
        name: str
        def __init__(self, index: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    conditions: _containers.RepeatedCompositeFieldContainer[ConditionsResponse.Condition]
    origin: Origin
    def __init__(self, conditions: _Optional[_Iterable[_Union[ConditionsResponse.Condition, _Mapping]]] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ...) -> None: ...

class FaultRequest(_message.Message):
    __slots__ = ("kind", "seconds", "extra", "code", "event", "times")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    seconds: float
    extra: float
    code: int
    event: str
    times: int
    def __init__(self, kind: _Optional[str] = ..., seconds: _Optional[float] = ..., extra: _Optional[float] = ..., code: _Optional[int] = ..., event: _Optional[str] = ..., times: _Optional[int] = ...) -> None: ...

class FaultResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ("trs",)
    TRS_FIELD_NUMBER: _ClassVar[int]
    trs: int
    def __init__(self, trs: _Optional[int] = ...) -> None: ...

class Quota(_message.Message):
    __slots__ = ("kind", "limit", "seconds", "used", "next_free", "allowed")
    KIND_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    NEXT_FREE_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    kind: str
    limit: int
    seconds: float
    used: int
    next_free: float
    allowed: int
    def __init__(self, kind: _Optional[str] = ..., limit: _Optional[int] = ..., seconds: _Optional[float] = ..., used: _Optional[int] = ..., next_free: _Optional[float] = ..., allowed: _Optional[int] = ...) -> None: ...

class Queued(_message.Message):
    __slots__ = ("kind", "priority", "calls")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    priority: str
    calls: int
    def __init__(self, kind: _Optional[str] = ..., priority: _Optional[str] = ..., calls: _Optional[int] = ...) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("version", "control", "source", "connected", "simulation", "user_id", "now", "speed", "limits", "quotas", "queued", "streams", "started_at", "trs", "clock", "clock_begins", "clock_replays", "clock_leaps_at", "session", "phase", "waiting", "expected_wait", "problems", "rights", "real_orders", "max_order_value", "next_login", "origin")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    SIMULATION_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    TRS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CLOCK_BEGINS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_REPLAYS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_LEAPS_AT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_WAIT_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_FIELD_NUMBER: _ClassVar[int]
    REAL_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MAX_ORDER_VALUE_FIELD_NUMBER: _ClassVar[int]
    NEXT_LOGIN_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    version: str
    control: str
    source: str
    connected: bool
    simulation: bool
    user_id: str
    now: float
    speed: float
    limits: str
    quotas: _containers.RepeatedCompositeFieldContainer[Quota]
    queued: int
    streams: int
    started_at: float
    trs: int
    clock: str
    clock_begins: float
    clock_replays: bool
    clock_leaps_at: float
    session: str
    phase: str
    waiting: _containers.RepeatedCompositeFieldContainer[Queued]
    expected_wait: float
    problems: _containers.RepeatedScalarFieldContainer[str]
    rights: str
    real_orders: bool
    max_order_value: int
    next_login: float
    origin: Origin
    def __init__(self, version: _Optional[str] = ..., control: _Optional[str] = ..., source: _Optional[str] = ..., connected: _Optional[bool] = ..., simulation: _Optional[bool] = ..., user_id: _Optional[str] = ..., now: _Optional[float] = ..., speed: _Optional[float] = ..., limits: _Optional[str] = ..., quotas: _Optional[_Iterable[_Union[Quota, _Mapping]]] = ..., queued: _Optional[int] = ..., streams: _Optional[int] = ..., started_at: _Optional[float] = ..., trs: _Optional[int] = ..., clock: _Optional[str] = ..., clock_begins: _Optional[float] = ..., clock_replays: _Optional[bool] = ..., clock_leaps_at: _Optional[float] = ..., session: _Optional[str] = ..., phase: _Optional[str] = ..., waiting: _Optional[_Iterable[_Union[Queued, _Mapping]]] = ..., expected_wait: _Optional[float] = ..., problems: _Optional[_Iterable[str]] = ..., rights: _Optional[str] = ..., real_orders: _Optional[bool] = ..., max_order_value: _Optional[int] = ..., next_login: _Optional[float] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("kind", "message", "code", "retry_at")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    code: int
    retry_at: float
    def __init__(self, kind: _Optional[str] = ..., message: _Optional[str] = ..., code: _Optional[int] = ..., retry_at: _Optional[float] = ...) -> None: ...
