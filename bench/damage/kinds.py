"""What happens to a file, and what came of it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

_PAGE = 4096

Damage = Callable[[bytes, bytes, random.Random], bytes]


def flip_bits(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def cut(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _lost_block(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    size = draw.choice((16, 512, _PAGE))
    start = draw.randrange(0, len(data), size)
    return (data[:start] + bytes(size) + data[start + size :])[: len(data)]


def _swapped_blocks(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    size = min(draw.choice((16, 512, _PAGE)), len(data) // 2)
    one, two = sorted(draw.sample(range(len(data) // size), 2))
    first, second = data[one * size : (one + 1) * size], data[two * size : (two + 1) * size]
    between = data[(one + 1) * size : two * size]
    return data[: one * size] + second + between + first + data[(two + 1) * size :]


def _foreign_block(data: bytes, other: bytes, draw: random.Random) -> bytes:
    """A block of another file of the kind, as after a write that was not finished."""
    size = draw.choice((16, 512, _PAGE)) if len(data) > _PAGE else 64
    start = draw.randrange(0, len(data), size)
    return data[:start] + other[start : start + size] + data[start + size :]


def foreign_file(_data: bytes, other: bytes, _draw: random.Random) -> bytes:
    return other


DAMAGES: Mapping[str, tuple[Damage, float]] = {
    "flipped bits": (flip_bits, 0.5),
    "cut off": (cut, 0.15),
    "a lost block": (_lost_block, 0.12),
    "swapped blocks": (_swapped_blocks, 0.12),
    "a block of another file": (_foreign_block, 0.1),
    "another file in its place": (foreign_file, 0.01),
}
"""By name, each with its share of the cases."""


@dataclass
class Outcome:
    """What came of the cases of one kind.

    Attributes:
        cases: how many.
        right: in how many all that was read was right, nothing being missing.
        refused: in how many something was refused by name, or was not there and would be loaded anew.
        wrong: readings of something else than was stored.
        raw: exceptions that are not koalab's.
    """

    cases: int = 0
    right: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def case(self, what: str) -> Iterator[None]:
        self.cases += 1
        try:
            yield
        except AssertionError as error:
            self.wrong.append(f"{what}: {error}")
        except Exception as error:
            self.raw.append(f"{what}: {type(error).__name__}: {error}")

    def count(self, whole: bool) -> None:
        """After a case: whether everything was there and right."""
        self.right += whole
        self.refused += not whole


def cases(outcomes: dict[str, Outcome], where: str, total: int) -> Iterator[tuple[Damage, Outcome]]:
    for name, (damage, share) in DAMAGES.items():
        outcome = outcomes[f"{where}: {name}"] = Outcome()
        for _ in range(max(3, int(total * share)) if damage is not foreign_file else 3):
            yield damage, outcome
