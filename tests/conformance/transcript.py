"""What a server answered, line by line and whole, so that two servers can be compared."""

from __future__ import annotations

from typing import Any, Final

import grpc
from google.protobuf import text_format
from google.protobuf.message import Message

from kernel_server.wire import kernel_pb2

DIFFERING: Final = {
    "server": "a random name of the process",
    "prices": "the simulated broker's prices and those behind a control have different names, so share no cache",
    "source": "the same",
    "control": "it names the control",
    "received_at": "the server's time, which runs on",
    "time": "the same",
    "until": "the same",
    "now": "the same",
    "started_at": "the same",
    "retry_at": "the same",
    "next_free": "the same",
    "next_login": "the same",
    "expected_wait": "the same",
}
"""Fields of messages that differ between two servers, and why."""


class Transcript:
    """The lines of one test."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: object) -> None:
        self.lines.extend(str(text).splitlines() or [""])

    def message(self, message: Message) -> None:
        """A message, without the fields that differ."""
        copy = type(message)()
        copy.CopyFrom(message)
        without_differing(copy)
        self.line(f"{type(message).__name__} " + text_format.MessageToString(copy, as_utf8=True))

    def error(self, error: grpc.RpcError) -> None:
        """A call's failure: its status, its sentence, and what it says to koalab's client."""
        self.line(f"{error.code()}: {error.details()}")  # type: ignore[attr-defined]
        for key, value in error.trailing_metadata() or ():  # type: ignore[attr-defined]
            if key == "koalab-problem-bin":
                self.message(kernel_pb2.Problem.FromString(value))


def without_differing(message: Any) -> None:
    for field, value in message.ListFields():
        if field.name in DIFFERING:
            message.ClearField(field.name)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for one in value if field.is_repeated else [value]:
                without_differing(one)
