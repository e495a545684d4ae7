"""The frames between the test control and the broker behind it.

A frame is ``u32 length | u8 kind | u32 id | rest``, little-endian, the length without itself:

======== ========= ================================================== ==========================================
kind     from      rest                                               id
======== ========= ================================================== ==========================================
``C``    control   u32 event being handled (0: none), name, values    of the call
``R``    broker    one value                                          of the call that it answers
``E``    broker    u32 call it is fired in (0: none), name, values    of the event
``D``    control   nothing                                            of the event whose handler has returned
======== ========= ================================================== ==========================================

A name is ``u8 length | ASCII``; values are ``u8 count`` and each of them. A value is ``-`` for none, ``i`` and an i32,
``s`` and a text, ``t`` and ``u32 rows | u32 columns`` and a text of all cells with NUL between them, or ``x`` and a
text, an error. A text is ``u32 bytes | UTF-16-LE``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kernel_server.control.seam import Scalar, Value

CALL: Final = b"C"
RESULT: Final = b"R"
EVENT: Final = b"E"
DONE: Final = b"D"

_NUMBER: Final = struct.Struct("<I")


class Frame(NamedTuple):
    kind: bytes
    id: int
    rest: bytes


class Call(NamedTuple):
    """A function call; ``inside`` is the event from whose handler it comes, 0 for none."""

    inside: int
    name: str
    arguments: list[Scalar]


def frame(kind: bytes, number: int, rest: bytes = b"") -> bytes:
    return _NUMBER.pack(5 + len(rest)) + kind + _NUMBER.pack(number) + rest


class Frames:
    """Splits a stream of bytes into frames."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._unread += data
        at = 0
        while len(self._unread) - at >= 4:
            (length,) = _NUMBER.unpack_from(self._unread, at)
            end = at + 4 + length
            if len(self._unread) < end:
                break
            kind, (number,) = bytes(self._unread[at + 4 : at + 5]), _NUMBER.unpack_from(self._unread, at + 5)
            yield Frame(kind, number, bytes(self._unread[at + 9 : end]))
            at = end
        del self._unread[:at]


def event(inside: int, name: str, arguments: Sequence[Scalar]) -> bytes:
    """The rest of an event's frame."""
    raw = name.encode()
    return (
        _NUMBER.pack(inside)
        + bytes([len(raw)])
        + raw
        + bytes([len(arguments)])
        + b"".join(map(value, arguments))
    )


def value(given: Value) -> bytes:
    if given is None or (isinstance(given, list) and not (given and given[0])):
        return b"-"
    if isinstance(given, int):
        return b"i" + struct.pack("<i", given)
    if isinstance(given, str):
        return b"s" + _text(given)
    cells = "\0".join("\0".join(row) for row in given)
    return b"t" + _NUMBER.pack(len(given)) + _NUMBER.pack(len(given[0])) + _text(cells)


def error(message: str) -> bytes:
    return b"x" + _text(message)


def call(rest: bytes) -> Call:
    """What the rest of a call's frame says."""
    (inside,) = _NUMBER.unpack_from(rest)
    end = 5 + rest[4]
    return Call(inside, rest[5:end].decode(), list(_values(rest, end)))


def _values(rest: bytes, at: int) -> Iterator[Scalar]:
    count, at = rest[at], at + 1
    for _ in range(count):
        kind = rest[at : at + 1]
        if kind == b"i":
            yield struct.unpack_from("<i", rest, at + 1)[0]
            at += 5
        else:
            (length,) = _NUMBER.unpack_from(rest, at + 1)
            yield rest[at + 5 : at + 5 + length].decode("utf-16-le", "surrogatepass")
            at += 5 + length


def _text(given: str) -> bytes:
    raw = given.encode("utf-16-le", "surrogatepass")
    return _NUMBER.pack(len(raw)) + raw
