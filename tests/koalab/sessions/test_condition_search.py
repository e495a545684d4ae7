"""조건검색 in a session: which conditions there are, what fulfils them, and the minute between two searches."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import koalab as kl
from koalab.loaders import condition_search
from koalab.sessions.session import Session
from koalab.transport.base import FoundCodes, QueuePosition
from koalab.transport.conditions import codes_of
from tests.support.session import Market, start
from tests.support.waiting import becomes, eventually


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """One for all of these tests: looking at the whole market for the first time takes seconds."""
    found = start(tmp_path_factory.mktemp("market"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def slow_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """One whose clock runs as real ones do, so that each of its tests takes another condition."""
    found = start(tmp_path_factory.mktemp("slow"), running=True)
    yield found
    found.close()


def found_by(market: Market, index: int) -> list[str]:
    """What the broker's own screening finds."""

    def look(broker: Any) -> list[str]:
        conditions = broker._conditions
        return list(conditions._screening.screen(conditions._saved[index], market.clock.now()))

    return market.look(look)


def test_are_those_that_the_broker_has(kw: Session) -> None:
    frame = kw.conditions()
    assert frame.index.name == "index"
    assert frame.loc[1, "name"] == "중소형 저평가주"
    assert (str(frame.index.dtype), str(frame["name"].dtype)) == ("int64", "str")
    assert frame.attrs["trs"] == 0
    assert kw.status()["trs"] == 0


class TestASearch:
    def test_gives_what_the_broker_finds_with_names(self, market: Market, kw: Session) -> None:
        frame = kw.screen("중소형 저평가주")
        assert list(frame.index) == found_by(market, 1)
        assert len(frame) > 1
        assert frame["name"].to_dict() == {code: kw.names()[code] for code in frame.index}
        assert (frame.attrs["condition"], frame.attrs["condition_index"]) == ("중소형 저평가주", 1)
        assert (frame.attrs["tr"], frame.attrs["trs"]) == ("SendCondition", 1)

    @pytest.mark.parametrize("wanted", [1, "1", " 중소형저평가주 "])
    def test_goes_by_name_or_number(self, kw: Session, wanted: str | int) -> None:
        assert kw.screen(wanted).attrs["condition_index"] == 1

    def test_comes_with_quotes_where_asked_for(self, kw: Session) -> None:
        frame = kw.screen(7, info=True)
        codes = list(frame.index)
        assert len(codes) > 200  # of three TRs
        quotes = kw.quotes(codes)  # some seconds later: prices have gone on
        still = ["name", "base_price", "upper_limit", "lower_limit"]
        pd.testing.assert_frame_equal(frame[still], quotes[still])
        pd.testing.assert_series_equal(frame.dtypes, quotes.dtypes)
        assert frame.attrs["trs"] == 1 + -(-len(codes) // 100)
        assert frame.attrs["tr"] == "OPTKWFID"

    def test_has_the_brokers_own_names_where_asked_for(self, kw: Session) -> None:
        assert list(kw.screen(7, columns="ko").columns) == ["종목명"]
        assert "현재가" in kw.screen(1, info=True, columns="ko")

    def test_that_finds_nothing_is_empty_and_typed(
        self, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            kw._link.transport,
            "search",
            lambda _index, _name: (one for one in [FoundCodes([], kw._link.last_status().origin)]),
        )
        for info in (False, True):
            nothing = kw.screen(1, info=info)
            assert len(nothing) == 0
            assert nothing.index.name == "code"
            assert str(nothing["name"].dtype) == "str"

    def test_reads_lists_with_prices(self) -> None:
        assert codes_of("900290^1225;005930^77000;") == ["900290", "005930"]
        assert codes_of("") == []


class TestAConditionThatThereIsNot:
    def test_is_told_with_its_neighbours_before_anything_is_sent(self, kw: Session) -> None:
        with pytest.raises(kl.UnknownCode, match=r"did you mean 중소형 저평가주 \(1\)") as error:
            kw.screen("중소형 저평가")
        assert ("1", "중소형 저평가주") in error.value.near
        with pytest.raises(kl.UnknownCode, match=r"there are: 대형 저평가 우량주 \(0\)"):
            kw.screen(99)
        for wrong in (None, "", True, 1.0, ["1"]):
            with pytest.raises(kl.BadInput, match=r"kw\.conditions\(\)"):
                kw.screen(wrong)  # type: ignore[arg-type]
        with pytest.raises(kl.BadInput):
            kw.screen(1, columns="xx")  # type: ignore[arg-type]
        assert kw.status()["trs"] == 0

    def test_may_have_been_saved_since_they_were_downloaded(
        self, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        def conditions(reload: bool) -> dict[int, str]:
            asked.append(reload)
            return {0: "오래된", 1: "새"} if reload else {0: "오래된"}

        monkeypatch.setattr(kw._link, "conditions", conditions)
        assert condition_search.find(kw._link, kw._memo, "새") == (1, "새")
        assert asked == [False, True]

    def test_may_be_two(self, kw: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kw._link, "conditions", lambda reload: {0: "골든", 3: "골든"})
        with pytest.raises(kl.BadInput, match="by number, 0, 3"):
            condition_search.find(kw._link, kw._memo, "골든")
        assert condition_search.find(kw._link, kw._memo, 3) == (3, "골든")

    def test_may_be_called_as_a_number_is(self, kw: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kw._link, "conditions", lambda reload: {0: "3", 3: "골든"})
        assert condition_search.find(kw._link, kw._memo, "3") == (0, "3")
        assert condition_search.find(kw._link, kw._memo, 3) == (3, "골든")


class TestTheSameConditionOnceMore:
    def test_waits_for_its_minute(self, market: Market) -> None:
        kw = market.connect()
        kw.screen(1)
        before = market.clock.now()
        kw.screen(2)
        assert market.clock.now() - before < 30
        kw.screen(1)
        assert market.clock.now() - before >= 59

    def test_says_how_long_while_it_waits(self, slow_market: Market) -> None:
        kw = slow_market.connect()
        kw.screen(1)
        found = kw._link.transport.search(1, "중소형 저평가주")
        places = [next(found), next(found), next(found)]
        found.close()
        assert all(isinstance(place, QueuePosition) for place in places)
        waits = [place.expected_wait for place in places if isinstance(place, QueuePosition)]
        assert 0 < waits[2] < waits[1] <= waits[0] <= 60
        becomes(lambda: kw.status()["queue"], 0)

    def test_shows_that_in_the_bar(self, slow_market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        kw = slow_market.connect()
        kw.screen(2)
        shown: list[float] = []
        stop = threading.Event()

        def waiting(_self: Any, place: QueuePosition) -> None:
            shown.append(place.expected_wait)
            if len(shown) > 2:
                stop.set()
                raise KeyboardInterrupt

        monkeypatch.setattr("koalab.progress.Progress.waiting", waiting)
        with pytest.raises(KeyboardInterrupt):
            kw.screen(2)
        assert stop.is_set()
        assert 0 < shown[-1] < shown[0] <= 60
        becomes(lambda: kw.status()["queue"], 0)
        becomes(lambda: kw.status()["streams"], 0)

    def test_can_be_interrupted_and_leaves_nothing_behind(self, slow_market: Market) -> None:
        kw, look = slow_market.connect(), slow_market.connect()
        kw.screen(3)

        def interrupt() -> None:
            eventually(lambda: look.status()["queue"] == 1)
            signal.raise_signal(signal.SIGINT)

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            kw.screen(3)
        interrupting.join()
        becomes(lambda: kw.status()["queue"], 0)
        becomes(lambda: kw.status()["streams"], 0)
        assert kw.screen(4).attrs["trs"] == 1


def test_a_search_whose_answer_is_lost_ends(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    kw = market.connect()
    monkeypatch.setattr("kernel_server.rpc.condition.FOUND_WITHIN", 0.2)
    market.look(lambda broker: broker.faults.lose("OnReceiveTrCondition", 1))
    with pytest.raises(kl.NoAnswer, match=r"no OnReceiveTrCondition within 0\.2 s"):
        kw.screen(1)


def test_a_search_goes_on_with_a_server_that_came_back(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    kw = market.connect()
    served, asked = kw._link.transport.search, []

    def search(index: int, name: str) -> Any:
        asked.append(index)
        if len(asked) == 1:
            raise kl.ServerLost("gone")
        return served(index, name)

    monkeypatch.setattr(kw._link.transport, "search", search)
    assert list(kw.screen(1).index) == found_by(market, 1)
    assert asked == [1, 1]
