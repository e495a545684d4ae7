"""Values of SetInputValue by client, until its CommRqData: the control has one set of inputs for all.

They may hold a password. So they are bound to their client's connection and token, and are forgotten when it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kernel_server import failure
from kernel_server.reference.short_repr import shown

MOST_NAMES = 50
"""Inputs of one client. No TR takes more than 12."""
MOST_LETTERS_NAME = 100
MOST_LETTERS = 10_000
"""Letters of all inputs of one client, names included. The longest useful one, a hundred codes, has some 1,300."""
MOST_CLIENTS = 1000
"""Clients with inputs that wait for their CommRqData."""


class InputOwner(NamedTuple):
    """A client: its peer, and what it authenticates with."""

    peer: str
    token: str = ""


@dataclass
class _Inputs:
    connection: frozenset[int]
    values: dict[str, str] = field(default_factory=dict)
    letters: int = 0


class ClientInputs:
    """Inputs by client. It is used on the event loop only.

    Args:
        connections: the numbers of the open connections by peer.
    """

    def __init__(self, connections: Callable[[], Mapping[str, frozenset[int]]]) -> None:
        self._connections = connections
        self._inputs: dict[InputOwner, _Inputs] = {}

    def __len__(self) -> int:
        return len(self._inputs)

    def set(self, owner: InputOwner, name: str, value: str) -> None:
        """Keeps an input for that client; a name that it has set before gets the new value.

        Raises:
            failure.Failure: BadInput: it is too long, or there are too many; RateLimited: too many clients have inputs.
        """
        if len(name) > MOST_LETTERS_NAME:
            raise failure.bad_input(
                f"SetInputValue: the name of an input has at most {MOST_LETTERS_NAME} letters; {shown(name[:40])} …"
                f" has {len(name):,}"
            )
        connection = self._connections().get(owner.peer)
        if connection is None:
            raise failure.bad_input(
                f"SetInputValue: the connection of {owner.peer} is not known, to which inputs are bound: ask with"
                " TransactionCall, which brings its inputs along"
            )
        inputs = self._inputs.get(owner)
        if inputs is None or inputs.connection != connection:
            if len(self._inputs) >= MOST_CLIENTS:
                self.sweep()
            if len(self._inputs) >= MOST_CLIENTS:
                raise failure.too_many(
                    f"SetInputValue: inputs of {MOST_CLIENTS:,} clients wait for their CommRqData already, and no more"
                    " are kept: ask with TransactionCall, which brings its inputs along"
                )
            inputs = self._inputs[owner] = _Inputs(connection)
        before = len(name) + len(inputs.values[name]) if name in inputs.values else 0
        letters = inputs.letters - before + len(name) + len(value)
        if len(inputs.values) + (not before) > MOST_NAMES or letters > MOST_LETTERS:
            raise failure.bad_input(
                f"SetInputValue: at most {MOST_NAMES} inputs with {MOST_LETTERS:,} letters in all wait for a CommRqData"
            )
        inputs.values[name] = value
        inputs.letters = letters

    def take(self, owner: InputOwner) -> Mapping[str, str]:
        """The client's inputs, which are empty from here on."""
        inputs = self._inputs.pop(owner, None)
        if inputs is None or inputs.connection != self._connections().get(owner.peer):
            return {}  # those of another client, which had this address before
        return inputs.values

    def sweep(self) -> None:
        """Forgets the inputs of clients whose connection is closed."""
        if self._inputs:
            now = self._connections()
            for owner, inputs in list(self._inputs.items()):
                if inputs.connection != now.get(owner.peer):
                    del self._inputs[owner]
