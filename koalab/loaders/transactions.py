"""Any TR by its code, checked against the tables before anything is sent."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from kernel_server import reference
from koalab.errors import BadInput, ServerLost
from koalab.frames.generic import Answer, answer
from koalab.link import Link
from koalab.progress import Progress
from koalab.transport.base import Page, Priority

_WATCH_LIST = {"optkwfid", "optfofid"}


def find_tr(code: str) -> reference.Tr:
    """The TR of that code.

    Raises:
        BadInput: no such TR.
    """
    if not isinstance(code, str):
        raise BadInput(f'a TR is a text like "opt10001", not {code!r}')
    try:
        return reference.tr(code.strip())
    except reference.UnknownReference as error:
        raise BadInput(f"{error}; kl.reference.trs() lists all") from None


def check(tr: reference.Tr, inputs: Mapping[str, object]) -> dict[str, str]:
    """The inputs as texts, in the TR's order, with what may be left out filled in.

    Raises:
        BadInput: one is missing, unknown, empty of meaning or too long.
    """
    known = {given.name: given for given in (*tr.inputs, *tr.optional_inputs)}
    takes = ", ".join(name if given.default is None else f"[{name}]" for name, given in known.items())
    unknown = [name for name in inputs if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise BadInput(f"{tr.code} {tr.name} has no input {', '.join(unknown)}{hint}; it takes {takes}")
    missing = [given.name for given in tr.inputs if given.default is None and given.name not in inputs]
    if missing:
        raise BadInput(f"{tr.code} {tr.name} also needs {', '.join(missing)}; it takes {takes}")
    checked = {}
    for name, given in known.items():
        if name in inputs:
            checked[name] = _text(tr, given, inputs[name])
        elif given in tr.inputs:
            checked[name] = given.default or ""
    return checked


def _text(tr: reference.Tr, given: reference.Input, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise BadInput(f"{tr.code}: {given.name} takes a text or a whole number, not {value!r}")
    text = str(value)
    if tr.code.lower() not in _WATCH_LIST and len(text.encode("cp949", "replace")) > given.width:
        raise BadInput(f"{tr.code}: {given.name} takes at most {given.width} bytes, {text!r} is longer")
    if any(letter in text for letter in "\0\n\t"):
        raise BadInput(f"{tr.code}: {given.name} holds a control character: {text!r}")
    return text


def load(
    link: Link,
    code: str,
    inputs: Mapping[str, object],
    progress: Progress,
    pages: int | None = None,
    priority: Priority = "interactive",
    counted: bool = False,
) -> Answer:
    """A TR's pages, all of them or the first ``pages``. ``counted``: the progress expects it already.

    A server that went away in the middle is asked again from the first page: a TR that is not a chart has
    nothing by which it could go on.
    """
    tr = find_tr(code)
    checked = check(tr, inputs)
    if pages is not None and (isinstance(pages, bool) or not isinstance(pages, int) or pages < 1):
        raise BadInput(f"pages must be a whole number from 1 on, or None for all, not {pages!r}")
    if not counted:
        progress.expect(1)
    try:
        found = _ask(link, tr, checked, progress, pages or 0, priority)
    except ServerLost as error:
        link.recover(progress, error)
        found = _ask(link, tr, checked, progress, pages or 0, priority)
    return answer(tr.code, found)


def _ask(
    link: Link,
    tr: reference.Tr,
    inputs: Mapping[str, str],
    progress: Progress,
    pages: int,
    priority: Priority,
) -> list[Page]:
    found = []
    for page in link.pages(tr.code, inputs, progress, priority=priority, max_pages=pages):
        progress.page()
        found.append(page)
    return found
