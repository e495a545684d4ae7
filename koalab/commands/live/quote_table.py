"""The table of ``watch``: a row an issue, as wide as the terminal allows, and the state below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from koalab.inputs.text import printable

# Lines that are no rows: the header and its rule, a blank line, the state, and the cursor's own.
_OTHER_LINES: Final = 6
_STATE_STYLES: Final = {"live": "green", "stale": "yellow", "lost": "bold red", "connecting": "yellow"}


class _QuoteColumn(NamedTuple):
    """A column: its title, its text, and the least width of a terminal that shows it."""

    title: str
    text: Callable[[Any], str]
    from_width: int = 0
    coloured: bool = False


def _number(name: str) -> Callable[[Any], str]:
    return lambda row: f"{getattr(row, name):,}" if getattr(row, name) else "-"


_COLUMNS: Final = (
    _QuoteColumn("현재가", _number("price"), coloured=True),
    _QuoteColumn("대비", lambda row: f"{row.change:+,}" if row.change else "0", coloured=True),
    _QuoteColumn("등락률", lambda row: f"{row.change_rate:+.2f}%", coloured=True),
    _QuoteColumn("거래량", _number("volume")),
    _QuoteColumn("체결량", lambda row: f"{row.trade_volume:+,}" if row.trade_volume else "-", 100),
    _QuoteColumn("매도호가", _number("ask"), 120),
    _QuoteColumn("매수호가", _number("bid"), 120),
    _QuoteColumn("체결강도", lambda row: f"{row.strength:.2f}" if row.strength else "-", 130),
    _QuoteColumn("시각", lambda row: "-" if pd.isna(row.time) else f"{row.time:%H:%M:%S}"),
)


def quote_table(
    quotes: pd.DataFrame, message: dict[str, Any], gaps: int, width: int, height: int
) -> RenderableType:
    """The table now.

    Args:
        quotes: the frame of a ``LiveTable``.
        message: of its ``StateLine``.
        gaps: intervals in which trades may be missing.
        width: of the terminal, in columns.
        height: of the terminal, in lines; rows that do not fit are counted.
    """
    shown = quotes.head(max(height - _OTHER_LINES, 1))
    columns = [one for one in _COLUMNS if width >= one.from_width]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("종목명", no_wrap=True, overflow="ellipsis", max_width=_name_width(width))
    table.add_column("코드", no_wrap=True)
    for column in columns:
        table.add_column(column.title, justify="right", no_wrap=True)
    row: Any
    for row in shown.itertuples():
        style = "red" if row.change > 0 else "blue" if row.change < 0 else ""
        texts = (Text(one.text(row), style if one.coloured else "") for one in columns)
        table.add_row(Text(printable(str(row.name))), Text(str(row.Index)), *texts)
    return Group(table, state_text(message, gaps, len(quotes) - len(shown)))


def _name_width(width: int) -> int:
    """Leaves room for the largest figures: rich would shorten every column alike."""
    return 18 if width < 100 else 40


def state_text(message: dict[str, Any], gaps: int, hidden: int = 0) -> Text:
    """The line below: the state, gaps, and rows that do not fit."""
    line = Text(message["say"], _STATE_STYLES.get(message["state"], ""), no_wrap=True, overflow="ellipsis")
    if gaps:
        line.append(f" · 누락 구간 {gaps}", "bold red")
    if hidden:
        line.append(f" · 그 밖에 {hidden:,}종목", "yellow")
    return line
