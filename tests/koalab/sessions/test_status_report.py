"""How a session and its status are shown, as text and in a notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from koalab.sessions.session import Session
from koalab.sessions.status_report import SessionStatus
from tests.support.session import Market


def status(**other: Any) -> SessionStatus:
    fields: dict[str, Any] = {
        "server": {"target": "host:5943", "control": "ocx"},
        "simulation": False,
        "connected": True,
        "user": "ab***",
        "now": "2026-11-17T10:00:00+09:00",
        "clock": {"name": "real", "speed": 1, "note": ""},
        "market": {"session": "2026-11-17", "phase": "정규장"},
        "trs": 12,
        "quota": [
            {"kind": "tr", "limit": 5, "seconds": 1.0, "used": 1, "next_free": 0.0},
            {"kind": "tr", "limit": 1000, "seconds": 3600.0, "used": 990, "next_free": 12.34},
        ],
        "queue": 3,
        "streams": 2,
        "cache": {"folder": "/cache", "series": 7},
        "rights": "trade",
        "real_orders": True,
        "max_order_value": 5_000_000,
        "problems": [],
    }
    return SessionStatus({**fields, **other})


def test_limits_are_bars_whose_text_says_the_same() -> None:
    html = status()._repr_html_()
    assert re.findall(
        r'role="meter" aria-label="(.*?)".*?aria-valuemax="(\d+)".*?aria-valuenow="(\d+)"', html
    ) == [
        ("TR 1초", "5", "1"),
        ("TR 1시간", "1000", "990"),
    ]
    assert "990 / 1,000, 12.3초 뒤 가능" in html
    assert "width:99%" in html


def test_text_has_the_colour_of_the_page() -> None:
    assert not re.search(r"[;\"]color:", status(problems=["x"])._repr_html_())


def test_what_matters_stands_in_both() -> None:
    for text in (repr(status()), status()._repr_html_()):
        for word in (
            "host:5943",
            "실서버",
            "ab***",
            "정규장",
            "실주문 가능",
            "최대 5,000,000원",
            "스트림 2개",
            "없음",
        ):
            assert word in text


def test_problems_and_odd_texts_are_shown_and_not_followed() -> None:
    odd = status(problems=["<b>away</b>\x1b"], connected=False, cache={"folder": "/c", "error": "<i>"})
    html = odd._repr_html_()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;away" in html
    assert "kw.login()" in html
    assert "<b>away" in repr(odd)


def test_it_stays_a_mapping(kw: Session) -> None:
    found = kw.status()
    assert found["queue"] == 0
    assert json.loads(json.dumps(found))["server"] == found["server"]


def test_a_session_shows_its_status_and_what_is_over_one_line(market: Market, kw: Session) -> None:
    html = kw._repr_html_()
    assert 'role="meter"' in html
    assert market.server.address in html
    assert "시뮬레이션 브로커" in html
    kw.close()
    assert re.fullmatch(r"<p>&lt;koalab .*: closed&gt;</p>", kw._repr_html_())


def test_a_server_that_is_gone_is_said(market: Market, kw: Session, tmp_path: Path) -> None:
    del tmp_path
    market.server.stop(0)
    assert "server gone" in kw._repr_html_()
