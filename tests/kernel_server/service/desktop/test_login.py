"""The login window is filled in once, and no more where the password seems to be wrong."""

from __future__ import annotations

import logging

import pytest

from kernel_server.service.desktop import kiwoom
from kernel_server.service.desktop.credential import Credential
from kernel_server.service.desktop.login import MOST_TRIES, LoginWindow
from kernel_server.service.desktop.update import VersionUpdate
from kernel_server.service.desktop.watch import DesktopWatch
from tests.fakes.desktop import FakeDesktop, FakeLogin, FakeWindow

PAPER = Credential("hong", "geheim")
REAL = Credential("hong", "geheim", "zertifikat")


class Bench:
    """A watch over a desktop, with the stored credential."""

    def __init__(self, credential: Credential | None) -> None:
        self.credential = credential
        self.desktop = FakeDesktop()
        self.login = LoginWindow(lambda: self.credential)
        update = VersionUpdate(self.desktop, lambda _: True, lambda: 0.0)
        self.watch = DesktopWatch(self.desktop, self.login, update)

    def shows(self, window: FakeWindow) -> FakeWindow:
        """The window, after a look at it as the only one."""
        self.desktop.open = [window]
        self.watch.look()
        return window


class TestOnePaperTrading:
    def test_it_gets_id_and_password(self) -> None:
        window = Bench(PAPER).shows(FakeLogin())
        assert window.written == {kiwoom.USER: "hong", kiwoom.PASSWORD: "geheim"}
        assert window.pressed == [kiwoom.LOGIN_BUTTON]

    def test_the_box_is_ticked_first(self) -> None:
        window = Bench(PAPER).shows(FakeLogin(paper=False))
        assert window.pressed == [kiwoom.PAPER, kiwoom.LOGIN_BUTTON]


class TestOnTheRealServer:
    def test_it_gets_the_certificates_password_too(self) -> None:
        window = Bench(REAL).shows(FakeLogin(paper=False))
        assert window.written[kiwoom.CERTIFICATE] == "zertifikat"
        assert window.pressed == [kiwoom.LOGIN_BUTTON]

    def test_the_box_is_unticked_first(self) -> None:
        window = Bench(REAL).shows(FakeLogin())
        assert window.written[kiwoom.CERTIFICATE] == "zertifikat"
        assert window.pressed == [kiwoom.PAPER, kiwoom.LOGIN_BUTTON]


@pytest.mark.parametrize("title", ["Open API Login", "Open API login"])
def test_the_title_has_been_seen_in_two_forms(title: str) -> None:
    assert Bench(PAPER).shows(FakeLogin(title=title)).pressed


def test_a_window_is_filled_in_once() -> None:
    bench = Bench(PAPER)
    window = bench.shows(FakeLogin())
    bench.shows(window)
    assert window.pressed == [kiwoom.LOGIN_BUTTON]


def test_the_next_window_is_filled_in_though_windows_gives_it_the_same_number() -> None:
    bench = Bench(PAPER)
    first, second = FakeLogin(), FakeLogin()
    second.handle = first.handle
    bench.shows(first)
    bench.desktop.open = []
    bench.watch.look()
    assert bench.shows(second).pressed == [kiwoom.LOGIN_BUTTON]


def test_other_windows_are_left_alone() -> None:
    window = Bench(PAPER).shows(FakeWindow("Open API Login - Notepad"))
    assert not window.written
    assert not window.pressed


def test_a_window_that_is_closed_at_that_moment_is_no_error() -> None:
    bench = Bench(PAPER)
    window = FakeLogin()
    window.gone = True
    bench.shows(window)
    assert bench.shows(FakeLogin()).pressed


def test_no_password_gets_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Bench(REAL).shows(FakeLogin())
    assert "filled in" in caplog.text
    assert "geheim" not in caplog.text
    assert "zertifikat" not in caplog.text


class TestWithoutACredential:
    def test_it_is_said_what_to_do(self) -> None:
        bench = Bench(None)
        assert not bench.shows(FakeLogin()).pressed
        assert "store-credential" in bench.watch.problem

    def test_one_that_is_stored_later_is_used_for_the_same_window(self) -> None:
        bench = Bench(None)
        window = bench.shows(FakeLogin())
        bench.credential = PAPER
        assert bench.shows(window).pressed == [kiwoom.LOGIN_BUTTON]
        assert bench.watch.problem == ""


class TestAWrongPassword:
    def fail(self, bench: Bench) -> None:
        for _ in range(MOST_TRIES):
            assert bench.shows(FakeLogin()).pressed
            bench.login.on_login(-100)

    def test_is_not_tried_until_the_user_is_locked(self) -> None:
        bench = Bench(PAPER)
        self.fail(bench)
        assert not bench.shows(FakeLogin()).pressed
        assert "could lock the user" in bench.watch.problem

    def test_is_tried_again_where_another_is_stored(self) -> None:
        bench = Bench(PAPER)
        self.fail(bench)
        bench.credential = Credential("hong", "besser")
        assert bench.shows(FakeLogin()).pressed

    @pytest.mark.parametrize("code", [0, -101, -102, -106])
    def test_a_login_or_a_fault_of_the_network_begins_the_count_again(self, code: int) -> None:
        bench = Bench(PAPER)
        for _ in range(3 * MOST_TRIES):
            assert bench.shows(FakeLogin()).pressed
            bench.login.on_login(code)

    def test_one_without_any_event_counts_too(self) -> None:
        bench = Bench(PAPER)
        for _ in range(MOST_TRIES):
            bench.shows(FakeLogin())
        assert not bench.shows(FakeLogin()).pressed


class TestWhatWaitsForAPerson:
    def test_is_named_with_its_text_and_what_to_do(self) -> None:
        bench = Bench(PAPER)
        bench.shows(FakeWindow("모의투자 참가신청", ["참가 신청 후", " ", "이용하십시오"]))
        assert bench.watch.problem == (
            "모의투자 참가신청 is open (참가 신청 후 이용하십시오): apply for 모의투자 on Kiwoom's site,"
            " or untick it in the login window"
        )

    def test_is_no_more_once_it_is_closed(self) -> None:
        bench = Bench(PAPER)
        bench.shows(FakeWindow("계좌비밀번호 입력 (버전: 3.19)"))
        assert bench.watch.problem
        bench.desktop.open = []
        bench.watch.look()
        assert bench.watch.problem == ""

    def test_is_not_the_box_of_the_version_update(self) -> None:
        bench = Bench(PAPER)
        bench.shows(FakeWindow("opstarter", ["버전처리를 위해 프로그램을 종료하십시오"]))
        assert bench.watch.problem == ""
