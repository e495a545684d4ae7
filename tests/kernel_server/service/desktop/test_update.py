"""The version update: the box that asks for it is confirmed, and what comes after it is waited for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kernel_server.service.desktop.login import LoginWindow
from kernel_server.service.desktop.update import UpdateSettings, VersionUpdate
from kernel_server.service.desktop.watch import DesktopWatch
from kernel_server.service.maintenance import UpdateOfOpenApi
from kernel_server.supervised import UPDATE_EXIT
from tests.fakes.desktop import FakeDesktop, FakeWindow

MESSAGE = "버전처리 중입니다. OpenAPI를 사용하는 프로그램을 종료하십시오."


class Bench:
    """A desktop whose windows come after so many seconds; ``now`` is its time."""

    def __init__(self, stop_at: float | None = None) -> None:
        self.now = 0.0
        self.stop_at = stop_at
        self.desktop = FakeDesktop()
        self.later: list[tuple[float, Callable[[], None]]] = []
        settings = UpdateSettings(appear=60, end=600, look=1)
        self.update = VersionUpdate(self.desktop, self.wait, lambda: self.now, settings)

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        for due, call in self.later:
            if due <= self.now:
                call()
        self.later = [one for one in self.later if one[0] > self.now]
        return self.stop_at is not None and self.now >= self.stop_at

    def appears(self, window: FakeWindow, after: float = 0.0) -> FakeWindow:
        self.later.append((self.now + after, lambda: self.desktop.open.append(window)))
        if not after:
            self.wait(0)
        return window

    def box(self, then: FakeWindow | None = None, after: float = 30.0) -> FakeWindow:
        """The box that asks; once it is pressed it is gone, and the other window comes some time after."""
        box = FakeWindow("opstarter", [MESSAGE])

        def pressed(_control: int) -> None:
            self.desktop.open.remove(box)
            if then is not None:
                self.appears(then, after)

        box._on_press = pressed
        return box


def test_it_is_confirmed_and_its_end_is_closed() -> None:
    bench, done = Bench(), FakeWindow("업그레이드 확인", ["완료되었습니다"])
    box = bench.appears(bench.box(done))
    assert bench.update.asked_for()
    assert bench.update.perform()
    assert box.pressed == [2]
    assert done.closed
    assert not bench.update.asked_for()


def test_the_box_may_come_after_the_server_has_ended() -> None:
    bench = Bench()
    bench.appears(bench.box(FakeWindow("업그레이드 확인")), after=20)
    assert bench.update.perform()


def test_other_boxes_under_that_title_are_no_update() -> None:
    bench = Bench()
    bench.appears(FakeWindow("opstarter", ["서버에 접속할 수 없습니다"]))
    assert not bench.update.asked_for()
    assert not bench.update.perform()
    assert bench.now == 60


def test_one_that_fails_is_said_with_its_message(caplog: pytest.LogCaptureFixture) -> None:
    bench, failed = Bench(), FakeWindow("opversionup", ["파일이 사용 중입니다"])
    bench.appears(bench.box(failed))
    assert not bench.update.perform()
    assert failed.closed
    assert "파일이 사용 중입니다" in caplog.text
    assert "KOA Studio" in caplog.text


def test_one_without_an_end_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.appears(bench.box())
    assert not bench.update.perform()
    assert bench.now == 600
    assert "has not ended" in caplog.text


def test_a_box_that_is_closed_by_a_person_is_no_error() -> None:
    bench = Bench()
    box = bench.appears(bench.box())
    box.gone = True
    assert not bench.update.perform()


def test_for_a_box_that_cannot_be_confirmed_the_server_is_ended_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    box = bench.appears(bench.box())
    monkeypatch.setattr(box, "buttons", list)
    assert bench.update.asked_for()
    assert not bench.update.perform()
    assert "cannot be confirmed" in caplog.text
    assert not bench.update.asked_for()
    watch = DesktopWatch(bench.desktop, LoginWindow(lambda: None), bench.update)
    watch.look()
    assert MESSAGE in watch.problem


def test_the_services_end_ends_the_wait() -> None:
    bench = Bench(stop_at=5)
    assert not bench.update.perform()
    assert bench.now == 5


class TestForTheSupervisor:
    def test_it_is_due_while_the_box_is_there(self) -> None:
        bench = Bench()
        update = UpdateOfOpenApi(bench.update)
        assert not update.due()
        bench.appears(bench.box(FakeWindow("업그레이드 확인")))
        assert update.due()
        assert update.perform()
        assert not update.due()
        assert update.exit_code == UPDATE_EXIT

    def test_without_a_desktop_a_person_has_to_confirm_it(self, caplog: pytest.LogCaptureFixture) -> None:
        update = UpdateOfOpenApi(None)
        assert not update.due()
        assert not update.perform()
        assert "confirm its window" in caplog.text
