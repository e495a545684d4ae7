"""TransactionCall and Pages: one TR, page by page, in the two forms the wire has for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

from kernel_server import failure, reference
from kernel_server.reference.inputs import BadInputs, check
from kernel_server.rpc.context import Parts, as_map, to_argument
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.scheduler import Place, Priority
from kernel_server.transactions import WATCH_LIST, PagesRequest, StopCondition, TrPage
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


async def transaction_call(
    parts: Parts, client: str, asked: openapi_pb2.TransactionRequest, waits: QueueMetadata
) -> AsyncIterator[openapi_pb2.ListenResponse]:
    """A page a message, every cell a text without its blanks, under the caller's own names.

    The inputs go to the control in the TR's order, those that were left out as well: the module does not take a
    request without them. What the tables do not know comes last: a control may take more than they say, and its
    callers know theirs. Stop conditions compare texts, so that one can stop at a date among times.
    ``waits`` tells the caller how long the pages wait for their turn.
    """
    tr = known_tr(asked.transaction_code)
    given = as_map(asked.inputs)
    if tr.code.lower() in WATCH_LIST and not given.get("종목코드", "").strip(";"):
        raise failure.bad_input(f"{tr.code} needs 종목코드: codes with ; between them")
    inputs = {
        declared.name: given.get(declared.name, declared.default or "") for declared in tr.inputs
    } | given
    # A condition without a name is how KOAPY's client says that there is none.
    stop = to_stop(asked.stop_condition, texts=True) if asked.stop_condition.name else None
    for part in _parts(tr, inputs):
        request = PagesRequest(tr, part, client, Priority.INTERACTIVE, stop)
        async for answer in parts.transactions.pages(request):
            if isinstance(answer, Place):
                await waits.begin(answer, parts.clock.now())
            else:
                waits.end(answer.waited)
                yield fill(answer, tr, asked.screen_no, asked.request_name, asked.transaction_code)


def _parts(tr: reference.Tr, inputs: dict[str, str]) -> Iterator[dict[str, str]]:
    """CommKwRqData takes a hundred codes; more of them are asked for in turn."""
    codes = [code for code in inputs.get("종목코드", "").split(";") if code]
    if tr.code.lower() not in WATCH_LIST or len(codes) <= CODES_A_CALL:
        yield inputs
        return
    for start in range(0, len(codes), CODES_A_CALL):
        yield {**inputs, "종목코드": ";".join(codes[start : start + CODES_A_CALL])}


def fill(
    answer: TrPage, tr: reference.Tr, screen: str, name: str, code: str | None = None
) -> openapi_pb2.ListenResponse:
    """The page under the names that its caller knows, values without their blanks.

    A TR whose rows do not repeat has one, which stands in both places where there is no single block: callers
    look for it here or there.
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


async def pages(parts: Parts, client: str, asked: kernel_pb2.PagesRequest) -> AsyncIterator[kernel_pb2.Page]:
    """A page a message, packed by column, and where the request stands while it waits."""
    tr = known_tr(asked.transaction_code)
    inputs = checked_inputs(tr, as_map(asked.inputs))
    stop = to_stop(asked.stop_condition) if asked.HasField("stop_condition") else None
    priority = Priority.BULK if asked.priority == kernel_pb2.BULK else Priority.INTERACTIVE
    request = PagesRequest(tr, inputs, client, priority, stop, asked.max_pages)
    async for item in parts.transactions.pages(request):
        if isinstance(item, Place):
            yield kernel_pb2.Page(waiting=kernel_pb2.Page.Waiting(ahead=item.ahead, expected_wait=item.wait))
        else:
            yield pack(item)


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
    )
