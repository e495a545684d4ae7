"""The credential is in Windows' store, and shown nowhere."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator

import pytest

from kernel_server.service import __main__ as command
from kernel_server.service.desktop.credential import SERVICE, Credential, CredentialStore, NoStore
from tests.fakes.desktop import FakeEntry, FakeKeyring

REAL = Credential("홍길동", "비밀 {1}", "인증 +2")


@pytest.fixture
def keyring() -> FakeKeyring:
    return FakeKeyring()


@pytest.fixture
def store(keyring: FakeKeyring) -> CredentialStore:
    return CredentialStore(keyring)


def test_what_is_stored_is_read_again(store: CredentialStore) -> None:
    assert store.read() is None
    store.write(REAL)
    assert store.read() == REAL


def test_there_is_one(store: CredentialStore, keyring: FakeKeyring) -> None:
    store.write(REAL)
    store.write(Credential("other", "x"))
    assert store.read() == Credential("other", "x", "")
    assert len(keyring.entries) == 1


def test_it_can_be_deleted(store: CredentialStore) -> None:
    assert not store.delete()
    store.write(REAL)
    assert store.delete()
    assert store.read() is None


@pytest.mark.parametrize("secret", ["", "plain", "[]", '{"password": "x"}', "1"])
def test_an_entry_of_another_program_is_none(
    store: CredentialStore, keyring: FakeKeyring, secret: str
) -> None:
    keyring.entries[SERVICE] = FakeEntry("somebody", secret)
    assert store.read() is None


def test_its_passwords_are_in_no_repr() -> None:
    assert repr(REAL) == "Credential(user='홍길동')"


@pytest.mark.skipif(sys.platform == "win32", reason="about other systems")
def test_it_is_kept_on_windows_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NoStore, match="Windows' own store"):
        CredentialStore()
    with pytest.raises(SystemExit, match="Windows' own store"):
        command.main(["store-credential"])


class TestTheCommand:
    ANSWERS = ("홍길동", "geheim", "noch geheimer")

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """A terminal with a person who answers; the prompts."""
        prompts: list[str] = []
        answers: Iterator[str] = iter(self.ANSWERS)

        def answer(prompt: str) -> str:
            prompts.append(prompt)
            return next(answers)

        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("builtins.input", answer)
        monkeypatch.setattr(getpass, "getpass", answer)
        return prompts

    def test_asks_for_id_and_passwords_and_shows_none(
        self, store: CredentialStore, asked: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["store-credential"], store=lambda: store) == 0
        assert store.read() == Credential(*self.ANSWERS)
        assert asked == ["ID: ", "비밀번호: ", "인증비밀번호 (blank for 모의투자): "]
        said = capsys.readouterr()
        assert "geheim" not in said.out + said.err

    def test_deletes_it(self, store: CredentialStore, capsys: pytest.CaptureFixture[str]) -> None:
        store.write(REAL)
        assert command.main(["delete-credential"], store=lambda: store) == 0
        assert command.main(["delete-credential"], store=lambda: store) == 0
        assert capsys.readouterr().out.splitlines() == ["deleted", "nothing was stored"]

    def test_takes_no_password_from_a_pipe_or_a_command_line(
        self, store: CredentialStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)
        with pytest.raises(SystemExit, match="no terminal"):
            command.main(["store-credential"], store=lambda: store)
        with pytest.raises(SystemExit):
            command.main(["store-credential", "geheim"], store=lambda: store)
        assert store.read() is None

    def test_stores_nothing_without_a_password(
        self, store: CredentialStore, asked: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(getpass, "getpass", lambda _prompt: "")
        with pytest.raises(SystemExit, match="nothing is stored"):
            command.main(["store-credential"], store=lambda: store)
        assert store.read() is None
