from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Argument(_message.Message):
    __slots__ = ("string_value", "long_value", "bool_value")
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    LONG_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    string_value: str
    long_value: int
    bool_value: bool
    def __init__(self, string_value: _Optional[str] = ..., long_value: _Optional[int] = ..., bool_value: _Optional[bool] = ...) -> None: ...

class CallRequest(_message.Message):
    __slots__ = ("name", "arguments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: _containers.RepeatedCompositeFieldContainer[Argument]
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ...) -> None: ...

class CallResponse(_message.Message):
    __slots__ = ("return_value",)
    RETURN_VALUE_FIELD_NUMBER: _ClassVar[int]
    return_value: Argument
    def __init__(self, return_value: _Optional[_Union[Argument, _Mapping]] = ...) -> None: ...

class SingleData(_message.Message):
    __slots__ = ("names", "values")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class MultiData(_message.Message):
    __slots__ = ("names", "values")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.RepeatedCompositeFieldContainer[Row]
    def __init__(self, names: _Optional[_Iterable[str]] = ..., values: _Optional[_Iterable[_Union[Row, _Mapping]]] = ...) -> None: ...

class ListenResponse(_message.Message):
    __slots__ = ("name", "arguments", "single_data", "multi_data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    SINGLE_DATA_FIELD_NUMBER: _ClassVar[int]
    MULTI_DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: _containers.RepeatedCompositeFieldContainer[Argument]
    single_data: SingleData
    multi_data: MultiData
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ..., single_data: _Optional[_Union[SingleData, _Mapping]] = ..., multi_data: _Optional[_Union[MultiData, _Mapping]] = ...) -> None: ...

class LoginCredentials(_message.Message):
    __slots__ = ("user_id", "user_password", "cert_password", "is_simulation", "account_passwords")
    class AccountPasswordsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_PASSWORD_FIELD_NUMBER: _ClassVar[int]
    CERT_PASSWORD_FIELD_NUMBER: _ClassVar[int]
    IS_SIMULATION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_PASSWORDS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    user_password: str
    cert_password: str
    is_simulation: bool
    account_passwords: _containers.ScalarMap[str, str]
    def __init__(self, user_id: _Optional[str] = ..., user_password: _Optional[str] = ..., cert_password: _Optional[str] = ..., is_simulation: _Optional[bool] = ..., account_passwords: _Optional[_Mapping[str, str]] = ...) -> None: ...

class LoginRequest(_message.Message):
    __slots__ = ("credentials",)
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    credentials: LoginCredentials
    def __init__(self, credentials: _Optional[_Union[LoginCredentials, _Mapping]] = ...) -> None: ...

class RealRequestFlags(_message.Message):
    __slots__ = ("infer_fids", "readable_names", "fast_parse")
    INFER_FIDS_FIELD_NUMBER: _ClassVar[int]
    READABLE_NAMES_FIELD_NUMBER: _ClassVar[int]
    FAST_PARSE_FIELD_NUMBER: _ClassVar[int]
    infer_fids: bool
    readable_names: bool
    fast_parse: bool
    def __init__(self, infer_fids: _Optional[bool] = ..., readable_names: _Optional[bool] = ..., fast_parse: _Optional[bool] = ...) -> None: ...

class TransactionStopCondition(_message.Message):
    __slots__ = ("name", "value", "comparator")
    class Comparator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LESS_THAN_OR_EQUAL_TO: _ClassVar[TransactionStopCondition.Comparator]
        LESS_THAN: _ClassVar[TransactionStopCondition.Comparator]
        GREATER_THAN_OR_EQUAL_TO: _ClassVar[TransactionStopCondition.Comparator]
        GREATER_THAN: _ClassVar[TransactionStopCondition.Comparator]
        EQUAL_TO: _ClassVar[TransactionStopCondition.Comparator]
        NOT_EQUAL_TO: _ClassVar[TransactionStopCondition.Comparator]
    LESS_THAN_OR_EQUAL_TO: TransactionStopCondition.Comparator
    LESS_THAN: TransactionStopCondition.Comparator
    GREATER_THAN_OR_EQUAL_TO: TransactionStopCondition.Comparator
    GREATER_THAN: TransactionStopCondition.Comparator
    EQUAL_TO: TransactionStopCondition.Comparator
    NOT_EQUAL_TO: TransactionStopCondition.Comparator
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMPARATOR_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    comparator: TransactionStopCondition.Comparator
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., comparator: _Optional[_Union[TransactionStopCondition.Comparator, str]] = ...) -> None: ...

class TransactionRequest(_message.Message):
    __slots__ = ("request_name", "transaction_code", "screen_no", "inputs", "stop_condition", "flags")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_NAME_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_CODE_FIELD_NUMBER: _ClassVar[int]
    SCREEN_NO_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    STOP_CONDITION_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    request_name: str
    transaction_code: str
    screen_no: str
    inputs: _containers.ScalarMap[str, str]
    stop_condition: TransactionStopCondition
    flags: RealRequestFlags
    def __init__(self, request_name: _Optional[str] = ..., transaction_code: _Optional[str] = ..., screen_no: _Optional[str] = ..., inputs: _Optional[_Mapping[str, str]] = ..., stop_condition: _Optional[_Union[TransactionStopCondition, _Mapping]] = ..., flags: _Optional[_Union[RealRequestFlags, _Mapping]] = ...) -> None: ...

class ListenRequest(_message.Message):
    __slots__ = ("id", "slots", "code", "class_name")
    ID_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    slots: _containers.RepeatedScalarFieldContainer[str]
    code: str
    class_name: str
    def __init__(self, id: _Optional[str] = ..., slots: _Optional[_Iterable[str]] = ..., code: _Optional[str] = ..., class_name: _Optional[str] = ...) -> None: ...

class HandledRequest(_message.Message):
    __slots__ = ("time",)
    TIME_FIELD_NUMBER: _ClassVar[int]
    time: float
    def __init__(self, time: _Optional[float] = ...) -> None: ...

class StopListenRequest(_message.Message):
    __slots__ = ("time",)
    TIME_FIELD_NUMBER: _ClassVar[int]
    time: float
    def __init__(self, time: _Optional[float] = ...) -> None: ...

class BidirectionalListenRequest(_message.Message):
    __slots__ = ("listen_request", "handled_request", "stop_listen_request")
    LISTEN_REQUEST_FIELD_NUMBER: _ClassVar[int]
    HANDLED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    STOP_LISTEN_REQUEST_FIELD_NUMBER: _ClassVar[int]
    listen_request: ListenRequest
    handled_request: HandledRequest
    stop_listen_request: StopListenRequest
    def __init__(self, listen_request: _Optional[_Union[ListenRequest, _Mapping]] = ..., handled_request: _Optional[_Union[HandledRequest, _Mapping]] = ..., stop_listen_request: _Optional[_Union[StopListenRequest, _Mapping]] = ...) -> None: ...

class CallAndListenRequest(_message.Message):
    __slots__ = ("call_request", "listen_request")
    CALL_REQUEST_FIELD_NUMBER: _ClassVar[int]
    LISTEN_REQUEST_FIELD_NUMBER: _ClassVar[int]
    call_request: CallRequest
    listen_request: ListenRequest
    def __init__(self, call_request: _Optional[_Union[CallRequest, _Mapping]] = ..., listen_request: _Optional[_Union[ListenRequest, _Mapping]] = ...) -> None: ...

class CallAndListenResponse(_message.Message):
    __slots__ = ("call_response", "listen_response")
    CALL_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    LISTEN_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    call_response: CallResponse
    listen_response: ListenResponse
    def __init__(self, call_response: _Optional[_Union[CallResponse, _Mapping]] = ..., listen_response: _Optional[_Union[ListenResponse, _Mapping]] = ...) -> None: ...

class RealRequest(_message.Message):
    __slots__ = ("screen_no", "code_list", "fid_list", "opt_type", "flags")
    SCREEN_NO_FIELD_NUMBER: _ClassVar[int]
    CODE_LIST_FIELD_NUMBER: _ClassVar[int]
    FID_LIST_FIELD_NUMBER: _ClassVar[int]
    OPT_TYPE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    screen_no: _containers.RepeatedScalarFieldContainer[str]
    code_list: _containers.RepeatedScalarFieldContainer[str]
    fid_list: _containers.RepeatedScalarFieldContainer[int]
    opt_type: str
    flags: RealRequestFlags
    def __init__(self, screen_no: _Optional[_Iterable[str]] = ..., code_list: _Optional[_Iterable[str]] = ..., fid_list: _Optional[_Iterable[int]] = ..., opt_type: _Optional[str] = ..., flags: _Optional[_Union[RealRequestFlags, _Mapping]] = ...) -> None: ...

class BidirectionalRealInitializeRequest(_message.Message):
    __slots__ = ("fid_list", "flags")
    FID_LIST_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    fid_list: _containers.RepeatedScalarFieldContainer[int]
    flags: RealRequestFlags
    def __init__(self, fid_list: _Optional[_Iterable[int]] = ..., flags: _Optional[_Union[RealRequestFlags, _Mapping]] = ...) -> None: ...

class BidirectionalRealRegisterRequest(_message.Message):
    __slots__ = ("code_list", "fid_list")
    CODE_LIST_FIELD_NUMBER: _ClassVar[int]
    FID_LIST_FIELD_NUMBER: _ClassVar[int]
    code_list: _containers.RepeatedScalarFieldContainer[str]
    fid_list: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, code_list: _Optional[_Iterable[str]] = ..., fid_list: _Optional[_Iterable[int]] = ...) -> None: ...

class BidirectionalRealRemoveRequest(_message.Message):
    __slots__ = ("code_list",)
    CODE_LIST_FIELD_NUMBER: _ClassVar[int]
    code_list: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, code_list: _Optional[_Iterable[str]] = ...) -> None: ...

class BidirectionalRealStopRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BidirectionalRealRequest(_message.Message):
    __slots__ = ("initialize_request", "register_request", "remove_request", "stop_request")
    INITIALIZE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    REGISTER_REQUEST_FIELD_NUMBER: _ClassVar[int]
    REMOVE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    STOP_REQUEST_FIELD_NUMBER: _ClassVar[int]
    initialize_request: BidirectionalRealInitializeRequest
    register_request: BidirectionalRealRegisterRequest
    remove_request: BidirectionalRealRemoveRequest
    stop_request: BidirectionalRealStopRequest
    def __init__(self, initialize_request: _Optional[_Union[BidirectionalRealInitializeRequest, _Mapping]] = ..., register_request: _Optional[_Union[BidirectionalRealRegisterRequest, _Mapping]] = ..., remove_request: _Optional[_Union[BidirectionalRealRemoveRequest, _Mapping]] = ..., stop_request: _Optional[_Union[BidirectionalRealStopRequest, _Mapping]] = ...) -> None: ...

class OrderSubscriptionTarget(_message.Message):
    __slots__ = ("RET", "TR", "REAL", "MSG", "CHEJAN")
    RET_FIELD_NUMBER: _ClassVar[int]
    TR_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    MSG_FIELD_NUMBER: _ClassVar[int]
    CHEJAN_FIELD_NUMBER: _ClassVar[int]
    RET: bool
    TR: bool
    REAL: bool
    MSG: bool
    CHEJAN: bool
    def __init__(self, RET: _Optional[bool] = ..., TR: _Optional[bool] = ..., REAL: _Optional[bool] = ..., MSG: _Optional[bool] = ..., CHEJAN: _Optional[bool] = ...) -> None: ...

class OrderRequest(_message.Message):
    __slots__ = ("request_name", "screen_no", "account_no", "order_type", "code", "quantity", "price", "quote_type", "original_order_no", "target")
    REQUEST_NAME_FIELD_NUMBER: _ClassVar[int]
    SCREEN_NO_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_NO_FIELD_NUMBER: _ClassVar[int]
    ORDER_TYPE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_TYPE_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_ORDER_NO_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    request_name: str
    screen_no: str
    account_no: str
    order_type: int
    code: str
    quantity: int
    price: int
    quote_type: str
    original_order_no: str
    target: OrderSubscriptionTarget
    def __init__(self, request_name: _Optional[str] = ..., screen_no: _Optional[str] = ..., account_no: _Optional[str] = ..., order_type: _Optional[int] = ..., code: _Optional[str] = ..., quantity: _Optional[int] = ..., price: _Optional[int] = ..., quote_type: _Optional[str] = ..., original_order_no: _Optional[str] = ..., target: _Optional[_Union[OrderSubscriptionTarget, _Mapping]] = ...) -> None: ...

class LoadConditionRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConditionRequestFlags(_message.Message):
    __slots__ = ("with_info", "is_future_option")
    WITH_INFO_FIELD_NUMBER: _ClassVar[int]
    IS_FUTURE_OPTION_FIELD_NUMBER: _ClassVar[int]
    with_info: bool
    is_future_option: bool
    def __init__(self, with_info: _Optional[bool] = ..., is_future_option: _Optional[bool] = ...) -> None: ...

class ConditionRequest(_message.Message):
    __slots__ = ("screen_no", "condition_name", "condition_index", "search_type", "request_name", "flags")
    SCREEN_NO_FIELD_NUMBER: _ClassVar[int]
    CONDITION_NAME_FIELD_NUMBER: _ClassVar[int]
    CONDITION_INDEX_FIELD_NUMBER: _ClassVar[int]
    SEARCH_TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_NAME_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    screen_no: str
    condition_name: str
    condition_index: int
    search_type: int
    request_name: str
    flags: ConditionRequestFlags
    def __init__(self, screen_no: _Optional[str] = ..., condition_name: _Optional[str] = ..., condition_index: _Optional[int] = ..., search_type: _Optional[int] = ..., request_name: _Optional[str] = ..., flags: _Optional[_Union[ConditionRequestFlags, _Mapping]] = ...) -> None: ...

class SetLogLevelRequest(_message.Message):
    __slots__ = ("level", "logger")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LOGGER_FIELD_NUMBER: _ClassVar[int]
    level: int
    logger: str
    def __init__(self, level: _Optional[int] = ..., logger: _Optional[str] = ...) -> None: ...

class SetLogLevelResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
