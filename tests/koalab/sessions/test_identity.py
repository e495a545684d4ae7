"""Answers are believed and kept only from the session's source of prices, and from a connection that was up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kernel_server.clock import seoul
from kernel_server.reconnecting import ReconnectSettings
from kernel_server.simulated.control import SimulatedControl
from koalab import NotConnected, OtherPrices, ServerLost
from koalab.frames.bars import BarColumns
from koalab.progress import Progress
from koalab.sessions.session import Session
from koalab.store.series import Series
from tests.support.few_issues import whole_market
from tests.support.generated_once import every_name_asked
from tests.support.price_files import GOOD, OTHER, days_of, listing
from tests.support.session import Market, start
from tests.support.waiting import eventually

ALL_TIME = np.datetime64("1980-01-01"), np.datetime64("2026-11-20", "us")
CODES = [f"{number:06d}" for number in (5930, 660, 270, 35420)]


@pytest.fixture(scope="module")
def replaced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session with an empty cache whose server was replaced by one with another seed, on the same port."""
    folder = tmp_path_factory.mktemp("replaced")
    before = start(folder)
    kw = before.connect()
    kw.find("삼성전자")  # the listing is cached, as it may be
    before.server.stop(0)
    after = start(folder, seed=9, port=_port(before))
    assert eventually(lambda: _answers(kw))
    yield kw
    before.close()
    after.close()


def _port(market: Market) -> int:
    return int(market.server.address.rpartition(":")[2])


def _answers(kw: Session) -> bool:
    return "other prices" in repr(kw)


ASKED: dict[str, Callable[[Session], Any]] = {
    "daily": lambda kw: kw.daily("000270", "2026-11-02"),
    "several codes": lambda kw: kw.daily(CODES, "2026-11-02"),
    "minute": lambda kw: kw.minute("005930", start="2026-11-20"),
    "ticks": lambda kw: kw.bars("005930", "30tick", start="2026-11-20"),
    "index": lambda kw: kw.index("KOSPI", "2026-11-02"),
    "indices": lambda kw: kw.indices(),
    "info": lambda kw: kw.info("005930"),
    "quotes": lambda kw: kw.quotes(CODES),
    "order book": lambda kw: kw.orderbook("005930"),
    "codes": lambda kw: kw.codes("KOSPI"),
    "any TR": lambda kw: kw.tr("opt10001", 종목코드="005930"),
    "a call": lambda kw: kw.call.GetMasterLastPrice("005930"),
    "accounts": lambda kw: kw.accounts,
    "deposit": lambda kw: kw.deposit(),
    "conditions": lambda kw: kw.conditions(),
    "screen": lambda kw: kw.screen(1),
    "market update": lambda kw: kw.update_market(CODES, progress=False),
    "plan": lambda kw: kw.plan("daily", CODES, start="2026-11-02").run(),
}


class TestAServerWithOtherPricesAtTheSameAddress:
    @pytest.mark.parametrize("asked", ASKED)
    def test_is_refused_whatever_is_asked(self, replaced: Session, asked: str) -> None:
        replaced.status()  # it was this that let the rest through
        with pytest.raises(OtherPrices, match=r"seed=9.*seed=1.*kl.connect\(\)"):
            ASKED[asked](replaced)
        assert replaced.cache.series() == []
        assert "seed=1:" in replaced.cache.source

    def test_is_shown_as_a_problem(self, replaced: Session) -> None:
        status = replaced.status()
        assert "seed=9" in status["server"]["source"]
        assert "came back with other prices" in status["problems"][0]
        assert "other prices now" in repr(replaced)

    def test_gives_no_page_where_nothing_else_was_asked_before(self, replaced: Session) -> None:
        with pytest.raises(OtherPrices, match=r"seed=9.*seed=1"):
            a_page(replaced)

    def test_gives_nothing_to_a_live_stream(self, replaced: Session) -> None:
        with pytest.raises(OtherPrices):
            next(iter(replaced._link.ticks()))

    def test_does_not_hide_what_is_cached(self, replaced: Session) -> None:
        assert replaced.names()["005930"] == "삼성전자"


def bars_of(kw: Session, series: Series) -> pd.DataFrame:
    """All cached bars of a series."""
    found, _ = kw.cache.read(series, *ALL_TIME)
    return pd.DataFrame({column.name: getattr(found, column.name) for column in fields(BarColumns)})


def a_page(kw: Session) -> object:
    """A page by itself: loads ask for the time before it, whose answer shows another server too."""
    kw._link.transport.login(20)  # as another session of that server may have done
    inputs = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
    return next(kw._link.pages("opt10081", inputs, Progress("", show=False)))


def test_a_page_of_another_process_with_the_same_prices_is_asked_for_again(
    market: Market, tmp_path: Path
) -> None:
    kw = market.connect()
    assert a_page(kw)
    market.server.stop(0)
    after = start(tmp_path, port=_port(market))
    assert eventually(lambda: _reachable(kw))
    with pytest.raises(ServerLost, match="started anew"):
        a_page(kw)
    kw.status()  # reads its time and login
    assert a_page(kw)
    after.close()


def _reachable(kw: Session) -> bool:
    try:
        kw._link.transport.status()
    except ServerLost:
        return False
    return True


class Swap:
    """Replaces a market's server by another on the same port, right before a request for pages."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.after: Market | None = None

    def before_request(self, kw: Session, number: int, **other: Any) -> None:
        """``other`` are what the new one's market is made of: a seed, or a folder of market data."""
        whole, left = kw._link.transport.pages, [number]

        def pages(tr: str, inputs: Any, **more: Any) -> Iterator[Any]:
            left[0] -= 1
            if left[0] == 0:
                now = seoul(self._market.clock.now())
                self._market.server.stop(0)
                self.after = start(self._market.folder, port=_port(self._market), now=now, **other)
            return whole(tr, inputs, **more)

        kw._link.transport.pages = pages  # type: ignore[method-assign,assignment]


@pytest.fixture
def swap(market: Market) -> Iterator[Swap]:
    found = Swap(market)
    yield found
    if found.after is not None:
        found.after.close()


class TestAServerThatIsReplacedInTheMiddle:
    def test_of_a_load_ends_it_and_only_what_came_before_is_kept(
        self, market: Market, swap: Swap, tmp_path: Path
    ) -> None:
        whole = market.connect("whole").daily("005930", "2010-01-01")
        kw = market.connect("cut")
        swap.before_request(kw, 3, seed=9)
        with pytest.raises(OtherPrices):
            kw.daily("005930", "2010-01-01")
        cached = kw.daily("005930", str(whole.index[-1200].date()))
        assert cached.attrs["trs"] == 0
        pd.testing.assert_frame_equal(cached, whole.iloc[-1200:], check_freq=False)
        assert [row.bars for row in kw.cache.info().itertuples()] == [1200]

    @pytest.mark.parametrize(
        "ask",
        [
            lambda kw: kw.daily(CODES, "2026-11-02"),
            lambda kw: kw.plan("daily", CODES, start="2026-11-02").run(),
            lambda kw: kw.info(CODES),
        ],
        ids=["list", "plan", "info"],
    )
    def test_of_several_codes_ends_all_of_them(
        self, market: Market, swap: Swap, ask: Callable[[Session], Any]
    ) -> None:
        right = market.connect("right").daily(CODES, "2026-11-02")
        kw = market.connect("cut")
        kw.find("삼성전자")
        swap.before_request(kw, 3, seed=9)
        with pytest.raises(OtherPrices):
            ask(kw)
        for code in {series.code for series in kw.cache.series()}:
            kept = kw.daily(code, "2026-11-02")
            pd.testing.assert_frame_equal(kept, right.xs(code), check_freq=False)

    def test_of_a_market_update_ends_it_and_what_came_before_is_kept(
        self, market: Market, swap: Swap
    ) -> None:
        right = market.connect("right")
        codes = list(right.names())[:150]  # two quote TRs
        right.update_market(codes, progress=False)
        kw = market.connect("cut")
        kw.find("삼성전자")
        swap.before_request(kw, 2, seed=9)
        with pytest.raises(OtherPrices):
            kw.update_market(codes, progress=False)
        kept = kw.cache.series()
        assert {series.code for series in kept} == set(codes[:100])
        for series in kept:
            pd.testing.assert_frame_equal(bars_of(kw, series), bars_of(right, series))

    def test_by_one_with_the_same_prices_costs_no_page(self, market: Market, swap: Swap) -> None:
        whole = market.connect("whole").daily("005930", "2018-01-01")
        kw = market.connect("cut")
        kw.find("삼성전자")
        swap.before_request(kw, 3, seed=1)
        frame = kw.daily("005930", "2018-01-01")
        pd.testing.assert_frame_equal(frame, whole, check_freq=False)
        assert frame.attrs["trs"] == whole.attrs["trs"]
        assert kw.codes("KONEX").index.tolist()


class TestMarketDataThatIsReplaced:
    """By other files for the same issues: one figure differs, of an issue that is not asked for first."""

    FIRST, SECOND = GOOD, OTHER

    @pytest.fixture
    def given(self, tmp_path: Path) -> Iterator[Market]:
        found = start(tmp_path, market_data=self._prices(tmp_path / "one", 10_000))
        yield found
        found.close()

    def _prices(self, folder: Path, price: int) -> Path:
        listing(folder, {self.FIRST: "가나전자", self.SECOND: "마바통신"})
        days_of(folder, self.FIRST, "2026-01-02", "2026-11-20")
        days_of(folder, self.SECOND, "2026-01-02", "2026-11-20", price)
        return folder

    @pytest.mark.parametrize(
        "ask",
        [
            lambda kw, codes: kw.daily(codes, "2026-06-01"),
            lambda kw, codes: kw.plan("daily", codes, start="2026-06-01").run(),
            lambda kw, codes: [kw.info(code) for code in codes],
            lambda kw, codes: [kw.quotes(code) for code in codes],
        ],
        ids=["list", "plan", "info", "quotes"],
    )
    def test_in_the_middle_is_refused_and_only_what_came_before_is_kept(
        self, given: Market, tmp_path: Path, ask: Callable[[Session, list[str]], Any]
    ) -> None:
        codes = [self.FIRST, self.SECOND]
        right = given.connect("right").daily(codes, "2026-06-01")
        kw = given.connect("cut")
        kw.find("전자")
        swap = Swap(given)
        swap.before_request(kw, 2, market_data=self._prices(tmp_path / "other", 20_000))
        with pytest.raises(OtherPrices, match=r"given:.*given:.*kl.connect\(\)"):
            ask(kw, codes)
        assert swap.after is not None
        swap.after.close()
        for code in {series.code for series in kw.cache.series()}:
            pd.testing.assert_frame_equal(kw.daily(code, "2026-06-01"), right.xs(code), check_freq=False)


class CutAtCall:
    """Cuts the broker's connection at the control function call of that number, among those of a listing."""

    def __init__(self, market: Market, number: int) -> None:
        self._broker, self._left, self.happened = market.broker, number, False
        self._call = market.broker.call

    def __enter__(self) -> CutAtCall:
        self._broker.call = self._counted
        return self

    def __exit__(self, *_: object) -> None:
        self._broker.call = self._call

    def _counted(self, name: str, arguments: Any) -> Any:
        if name.startswith(("GetMaster", "GetCodeList", "KOA_", "GetLoginInfo")):
            self._left -= 1
            if self._left == 0:
                self.happened = True
                self._broker.lose_connection()
        return self._call(name, arguments)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A market whose connection is cut time and again."""
    with whole_market():
        found = start(tmp_path_factory.mktemp("cut"))
    with every_name_asked():
        yield found
    found.close()


class TestAConnectionThatIsCut:
    # Of the 9 lists and the 2,879 names.
    @pytest.mark.parametrize("number", [1, 2, 9, 10, 509, 510, 2_009, 2_010, 2_888])
    def test_at_any_point_of_a_listing_leaves_it_as_it_is_without_a_cut(
        self, broker: Market, number: int
    ) -> None:
        right = broker.connect("right")
        shutil.rmtree(broker.folder / "cut", ignore_errors=True)
        with broker.connect("cut") as kw, CutAtCall(broker, number) as cut:
            assert kw.names() == right.names()
        assert cut.happened
        with broker.connect("cut") as again:
            for market in ("KOSPI", "etf"):
                assert again._listing().of(market) == right._listing().of(market)

    @pytest.mark.slow
    @pytest.mark.parametrize("number", [2_889, 9_001])
    def test_leaves_the_values_of_the_whole_market_as_they_are(self, broker: Market, number: int) -> None:
        right = broker.connect("right").codes()
        shutil.rmtree(broker.folder / "cut", ignore_errors=True)
        with broker.connect("cut") as kw, CutAtCall(broker, number) as cut:
            pd.testing.assert_frame_equal(kw.codes(), right)
        assert cut.happened
        with broker.connect("cut") as again:
            pd.testing.assert_frame_equal(again.codes(), right)

    @pytest.mark.parametrize(
        ("number", "ask"),
        [
            (1, lambda kw: dict(kw.indices()["name"])),
            (3, lambda kw: dict(kw.indices()["name"])),
            (1, lambda kw: list(kw.accounts)),
            (2, lambda kw: kw.find("삼성").to_dict()),
            (5, lambda kw: kw.codes("KONEX").to_dict()),
        ],
    )
    def test_does_not_empty_an_answer_of_master_functions(
        self, broker: Market, number: int, ask: Callable[[Session], Any]
    ) -> None:
        expected = ask(broker.connect("right"))
        shutil.rmtree(broker.folder / "cut", ignore_errors=True)
        with broker.connect("cut") as kw, CutAtCall(broker, number) as cut:
            assert ask(kw) == expected
        assert expected
        assert cut.happened


def test_a_blank_of_a_broker_that_is_away_is_an_error_and_no_answer(tmp_path: Path) -> None:
    market = start(tmp_path, reconnect=ReconnectSettings(again=False))
    kw = market.connect()
    assert kw.call.GetMasterCodeName("000000") == ""  # there is none, and the broker says so
    market.look(SimulatedControl.lose_connection)
    for name, *arguments in (
        ("GetMasterCodeName", "005930"),
        ("GetCodeListByMarket", "0"),
        ("GetLoginInfo", "ACCLIST"),
        ("GetMasterListedStockCnt", "005930"),
        ("KOA_Functions", "GetUpjongCode", "0"),
    ):
        with pytest.raises(NotConnected, match="answers nothing"):
            kw._link.call(name, *arguments, needs_login=True)
    assert kw.call.GetConnectState() == 0
    # What may be sent again is, after a login, which costs nothing here.
    assert kw.call.GetMasterCodeName("005930") == "삼성전자"
    market.close()
