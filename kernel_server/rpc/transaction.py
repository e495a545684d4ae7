"""TransactionCall and Pages: one TR, page by page, in the two forms that the wire has for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing

from kernel_server import failure, reference
from kernel_server.clock import Clock
from kernel_server.reference.inputs import BadInputs, check
from kernel_server.rpc.context import Context, client_of
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.values import to_argument, to_origin
from kernel_server.scheduler import Priority, QueuePosition
from kernel_server.transactions import WATCH_LIST, PagesRequest, StopCondition, TrPage, TrService
from kernel_server.wire import kernel_pb2, openapi_pb2

_COMPARATORS = ("<=", "<", ">=", ">", "==", "!=")
_SEPARATOR = "\n"
CODES_A_CALL = 100


def known_tr(code: str) -> reference.Tr:
    try:
        return reference.tr(code)
    except reference.UnknownReference as error:
        raise failure.bad_input(str(error)) from None


def checked_inputs(tr: reference.Tr, inputs: Mapping[str, str]) -> dict[str, str]:
    try:
        return check(tr, inputs)
    except BadInputs as error:
        raise failure.bad_input(str(error)) from None


def to_stop(condition: openapi_pb2.TransactionStopCondition, texts: bool = False) -> StopCondition:
    if not 0 <= condition.comparator < len(_COMPARATORS):
        raise failure.bad_input(f"no comparator {condition.comparator}: it is 0 to {len(_COMPARATORS) - 1}")
    return StopCondition(condition.name, condition.value, _COMPARATORS[condition.comparator], texts)


class TrStreams:
    """Streams of the pages of a TR.

    Args:
        transactions: requests the pages.
        clock: of the expected start times.
    """

    def __init__(self, transactions: TrService, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def transaction_call(
        self, request: openapi_pb2.TransactionRequest, context: Context
    ) -> AsyncIterator[openapi_pb2.ListenResponse]:
        """TransactionCall: a page a message, every cell a text without its blanks, under the caller's own names.

        The inputs go to the control in the TR's order, also those that were left out: the module does not take a
        request without them. Inputs that the tables do not list come last: a control may take more than they say.
        Stop conditions compare texts, so that a date can stop a series of times.
        """
        code, waits = request.transaction_code, QueueMetadata(context)
        tr = known_tr(code)
        given = dict(request.inputs)
        if tr.code.lower() in WATCH_LIST and not given.get("종목코드", "").strip(";"):
            raise failure.bad_input(f"{tr.code} needs 종목코드: codes with ; between them")
        inputs = {
            declared.name: given.get(declared.name, declared.default or "") for declared in tr.inputs
        } | given
        # KOAPY's client sends a condition without a name for none.
        stop = to_stop(request.stop_condition, texts=True) if request.stop_condition.name else None
        for part in _parts(tr, inputs):
            asked = PagesRequest(tr, part, client_of(context), Priority.INTERACTIVE, stop)
            async with aclosing(self._transactions.pages(asked)) as pages:
                async for item in pages:
                    if isinstance(item, QueuePosition):
                        await waits.begin(item, self._clock.now())
                    else:
                        waits.end(item.waited)
                        waits.answered(item.origin)
                        yield fill(item, tr, request.screen_no, request.request_name, code)

    async def pages(
        self, request: kernel_pb2.PagesRequest, context: Context
    ) -> AsyncIterator[kernel_pb2.Page]:
        """Pages: a page a message, packed by column, and the queue position while the request waits."""
        tr = known_tr(request.transaction_code)
        inputs = checked_inputs(tr, request.inputs)
        stop = to_stop(request.stop_condition) if request.HasField("stop_condition") else None
        priority = Priority.BULK if request.priority == kernel_pb2.BULK else Priority.INTERACTIVE
        asked = PagesRequest(tr, inputs, client_of(context), priority, stop, request.max_pages)
        async with aclosing(self._transactions.pages(asked)) as pages:
            async for item in pages:
                if isinstance(item, QueuePosition):
                    waiting = kernel_pb2.Page.Waiting(ahead=item.ahead, expected_wait=item.wait)
                    yield kernel_pb2.Page(waiting=waiting)
                else:
                    yield pack(item)


def _parts(tr: reference.Tr, inputs: dict[str, str]) -> Iterator[dict[str, str]]:
    """The inputs, split where there are more codes than CommKwRqData takes: a hundred."""
    codes = [code for code in inputs.get("종목코드", "").split(";") if code]
    if tr.code.lower() not in WATCH_LIST or len(codes) <= CODES_A_CALL:
        yield inputs
        return
    for start in range(0, len(codes), CODES_A_CALL):
        yield {**inputs, "종목코드": ";".join(codes[start : start + CODES_A_CALL])}


def fill(
    answer: TrPage, tr: reference.Tr, screen: str, name: str, code: str | None = None
) -> openapi_pb2.ListenResponse:
    """The page under the caller's own names, values without their blanks.

    A TR whose rows do not repeat has one row. Without a single block it is sent as both, as callers read either.
    """
    response = openapi_pb2.ListenResponse(name=answer.event.name)
    for value in (screen, name, code or answer.event.arguments[2], *answer.event.arguments[3:5]):
        response.arguments.append(to_argument(value))
    if tr.single:
        response.single_data.names.extend(tr.single_names)
        response.single_data.values.extend([value.strip() for value in answer.single])
    if tr.multi:
        response.multi_data.names.extend(tr.multi_names)
        for row in answer.rows:
            response.multi_data.values.add().values.extend([value.strip() for value in row])
    if not tr.single and not tr.repeats and answer.rows:
        response.single_data.names.extend(tr.multi_names)
        response.single_data.values.extend(response.multi_data.values[0].values)
    return response


def pack(answer: TrPage) -> kernel_pb2.Page:
    """One text a column: a page costs as many protobuf strings as the TR has fields, not as it has cells."""
    columns = [_SEPARATOR.join(column) for column in zip(*answer.rows)]  # noqa: B905 - rows are of one length
    count = len(answer.rows) - 1
    if any(column.count(_SEPARATOR) != count for column in columns):
        columns = [
            _SEPARATOR.join([value.replace(_SEPARATOR, " ") for value in column])
            for column in zip(*answer.rows)  # noqa: B905 - as above
        ]
    return kernel_pb2.Page(
        single=answer.single,
        columns=columns,
        rows=len(answer.rows),
        prev_next=answer.prev_next,
        messages=answer.messages,
        received_at=answer.received_at,
        stopped=answer.stopped,
        origin=to_origin(answer.origin),
    )
