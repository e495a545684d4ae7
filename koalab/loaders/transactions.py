"""Any TR by its code, with inputs checked against the TR tables before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernel_server import reference
from kernel_server.reference import inputs as inputs_of
from koalab.errors import BadInput
from koalab.frames.generic import Answer, answer
from koalab.inputs.text import composed, encodable, plain, shown
from koalab.link import Link
from koalab.progress import Progress
from koalab.transport.base import Page, Priority, StopCondition

_LONGEST = 60
_BITS = 1000
_MOST_PAGES = 2**31 - 1


def find_tr(code: str) -> reference.Tr:
    """The TR of that code.

    Raises:
        BadInput: there is no such TR.
    """
    if not isinstance(code, str):
        raise BadInput(f'a TR is a text like "opt10001", not {shown(code)}')
    if len(code) > _LONGEST:
        raise BadInput(f"no TR {shown(code)}; kl.reference.trs() lists all")
    try:
        return reference.tr(plain(code))
    except reference.UnknownReference as error:
        raise BadInput(f"{error}; kl.reference.trs() lists all") from None


def check(tr: reference.Tr, inputs: Mapping[str, object]) -> dict[str, str]:
    """The inputs as texts in NFC, in the TR's order, with defaults of optional ones.

    Raises:
        BadInput: one is missing, unknown, too long or no text.
    """
    given = {
        composed(name): composed(value) if isinstance(value, str) else _whole(value)
        for name, value in inputs.items()
    }
    long = [name for name, value in given.items() if isinstance(value, int) and value.bit_length() > _BITS]
    if long:
        raise BadInput(f"{tr.code}: {long[0]} is a number that no input has room for")
    unsendable = [name for name, value in given.items() if isinstance(value, str) and not encodable(value)]
    if unsendable:
        raise BadInput(f"{tr.code}: {unsendable[0]} holds half of a character (a lone surrogate)")
    try:
        return inputs_of.check(tr, given)
    except inputs_of.BadInputs as error:
        raise BadInput(str(error)) from None


def _whole(value: object) -> object:
    """numpy's whole numbers as Python's; others as they are."""
    number = isinstance(value, np.integer) and not isinstance(value, np.timedelta64)
    return int(value) if number else value  # type: ignore[call-overload]


def load(
    link: Link,
    code: str,
    inputs: Mapping[str, object],
    progress: Progress,
    pages: int | None = None,
    priority: Priority = "interactive",
    counted: bool = False,
    stop: StopCondition | None = None,
) -> Answer:
    """A TR's pages: all of them, the first ``pages``, or those down to ``stop``.

    ``counted``: the progress expects its TRs already.

    After a lost server or broker it begins again with the first page: only chart TRs can resume.
    """
    tr = find_tr(code)
    checked = check(tr, inputs)
    number = _whole(pages)
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        raise BadInput(f"pages must be a whole number from 1 on, or None for all, not {shown(pages)}")
    most = min(number or 0, _MOST_PAGES)
    if not counted:
        progress.expect(1)
    found = link.retrying(lambda: _ask(link, tr, checked, progress, most, priority, stop), progress)
    return answer(tr.code, found)


def _ask(
    link: Link,
    tr: reference.Tr,
    inputs: Mapping[str, str],
    progress: Progress,
    pages: int,
    priority: Priority,
    stop: StopCondition | None,
) -> list[Page]:
    found = []
    for page in link.pages(tr.code, inputs, progress, stop=stop, priority=priority, max_pages=pages):
        progress.page()
        found.append(page)
    return found
