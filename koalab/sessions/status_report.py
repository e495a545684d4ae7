"""``SessionStatus``: what ``kw.status()`` gives, a mapping that a notebook shows as a table with the limits as bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from koalab.inputs.text import printable

_KINDS: Final = {"tr": "TR", "order": "주문", "condition": "조건검색"}
_UNITS: Final = ((3600, "시간"), (60, "분"), (1, "초"))
_FILL: Final = "#3f7fd0"
_FULL: Final = "#d24f45"
_TROUBLE: Final = "#d08a00"
_FULL_FROM: Final = 0.9
_WIDTH: Final = 24  # of a bar in text


class SessionStatus(dict[str, Any]):
    """The status of server, broker and cache, as a mapping; see ``Session.status``.

    All text has the colour of the page, so that it is legible in any theme; a bar's colour says nothing that its text
    does not.
    """

    def __repr__(self) -> str:
        rows = [(name, text) for name, text in self._rows()]
        for one in self["quota"]:
            filled = round(_share(one) * _WIDTH)
            rows.append((_label(one), f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {_used(one)}"))
        rows += [("문제", text) for text in self["problems"]] or [("문제", "없음")]
        return "\n".join([self._title(), *(f"  {name:<{12 - _wide(name)}} {text}" for name, text in rows)])

    def _repr_html_(self) -> str:
        rows = [_row(name, escape(text)) for name, text in self._rows()]
        rows += [_row(_label(one), _bar(one)) for one in self["quota"]]
        problems = [printable(one) for one in self["problems"]]
        rows.append(_row("문제", _problems(problems) if problems else "없음"))
        style = "border-collapse:collapse;text-align:left;font:inherit"
        table = f'<table style="{style}"><tbody>{"".join(rows)}</tbody></table>'
        return (
            f'<div style="max-width:60em"><div style="font-weight:600;margin-bottom:4px">{escape(self._title())}</div>'
            f"{table}</div>"
        )

    def _title(self) -> str:
        server = self["server"]
        kind = "시뮬레이션 브로커, " if server["control"] == "simulated" else ""
        return f"koalab {server['target']} · {kind}{'모의투자' if self['simulation'] else '실서버'}"

    def _rows(self) -> Iterator[tuple[str, str]]:
        clock, market, cache = self["clock"], self["market"], self["cache"]
        yield "로그인", f"{self['user']}" if self["connected"] else "되어 있지 않음: kw.login()"
        now = self["now"][:19].replace("T", " ")
        yield "브로커 시각", " · ".join(filter(None, (now, market["phase"], clock["note"])))
        yield "권한", f"{self['rights']}, {self._orders()}"
        yield "쓴 TR", f"{self['trs']:,}건, 대기 {self['queue']:,}건"
        yield "실시간", f"스트림 {self['streams']:,}개"
        kept = f"{cache['series']:,}개 시계열" if "series" in cache else str(cache["error"])
        yield "캐시", f"{kept}, {cache['folder']}"

    def _orders(self) -> str:
        most = self["max_order_value"]
        limit = f", 주문 한 건 최대 {most:,}원" if most else ""
        real = "실주문 가능" if self["real_orders"] else "실주문 불가"
        return ("모의 주문" if self["simulation"] else real) + limit


def _share(one: Mapping[str, Any]) -> float:
    return min(1.0, one["used"] / one["limit"]) if one["limit"] else 1.0


def _label(one: Mapping[str, Any]) -> str:
    seconds = one["seconds"]
    size, unit = next(((seconds / each, name) for each, name in _UNITS if seconds >= each), (seconds, "초"))
    return f"{_KINDS.get(one['kind'], one['kind'])} {size:g}{unit}"


def _used(one: Mapping[str, Any]) -> str:
    wait = f", {one['next_free']:.1f}초 뒤 가능" if one["next_free"] > 0 else ""
    return f"{one['used']:,} / {one['limit']:,}{wait}"


def _bar(one: Mapping[str, Any]) -> str:
    share = _share(one)
    colour = _FULL if share >= _FULL_FROM else _FILL
    meter = (
        f'<span role="meter" aria-label="{escape(_label(one))}" aria-valuemin="0" aria-valuemax="{one["limit"]}" '
        f'aria-valuenow="{one["used"]}" style="display:inline-block;width:14em;height:0.8em;vertical-align:middle;'
        f'border:1px solid currentColor;border-radius:3px;overflow:hidden;margin-right:0.7em">'
        f'<span style="display:block;height:100%;width:{share:.0%};background:{colour}"></span></span>'
    )
    return meter + escape(_used(one))


def _problems(problems: list[str]) -> str:
    return "".join(
        f'<div style="border-left:4px solid {_TROUBLE};padding-left:6px;font-weight:600">{escape(one)}</div>'
        for one in problems
    )


def _row(name: str, content: str) -> str:
    return (
        '<tr><th scope="row" style="text-align:left;padding:2px 14px 2px 0;vertical-align:top;white-space:nowrap">'
        f'{escape(name)}</th><td style="text-align:left;padding:2px 0">{content}</td></tr>'
    )


def _wide(text: str) -> int:
    """How many more columns a terminal gives a text than it has characters: one for each Hangul syllable."""
    return sum("가" <= letter <= "힣" for letter in text)
