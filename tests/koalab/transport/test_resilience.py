"""What goes wrong: servers that go away, interrupts, changed prices. Nothing is lost, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import koalab as kl
from kernel_server.simulated.market.synthetic.market import source_name
from kernel_server.wire import kernel_pb2
from koalab import ServerLost
from koalab.link import Link
from koalab.sessions.session import Session
from koalab.transport.base import Page, QueuePosition
from koalab.transport.embedded import EmbeddedTransport
from tests.support.session import Market
from tests.support.waiting import HANGS_AFTER, eventually


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that ended but was not waited for is still listed.
    return not Path(f"/proc/{pid}/stat").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Session]:
    """A session with a server process of its own, which after five TRs wants a rest of 18 seconds."""
    with kl.connect(cache_dir=tmp_path / "cache", limits="safe") as session:
        yield session


def transport_of(session: Session) -> EmbeddedTransport:
    transport = session._link.transport
    assert isinstance(transport, EmbeddedTransport)
    return transport


def after_page(session: Session, number: int, call: Callable[[], None]) -> list[dict[str, str]]:
    """Calls ``call()`` once, when so many pages have been taken in; gives the inputs of every request from here on."""
    transport = session._link.transport
    whole, asked, seen = transport.pages, [], [0]

    def pages(tr: str, inputs: Any, **more: Any) -> Generator[Page | QueuePosition, None, None]:
        asked.append(dict(inputs))
        for item in whole(tr, inputs, **more):
            yield item
            if isinstance(item, Page):
                seen[0] += 1
                if seen[0] == number:
                    call()

    transport.pages = pages  # type: ignore[method-assign]
    return asked


class TestAServerThatDies:
    def test_in_the_middle_of_a_load_is_started_again_and_no_page_is_lost(
        self, embedded: Session, tmp_path: Path
    ) -> None:
        killed = transport_of(embedded).pid
        asked = after_page(embedded, 5, lambda: os.kill(killed, signal.SIGKILL))
        frame = embedded.daily("005930", "2010-01-01", "2026-11-13")
        # Every request goes on behind the last page that came, and the pages are as many as without a death.
        ends = [pd.Timestamp(inputs["기준일자"]) for inputs in asked]
        ends = sorted(set(ends), reverse=True)
        assert ends[1:] == [frame.index[-n * 600] - pd.Timedelta(days=1) for n in range(1, len(ends))]
        assert frame.attrs["trs"] == len(ends) == -(-len(frame) // 600)
        with kl.connect(cache_dir=tmp_path / "other", clock="stepped") as fresh:
            expected = fresh.daily("005930", "2010-01-01", "2026-11-13")
        pd.testing.assert_frame_equal(frame, expected, check_freq=False)

    def test_leaves_what_was_loaded_readable(self, embedded: Session) -> None:
        held = embedded.daily("005930", "2026-01-01", "2026-11-13")
        os.kill(transport_of(embedded).pid, signal.SIGKILL)
        again = embedded.daily("005930", "2026-01-01", "2026-11-13")
        assert again.attrs["trs"] == 0
        pd.testing.assert_frame_equal(held, again, check_freq=False)
        assert "server gone" in repr(embedded)

    def test_for_good_is_told_and_keeps_the_pages_that_came(
        self, slow_market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("koalab.link.recovery.RECOVER_TIMEOUT", 0.5)
        kw = slow_market.connect()
        kw.find("삼성전자")
        after_page(kw, 5, lambda: slow_market.server.stop(0))
        with pytest.raises(ServerLost, match="no kernel server answers"):
            kw.daily("005930", "2010-01-01", "2026-11-13")
        (row,) = kw.cache.info().itertuples(index=False)
        assert row.bars == 5 * 600
        assert kw.cache.verify() == []
        assert kw.daily("005930", "2024-01-01", "2026-11-13").attrs["trs"] == 0

    def test_between_two_loads_is_noticed_by_the_next(self, embedded: Session) -> None:
        embedded.find("삼성전자")
        os.kill(transport_of(embedded).pid, signal.SIGKILL)
        assert len(embedded.daily("005930", "2026-11-09", "2026-11-13")) == 5

    def test_does_not_take_an_answer_it_gave_with_it(self, embedded: Session) -> None:
        embedded.find("삼성전자")
        os.kill(transport_of(embedded).pid, signal.SIGKILL)
        assert embedded.tr("opt10001", 종목코드="005930").single["종목명"] == "삼성전자"


class TestAServerThatLives:
    """An embedded one is never restarted: its account, limits and streams would be lost."""

    def test_and_lost_its_broker_is_waited_for(self, tmp_path: Path) -> None:
        with kl.connect(cache_dir=tmp_path / "cache", clock="stepped") as kw:
            transport = transport_of(kw)
            pid, spent = transport.pid, kw.status()["quota"]
            transport._stub.Fault(kernel_pb2.FaultRequest(kind="cut"), timeout=HANGS_AFTER)
            assert len(kw.daily("005930", "2026-11-09", "2026-11-13")) == 5
            assert transport_of(kw).pid == pid
            assert transport._stub is transport_of(kw)._stub
            assert [one["kind"] for one in kw.status()["quota"]] == [one["kind"] for one in spent]

    def test_and_has_fallen_silent_is_waited_for(
        self, embedded: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("koalab.transport.silence.SILENCE_TIMEOUT", 0.4)
        monkeypatch.setattr("koalab.link.connection.TIME_TIMEOUT", 0.2)
        monkeypatch.setattr("koalab.link.connection.CALL_TIMEOUT", 0.4)
        embedded.find("삼성전자")
        frozen = transport_of(embedded).pid
        os.kill(frozen, signal.SIGSTOP)
        try:
            monkeypatch.setattr("koalab.link.recovery.RECOVER_TIMEOUT", 0.2)
            with pytest.raises(ServerLost, match=rf"process {frozen}\) lives.*not restarted"):
                embedded.daily("005930", "2026-11-09", "2026-11-13")
            monkeypatch.setattr("koalab.link.recovery.RECOVER_TIMEOUT", 20.0)
            monkeypatch.setattr("koalab.link.connection.CALL_TIMEOUT", 20.0)
        finally:
            os.kill(frozen, signal.SIGCONT)
        assert len(embedded.daily("005930", "2026-11-09", "2026-11-13")) == 5
        assert transport_of(embedded).pid == frozen


class TestABrokersConnectionThatIsLost:
    def test_in_the_middle_of_a_load_is_waited_for_and_no_page_is_lost(
        self, market: Market, tmp_path: Path
    ) -> None:
        kw, whole = market.connect("cut"), market.connect("whole").daily("005930")
        host = market.server.host

        def cut() -> None:
            host.thread.post(lambda: host.control.faults.restart(180.0)).result(HANGS_AFTER)  # type: ignore[attr-defined]

        requests = after_page(kw, 4, cut)
        frame = kw.daily("005930")
        pd.testing.assert_frame_equal(frame, whole, check_freq=False)
        # What was under way had to be asked for again, if anything was; no page that had come was.
        ends = [inputs["기준일자"] for inputs in requests]
        assert len(set(ends)) == -(-len(whole) // 600)
        assert len(ends) - len(set(ends)) <= 1
        assert market.server.reconnector.losses == 1
        assert kw.status()["connected"]

    def test_fails_waiting_requests_at_once(self, market: Market) -> None:
        kw, host = market.connect(), market.server.host

        def cut_soon() -> None:
            host.control.faults.slow_down(5.0)  # type: ignore[attr-defined]
            market.clock.call_at(
                market.clock.now() + 1.0,
                lambda: host.thread.hand_over(host.control.lose_connection),  # type: ignore[attr-defined]
                background=True,
            )

        host.thread.post(cut_soon).result(HANGS_AFTER)
        with pytest.raises(ServerLost, match="logs in again by itself"):
            list(kw._link.transport.pages("opt10001", {"종목코드": "005930"}))


class TestAnInterrupt:
    def test_in_the_middle_of_a_load_leaves_nothing_registered_or_half_written(self, kw: Session) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        kw.find("삼성전자")
        after_page(kw, 3, interrupt)
        with pytest.raises(KeyboardInterrupt):
            kw.daily("005930", "2010-01-01")
        assert eventually(lambda: kw.status()["streams"] == 0)
        assert kw.status()["queue"] == 0
        assert kw.cache.verify() == []

    def test_is_followed_by_a_load_that_goes_on_where_it_stopped(self, kw: Session) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        kw.find("삼성전자")
        after_page(kw, 4, interrupt)
        with pytest.raises(KeyboardInterrupt):
            kw.daily("005930", "2010-01-01", adjusted=False)
        frame = kw.daily("005930", "2010-01-01", adjusted=False)
        pages = -(-len(frame) // 600)
        assert frame.attrs["trs"] == pages - 4
        assert frame.attrs["cache_hits"] == 4 * 600

    def test_by_ctrl_c_ends_a_wait_for_the_limits_at_once(self, tmp_path: Path) -> None:
        program = (
            "import koalab as kl, sys\n"
            f"kw = kl.connect(cache_dir={str(tmp_path / 'cache')!r}, limits='safe')\n"
            "kw.find('삼성전자')\n"
            "print(kw._link.transport.pid, flush=True)\n"
            "kw.daily('005930', end='2026-11-13')\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        server = int(process.stdout.readline())
        cached = tmp_path / "cache"
        assert eventually(lambda: _bars_in(cached) >= 5 * 600)  # five pages, then 18 s of rest
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=HANGS_AFTER)
        assert b"KeyboardInterrupt" in errors
        assert _bars_in(cached) == 5 * 600  # it has not rested and gone on
        assert eventually(lambda: not alive(server))

    def test_that_leaves_a_call_without_an_end_keeps_neither_the_process_nor_its_server(
        self, tmp_path: Path
    ) -> None:
        program = (
            "import threading, koalab as kl\n"
            f"kw = kl.connect(cache_dir={str(tmp_path / 'cache')!r})\n"
            "print(kw._link.transport.pid, flush=True)\n"
            "kw._link.transport._channel.close = threading.Event().wait  # gRPC waits for the end of every call\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=HANGS_AFTER, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert eventually(lambda: not alive(int(done.stdout)))


def _bars_in(folder: Path) -> int:
    from koalab.store.bars import BarStore

    sources = list(folder.glob("*synthetic*")) if folder.exists() else []
    if not sources:
        return 0
    store = BarStore(folder, f"simulated:{source_name(1)}")
    try:
        return int(store.info()["bars"].sum())
    finally:
        store.close()


class TestTheEmbeddedServer:
    def test_is_gone_with_its_session(self, tmp_path: Path) -> None:
        with kl.connect(cache_dir=tmp_path) as session:
            pid = transport_of(session).pid
            assert alive(pid)
        assert not alive(pid)

    def test_is_gone_when_the_session_is_garbage_collected(self, tmp_path: Path) -> None:
        session = kl.connect(cache_dir=tmp_path, shared=False)
        pid = transport_of(session).pid
        del session
        assert eventually(lambda: not alive(pid))

    @pytest.mark.parametrize(
        "end", ["", "import os; os._exit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    )
    def test_is_gone_with_its_parent_however_that_ends(self, tmp_path: Path, end: str) -> None:
        program = (
            "import koalab as kl\n"
            f"kw = kl.connect(cache_dir={str(tmp_path)!r})\n"
            "print(kw._link.transport.pid, flush=True)\n" + end
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=HANGS_AFTER, check=False
        )
        pid = int(done.stdout)
        assert eventually(lambda: not alive(pid))

    def test_is_gone_though_a_child_that_the_parent_forked_lives_on(self, tmp_path: Path) -> None:
        program = (
            "import os, signal, sys, koalab as kl\n"
            f"kw = kl.connect(cache_dir={str(tmp_path)!r})\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    signal.alarm(300)\n"
            "    signal.pause()\n"
            "print(kw._link.transport.pid, child, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        pid, child = (int(text) for text in process.stdout.readline().split())
        try:
            assert eventually(lambda: not alive(pid))
        finally:
            os.kill(child, signal.SIGKILL)
            process.wait(HANGS_AFTER)
            process.stdout.close()

    def test_that_cannot_start_says_why(self, tmp_path: Path) -> None:
        (tmp_path / "daily").mkdir()
        (tmp_path / "daily" / "005930.csv").write_text("nothing,of,use\n1,2,3\n")
        with pytest.raises(kl.NotConnected, match=r"005930\.csv"):
            kl.connect(market_data=tmp_path, cache_dir=tmp_path / "cache")

    def test_of_two_notebooks_are_two(self, tmp_path: Path) -> None:
        with kl.connect(cache_dir=tmp_path) as one, kl.connect(cache_dir=tmp_path, shared=False) as two:
            assert transport_of(one).pid != transport_of(two).pid
            one.daily("005930", "2026-01-01", "2026-11-13")
            assert two.daily("005930", "2026-01-01", "2026-11-13").attrs["trs"] == 0


class TestConnecting:
    def test_to_nothing_is_told_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(kl.NotConnected, match="koalab serve"):
            kl.connect("127.0.0.1:9", timeout=0.5, cache_dir=tmp_path)

    @pytest.mark.parametrize(
        "target", ["", ":", "host:", "host:port", "host:0", "host:99999", "http://host:5943", "a b:1"]
    )
    def test_to_what_is_no_address(self, target: str) -> None:
        from koalab.transport.remote import parse_target

        with pytest.raises(kl.BadInput, match="host:port"):
            parse_target(target)

    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("pc", "pc:5943"),
            ("10.0.0.1:1", "10.0.0.1:1"),
            ("[::1]:7", "[::1]:7"),
            ("::1", "[::1]:5943"),
            ("[::1]", "[::1]:5943"),
        ],
    )
    def test_to_an_address_as_people_write_it(self, given: str, meant: str) -> None:
        from koalab.transport.remote import parse_target

        assert parse_target(given) == meant

    @pytest.mark.parametrize(
        "options",
        [
            {"clock": "slow"},
            {"clock": "fast:0"},
            {"seed": "x"},
            {"seed": True},
            {"limits": "none"},
            {"market_data": "/no/such"},
        ],
    )
    def test_with_what_makes_no_sense(self, options: dict[str, Any], tmp_path: Path) -> None:
        with pytest.raises(kl.BadInput):
            kl.connect(cache_dir=tmp_path, **options)

    def test_to_a_server_with_options_that_are_an_embedded_ones(self) -> None:
        with pytest.raises(kl.BadInput, match="embedded"):
            kl.connect("127.0.0.1:9", seed=7)

    def test_takes_the_target_from_the_environment(
        self, market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("KOALAB_TARGET", market.server.address)
        with kl.connect(cache_dir=tmp_path) as session:
            assert session.status()["server"]["target"] == market.server.address

    def test_a_closed_session_says_so(self, market: Market) -> None:
        kw = market.connect()
        kw.close()
        assert "closed" in repr(kw)
        with pytest.raises(kl.NotConnected, match="closed"):
            kw.status()


def test_prices_that_changed_their_basis_are_loaded_anew_and_never_mixed(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    kw = market.connect()
    old = kw.daily("005930", "2024-01-01", "2026-11-13")
    # From here on the broker's adjusted prices are a tenth: there was a split.
    whole = kw._link.transport.pages

    def split(tr: str, inputs: Any, **more: Any) -> Generator[Page | QueuePosition, None, None]:
        for item in whole(tr, inputs, **more):
            if isinstance(item, Page) and tr == "opt10081":
                columns = list(item.columns)
                for field in (1, 5, 6, 7):
                    columns[field] = "\n".join(
                        str(int(text) // 10) for text in columns[field].split("\n") if text
                    )
                item = replace(item, columns=columns)
            yield item

    monkeypatch.setattr(kw._link.transport, "pages", split)
    new = kw.daily("005930", "2024-01-01", "2026-11-20")
    assert (new["close"].loc[old.index] == old["close"] // 10).all()
    assert new["close"].pct_change().abs().max() < 0.31
    assert kw.daily("005930", "2024-01-01", "2026-11-20").attrs["trs"] == 0


def test_nothing_where_something_was_asked_for_is_told_in_the_brokers_words(kw: Session) -> None:
    with pytest.warns(UserWarning, match="아직 채우지 않는"):
        answer = kw.tr("opt10050", 종목코드="005930")
    assert answer.multi.attrs["messages"] == ["모의 브로커가 아직 채우지 않는 TR입니다: 빈 값으로 답합니다"]
    with pytest.warns(UserWarning, match="종목코드 오류"):
        assert kw.tr("opt10001", 종목코드="999999").single.isna().all()


def test_two_sessions_load_the_same_at_once_and_both_are_right(market: Market) -> None:
    frames: dict[int, pd.DataFrame] = {}
    sessions = [market.connect(), market.connect()]
    for session in sessions:
        session.find("삼성전자")

    def load(number: int) -> None:
        frames[number] = sessions[number].daily("000660", "2015-01-01")

    threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANGS_AFTER)
    pd.testing.assert_frame_equal(frames[0], frames[1], check_freq=False)
    assert sessions[0].cache.verify() == []


def test_the_link_tells_the_brokers_time_without_asking(market: Market) -> None:
    from koalab.transport.remote import RemoteTransport

    passed = [0.0]
    link = Link(RemoteTransport(market.server.address), monotonic=lambda: passed[0])
    status = link.last_status()
    assert status.speed == 0.0
    assert link.now() == pytest.approx(market.clock.now())
    object.__setattr__(status, "speed", 60.0)
    before = link.now()
    passed[0] = 2.0
    assert link.now() == pytest.approx(before + 120.0)
    link.close()


def test_a_cache_that_cannot_be_used_costs_trs_and_nothing_else(
    market: Market, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    kw = market.connect("file")
    for _ in range(2):
        frame = kw.daily("삼성전자", "2026-11-09", "2026-11-13")
        assert (len(frame), frame.attrs["trs"]) == (5, 1)
        assert kw.info("005930")["name"] == "삼성전자"
        assert len(kw.find("삼성")) > 5
    assert "error" in kw.status()["cache"]
    assert "cannot be used" in caplog.text
