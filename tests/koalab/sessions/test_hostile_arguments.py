"""With any argument a public method works or raises a KoalabError with a message that can be read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import koalab as kl
from koalab.errors import BadInput, KoalabError
from koalab.sessions.session import Session
from koalab.transport import embedded
from tests.support.session import start


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


VALUES: list[Any] = [
    *(None, True, 0, 1, -1, 5, 10**20, -(10**20), 10**5000, 2**31, 0.5, float("nan"), float("inf"), 1j),
    *(
        "x",
        "",
        " ",
        "\0",
        "005930\0",
        "\ud800",
        "삼성\ud800",
        "x" * 100_000,
        "²",
        "٥",
        b"005930",
        bytearray(b"x"),
    ),
    *([], ["005930", None], [["005930"]], (), {}, {"005930": 1}, {"005930"}, ["005930"] * 1_000, range(3)),
    *(object(), Unprintable(), int, slice(1), len, Path("nothing\0there")),
    *(np.array("005930"), np.array(["005930"]), np.array([["005930"]]), np.array(1), np.array([1, 2])),
    *(np.int64(5), np.float64("nan"), np.bool_(True), np.datetime64("NaT"), np.timedelta64(1, "D")),
    *(
        pd.NaT,
        pd.NA,
        pd.Series(["005930"]),
        pd.DataFrame({"a": ["005930"]}),
        pd.Index([]),
        pd.Period("2026-11"),
    ),
]
DAY = "2026-11-20"
Call = Callable[..., Any]


def bars(name: str, **given: Any) -> Call:
    return lambda kw, **more: getattr(kw, name)(**{"code": "005930", "start": DAY, **given, **more})


def method(name: str, **given: Any) -> Call:
    return lambda kw, **more: getattr(kw, name)(**{**given, **more})


FRAME = ("columns", "progress")
CALLS: dict[str, tuple[Call, tuple[str, ...]]] = {
    "daily": (bars("daily"), ("code", "start", "end", "adjusted", *FRAME)),
    "minute": (bars("minute"), ("code", "interval", "end", "adjusted", *FRAME)),
    "bars": (bars("bars", interval="W"), ("code", "interval", "start", "end", "adjusted", *FRAME)),
    "chart": (
        bars("chart"),
        (*("code", "interval", "start", "end", "live", "ma", "adjusted", "volume", "theme", "progress"),),
    ),
    "flows": (bars("flows"), ("code", "end", "what", "side", *FRAME)),
    "index": (method("index", index="KOSPI", start=DAY), ("index", "interval", "start", "end", *FRAME)),
    "info": (method("info", code="005930"), ("code", *FRAME)),
    "quotes": (method("quotes", codes="005930"), ("codes", *FRAME)),
    "orderbook": (method("orderbook", code="005930"), ("code", *FRAME)),
    "codes": (method("codes", market="KONEX"), ("market",)),
    "find": (method("find"), ("text",)),
    "tr": (method("tr", tr="opt10001", 종목코드="005930"), ("tr", "pages", "progress", "종목코드", "없음")),
    "tr of a chart": (
        method("tr", tr="opt10081", 종목코드="005930", 수정주가구분=1, pages=1),
        ("기준일자", "수정주가구분"),
    ),
    "screen": (method("screen", condition="없음"), ("condition", "info", *FRAME)),
    "deposit": (method("deposit"), ("account", *FRAME)),
    "balances": (method("balances"), ("account", *FRAME)),
    "returns": (method("returns"), ("account", *FRAME)),
    "orders": (method("orders"), ("code", "state", "account", *FRAME)),
    "fills": (method("fills"), ("code", "account", *FRAME)),
    "plan": (
        method("plan", kind="daily", codes="005930", start=DAY),
        ("kind", "codes", "start", "end", "interval", "adjusted"),
    ),
    "plan of minutes": (method("plan", kind="minute", codes="005930", start=DAY), ("interval",)),
    "run of a plan": (lambda kw, **more: kw.plan("daily", "005930", DAY).run(**more), ("progress",)),
    "update_market": (method("update_market", codes=["005930"]), ("codes", "market", "catch_up", "progress")),
    "collect": (lambda kw, **more: kw.collect(**{"codes": "nothing", **more}), ("codes", "progress")),
    "login": (method("login"), ("timeout",)),
    "cache.clear": (lambda kw, **more: kw.cache.clear(**{"code": "000660", **more}), ("code", "interval")),
    "cache.export": (lambda kw, **more: kw.cache.export(**more), ("folder",)),
    "call": (lambda kw, one: kw.call.GetMasterCodeName(one), ("one",)),
    "call by name": (lambda kw, one: kw.call.GetMasterCodeName(sTrCode=one), ("one",)),
    "call of a number": (lambda kw, one: kw.call.GetThemeGroupList(one), ("one",)),
    "calendar.is_open": (lambda _, at: kl.calendar.is_open(at), ("at",)),
    "calendar.next_open": (lambda _, at: kl.calendar.next_open(at), ("at",)),
    "calendar.hours": (lambda _, day: kl.calendar.hours(day), ("day",)),
    "calendar.sessions": (
        lambda _, **more: kl.calendar.sessions(**{"first": DAY, "last": DAY, **more}),
        ("first", "last"),
    ),
}
# Arguments of which None means a whole market, or that a value of the list really starts.
WHOLE = {("codes", "market"), ("update_market", "codes"), ("update_market", "market"), ("plan", "codes")}
LIVE = ("collect", "codes")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    market = start(tmp_path_factory.mktemp("hostile"))
    yield market.connect()
    market.close()


def is_refused_or_works(call: Callable[[], object]) -> None:
    message = "it works"
    try:
        call()
    except KoalabError as error:
        message = str(error)
    assert 0 < len(message) < 1000


@pytest.mark.parametrize(
    ("name", "argument"), [(name, one) for name, (_, arguments) in CALLS.items() for one in arguments]
)
def test_a_method_works_or_raises_a_koalab_error(
    hostile: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, argument: str
) -> None:
    monkeypatch.chdir(tmp_path)  # of a text, an export makes a folder
    call, _ = CALLS[name]
    for value in VALUES:
        if value is None and (name, argument) in WHOLE:
            continue
        codes = isinstance(value, (set, list, np.ndarray, pd.Series)) and "005930" in str(value)
        if (name, argument) == LIVE and codes:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            is_refused_or_works(lambda value=value: call(hostile, **{argument: value}))  # type: ignore[misc]


@pytest.mark.parametrize("method", ["daily", "quotes", "info", "index", "plan"])
def test_a_frame_in_place_of_codes_is_refused_with_what_to_give(hostile: Session, method: str) -> None:
    """A list of a frame has its columns: ``name``, for example, of which a near name would be suggested."""
    call = getattr(hostile, method)
    arguments = ("daily",) if method == "plan" else ()
    with pytest.raises(BadInput, match="give its index or one of its columns"):
        call(*arguments, hostile.codes("ETF"))


@pytest.mark.parametrize("name", ["", "x", "_x", "GetMasterCodeName\0", "\ud800", "x" * 100_000])
def test_a_function_that_there_is_not(hostile: Session, name: str) -> None:
    with pytest.raises((BadInput, AttributeError)) as error:
        getattr(hostile.call, name)
    assert len(str(error.value)) < 300


def test_numbers_of_numpy_are_numbers(hostile: Session) -> None:
    assert len(hostile.minute("005930", np.int64(5), "2026-11-20 15:00")) > 0  # type: ignore[arg-type]
    assert (
        len(hostile.tr("opt10081", 종목코드="005930", 수정주가구분=np.int64(1), pages=np.int64(1)).pages) == 1
    )  # type: ignore[arg-type]
    assert len(hostile.tr("opt10001", 종목코드="005930", pages=10**20).pages) == 1
    assert hostile.daily("005930", DAY, adjusted=np.bool_(False)).attrs["adjusted"] is False  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "argument",
    [
        *(
            "target",
            "market_data",
            "seed",
            "clock",
            "limits",
            "account_file",
            "edited_account",
            "cache_dir",
            "token",
            "tls",
        ),
        *("timeout", "allow_real_orders"),
    ],
)
def test_connecting_works_or_raises_a_koalab_error(argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise kl.NotConnected("as far as this goes")

    monkeypatch.setattr(embedded, "EmbeddedTransport", started)
    monkeypatch.setattr("koalab.transport.remote.connect", started)
    monkeypatch.delenv("KOALAB_TARGET", raising=False)
    more = [
        "127.0.0.1:²",
        "127.0.0.1:" + "9" * 5000,
        "host:0",
        "[::1",
        "\x01",
        "~no-such-user/x",
        "fast:nan",
    ]
    more += ["real@2026-99-01", "stepped@9999-01-01", Path("y" * 5000), ("a\0", "b", "c"), 0.0, -1.5]
    for value in [*VALUES, *more]:
        for target in ({}, {"target": "127.0.0.1:1"}) if argument != "target" else ({},):
            is_refused_or_works(lambda given={**target, argument: value}: kl.connect(**given))  # type: ignore[misc]


@pytest.mark.parametrize(
    "target", ["127.0.0.1:²", "127.0.0.1:" + "9" * 5000, "a b", "\0", "\ud800", "h" * 300, "h:0"]
)
def test_a_target_that_can_be_none(target: str) -> None:
    with pytest.raises(BadInput, match="no target"):
        kl.connect(target)


@pytest.mark.parametrize(
    "timeout", [float("nan"), float("inf"), 0, -1, "5", None, True, 10**5000], ids=range(8)
)
def test_a_timeout_that_is_no_number_of_seconds(hostile: Session, timeout: Any) -> None:
    with pytest.raises(BadInput, match="seconds above 0"):
        kl.connect("127.0.0.1:1", timeout=timeout)
    with pytest.raises(BadInput, match="seconds above 0"):
        hostile.login(timeout)


def test_a_token_of_a_wrong_type_is_not_quoted() -> None:
    with pytest.raises(BadInput) as error:
        kl.connect("127.0.0.1:1", token=b"secret")  # type: ignore[arg-type]
    assert "secret" not in str(error.value)
