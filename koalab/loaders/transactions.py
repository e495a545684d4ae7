"""Any TR by its code, with inputs checked against the TR tables before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping

from kernel_server import reference
from kernel_server.reference import inputs as inputs_of
from koalab.errors import BadInput, ServerLost
from koalab.frames.generic import Answer, answer
from koalab.link import Link
from koalab.progress import Progress
from koalab.transport.base import Page, Priority, StopCondition


def find_tr(code: str) -> reference.Tr:
    """The TR of that code.

    Raises:
        BadInput: there is no such TR.
    """
    if not isinstance(code, str):
        raise BadInput(f'a TR is a text like "opt10001", not {code!r}')
    try:
        return reference.tr(code.strip())
    except reference.UnknownReference as error:
        raise BadInput(f"{error}; kl.reference.trs() lists all") from None


def check(tr: reference.Tr, inputs: Mapping[str, object]) -> dict[str, str]:
    """The inputs as texts, in the TR's order, with defaults of optional ones.

    Raises:
        BadInput: one is missing, unknown, too long or no text.
    """
    try:
        return inputs_of.check(tr, inputs)
    except inputs_of.BadInputs as error:
        raise BadInput(str(error)) from None


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

    After ServerLost it retries once, from the first page: only chart TRs can resume.
    """
    tr = find_tr(code)
    checked = check(tr, inputs)
    if pages is not None and (isinstance(pages, bool) or not isinstance(pages, int) or pages < 1):
        raise BadInput(f"pages must be a whole number from 1 on, or None for all, not {pages!r}")
    if not counted:
        progress.expect(1)
    epoch = link.connection_epoch
    try:
        found = _ask(link, tr, checked, progress, pages or 0, priority, stop)
    except ServerLost as error:
        link.recover(progress, error, epoch)
        found = _ask(link, tr, checked, progress, pages or 0, priority, stop)
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
