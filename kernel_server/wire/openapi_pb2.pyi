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
