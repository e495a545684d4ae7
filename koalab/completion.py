"""Tab completion of commands, options, codes and names: for shells through click, for notebooks through IPython.

No completion connects or waits: it offers only what is in memory, or on this machine's disk.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, ShellComplete

from kernel_server import reference
from koalab.command_parser import last_command, quoted, split_at_cursor, unquoted
from koalab.inputs.text import folded

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from koalab.commands.runner import CommandRunner
    from koalab.loaders.intervals import Of
    from koalab.sessions.session import Session

_MAX_COMPLETIONS = 50
_LINE = re.compile(r"^\s*(?:[^%=]+=\s*)?%kiwoom\s(?P<rest>.*)$", re.DOTALL)
_CELL = re.compile(r"\s*%%kiwoom\b")


def complete_codes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Codes that begin with the text, then names that begin with it, then names that contain it.

    Each in the order of ``runner.names()``.
    """
    runner: CommandRunner | None = ctx.obj
    names = runner.names() if runner is not None else {}
    return list(islice(_codes(names, incomplete), _MAX_COMPLETIONS))


def _codes(names: Mapping[str, str], text: str) -> Iterator[CompletionItem[str]]:
    plain = folded(text)
    if plain:
        wanted = plain.upper()
        yield from (
            CompletionItem(code, help=name) for code, name in names.items() if code.startswith(wanted)
        )
    inside = []
    for code, name in names.items():
        place = folded(name).find(plain)
        if place == 0:
            yield CompletionItem(name, help=code)
        elif place > 0:
            inside.append(CompletionItem(name, help=code))
    yield from inside


def complete_quote_types(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """거래구분 by the beginning of the name or of the code, or by a part of the name."""
    from koalab.orders.quote_types import quote_types

    text = folded(incomplete).upper()
    known = [(one.name, one.code) for one in quote_types()]
    found = [(name, code) for name, code in known if name.startswith(text) or code.startswith(text)]
    return [
        CompletionItem(name, help=code)
        for name, code in found or [(name, code) for name, code in known if text in name]
    ]


def complete_credits(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """신용구분 of the command's side, by the beginning of the name or of the code."""
    from koalab.orders.credit import ALL_LOANS, LOAN, REPAYMENT

    known = (REPAYMENT, ALL_LOANS) if ctx.info_name == "sell" else (LOAN,)
    text = folded(incomplete)
    return [
        CompletionItem(one.name, help=one.code)
        for one in known
        if one.name.startswith(text) or one.code.startswith(text)
    ]


def complete_orders(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Numbers of open orders, the newest first, by their beginning or their digits without zeros in front."""
    runner: CommandRunner | None = ctx.obj
    known = runner.open_orders() if runner is not None else {}
    found = (
        (number, text)
        for number, text in sorted(known.items(), reverse=True)
        if number.startswith(incomplete) or number.lstrip("0").startswith(incomplete)
    )
    return [CompletionItem(number, help=text) for number, text in islice(found, _MAX_COMPLETIONS)]


def complete_conditions(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of conditions by their beginning, also over several words, or by a part."""
    runner: CommandRunner | None = ctx.obj
    known = runner.conditions() if runner is not None else ()
    earlier = ctx.params.get(param.name or "") if param.nargs == -1 else ()
    before = "".join(f"{word} " for word in earlier or ())
    text = folded(before + incomplete)
    found = [name for name in known if folded(name).startswith(text)]
    if not before:
        found = found or [name for name in known if text in folded(name)]
    return [CompletionItem(name[len(before) :], help="condition") for name in found[:_MAX_COMPLETIONS]]


def complete_alerts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The beginning of an alert: an event, a condition after ``조건:``, or an issue; then a field."""
    prefix = "조건:"
    if ctx.params.get(param.name or ""):
        from koalab.alerts.fields import alert_fields

        fields = [one for one in alert_fields() if one.name.startswith(folded(incomplete))]
        return [CompletionItem(one.name, help=one.unit) for one in fields]
    if incomplete.startswith(prefix):
        runner: CommandRunner | None = ctx.obj
        known = runner.conditions() if runner is not None else ()
        text = folded(incomplete.removeprefix(prefix))
        return [
            CompletionItem(prefix + name, help="condition") for name in known if folded(name).startswith(text)
        ]
    events = [
        CompletionItem(one, help="event") for one in ("체결", prefix, "연결") if one.startswith(incomplete)
    ]
    return events + complete_codes(ctx, param, incomplete)


def complete_trs(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """TRs by the beginning of the code, or a part of the name."""
    text = incomplete.lower()
    found = [
        CompletionItem(entry.code, help=entry.name)
        for entry in reference.trs()
        if entry.code.lower().startswith(text)
    ]
    return found or [
        CompletionItem(entry.code, help=entry.name) for entry in reference.trs() if text in entry.name
    ]


def complete_inputs(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The TR's inputs that are not given yet, as ``종목코드=``; after ``종목코드=``, codes."""
    name, equals, value = incomplete.partition("=")
    if equals:
        if "종목코드" not in name:
            return []
        runner: CommandRunner | None = ctx.obj
        names = runner.names() if runner is not None else {}
        found = (code for code in names if code.startswith(value))
        return [
            CompletionItem(f"{name}={code}", help=names[code]) for code in islice(found, _MAX_COMPLETIONS)
        ]
    try:
        entry = reference.tr(str(ctx.params.get("code") or ""))
    except reference.UnknownReference:
        return []
    given = {word.partition("=")[0] for word in ctx.params.get("inputs") or ()}
    return [
        CompletionItem(f"{one.name}=", help="input" if one.default is None else "optional input")
        for one in (*entry.inputs, *entry.optional_inputs)
        if one.name not in given and one.name.startswith(incomplete)
    ]


def complete_markets(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    from koalab.listing import KINDS, MARKETS

    known = [*MARKETS, *(kind.upper() for kind in KINDS)]
    return [CompletionItem(name, help="market") for name in known if name.startswith(incomplete.upper())]


def complete_issues(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Markets, then codes and names."""
    return complete_markets(ctx, param, incomplete) + complete_codes(ctx, param, incomplete)


def complete_intervals(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    return _intervals("issue", incomplete)


def complete_index_intervals(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    return _intervals("index", incomplete)


def _intervals(of: Of, incomplete: str) -> list[CompletionItem[str]]:
    from koalab.loaders.intervals import intervals

    return [
        CompletionItem(name, help=one.label)
        for name, one in intervals(of).items()
        if name.lower().startswith(incomplete.lower())
    ]


def complete_indices(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The main indices; others are known to the broker alone."""
    known = ("KOSPI", "KOSDAQ", "KOSPI200", "KOSPI100", "KRX100")
    return [CompletionItem(name, help="index") for name in known if name.startswith(incomplete.upper())]


def complete_realtypes(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    return [
        CompletionItem(name, help="real-time type") for name in reference.realtypes() if incomplete in name
    ]


def suggestions(
    table: click.Group, runner: CommandRunner, words: Sequence[str], incomplete: str
) -> list[CompletionItem[str]]:
    """Completions of a word of a command, without files and folders."""
    complete = ShellComplete(table, {"obj": runner}, "%kiwoom", "")
    return [item for item in complete.get_completions(list(words), incomplete) if item.type == "plain"]


def complete_cell(
    table: click.Group, runner: CommandRunner, context: CompletionContext
) -> SimpleMatcherResult:
    """Completions at the cursor of a cell: the result of an IPython matcher (API v2).

    It suppresses other matchers: Jedi would parse the line as Python.
    """
    from IPython.core.completer import SimpleCompletion

    fragment, found = _complete_at(table, runner, context)
    if not found and _is_ours(context):
        # IPython asks other matchers where there is no completion: the word itself keeps Python's keywords out.
        found = [(fragment, "")]
    return {
        "completions": [SimpleCompletion(text=text, type=kind) for text, kind in found],
        "matched_fragment": fragment,
        "suppress": True,
        "ordered": True,
    }


def _is_ours(context: CompletionContext) -> bool:
    """Whether the cursor is on a line of a command."""
    inside = context.cursor_line > 0 and _CELL.match(context.full_text)
    return bool(inside or _LINE.match(context.text_until_cursor))


def _complete_at(
    table: click.Group, runner: CommandRunner, context: CompletionContext
) -> tuple[str, list[tuple[str, str]]]:
    """The word being typed, and its completions with their kinds."""
    before = context.text_until_cursor
    line = _LINE.match(before)
    earlier: Sequence[str] = ()
    if line is not None:
        before = line["rest"]
    elif context.cursor_line > 0 and _CELL.match(context.full_text):
        earlier = last_command("\n".join(context.full_text.split("\n")[1 : context.cursor_line]))
    else:
        return "", []
    words, fragment = split_at_cursor(before)
    text = unquoted(fragment)
    found = suggestions(table, runner, words, text)
    if not words and earlier and earlier[0] == "tr":
        # The line may continue the TR's inputs, or be a new command.
        found = suggestions(table, runner, earlier, text) + found
    return fragment, [
        (quoted(item.value), "command" if item.value in table.commands else item.help or "option")
        for item in found
    ]


class ListingNames:
    """Names by code of a session's listing, the largest issues first where it knows their size.

    Fetched in the background at first use.
    """

    def __init__(self) -> None:
        self._session: Session | None = None
        self._names: Mapping[str, str] = {}
        self.fetching: threading.Thread | None = None

    def of(self, session: Session | None) -> Mapping[str, str]:
        """The names fetched so far: none at first, all a moment later."""
        if session is not self._session:
            self._session, self._names = session, {}
            if session is not None:
                self.fetching = threading.Thread(
                    target=self._fetch, args=(session,), name="koalab-names", daemon=True
                )
                self.fetching.start()
        return self._names

    def _fetch(self, session: Session) -> None:
        from koalab.errors import KoalabError

        try:
            names = session._names_by_size()
        except KoalabError:
            self._session = None  # not logged in, or server lost: retried at the next completion
            return
        if session is self._session:
            self._names = names
