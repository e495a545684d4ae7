"""Many calls of the client, in parts that the server takes."""

from __future__ import annotations

from koalab.transport.remote import CALLS_A_MESSAGE, RemoteTransport
from tests.support.canned_server import canned_server


def test_more_calls_than_fit_a_message_are_asked_for_in_parts() -> None:
    with canned_server({}) as server:
        server.control.GetMasterCodeName = lambda code: code  # type: ignore[attr-defined]
        count = 2 * CALLS_A_MESSAGE + 1
        transport = RemoteTransport(server.address)
        try:
            found = transport.call_many(
                [("GetMasterCodeName", (str(number),)) for number in range(count)]
            ).values
            assert found == [str(number) for number in range(count)]
            assert transport.call_many([]).values == []
        finally:
            transport.close()
