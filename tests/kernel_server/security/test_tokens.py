"""The table of tokens: what is in it, what is not, and who can read it."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server.security import tokens
from kernel_server.security.rights import TOKEN_RIGHTS, Right
from kernel_server.security.tokens import BadTokens, Tokens

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.tsv"


def test_a_token_that_was_added_is_known_with_its_rights(file: Path) -> None:
    made = {name: tokens.add(file, name, right) for name, right in TOKEN_RIGHTS.items()}
    table = Tokens(file)
    for name, right in TOKEN_RIGHTS.items():
        entry = table.find(made[name])
        assert entry is not None
        assert (entry.name, entry.right) == (name, right)


def test_the_file_never_holds_a_token(file: Path) -> None:
    made = tokens.add(file, "notebook", Right.READ)
    assert made not in file.read_text()
    assert made.removeprefix(tokens.PREFIX) not in file.read_text()


@posix
def test_the_file_is_its_owners_alone(file: Path) -> None:
    tokens.add(file, "notebook", Right.READ)
    tokens.add(file, "robot", Right.TRADE)
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_two_tokens_are_alike(file: Path) -> None:
    made = {tokens.new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(token) >= 50 for token in made)


@given(st.text(max_size=60))
def test_a_token_that_was_not_added_is_unknown(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("tokens") / "tokens.tsv"
    made = tokens.add(file, "notebook", Right.ADMIN)
    table = Tokens(file)
    assert table.find(text) is None
    assert table.find(made[:-1]) is None
    assert table.find(made + text) is None or not text


def test_a_token_that_was_removed_is_not_known_any_more_to_a_server_that_runs(file: Path) -> None:
    gone, kept = tokens.add(file, "gone", Right.READ), tokens.add(file, "kept", Right.READ)
    table = Tokens(file)
    assert table.find(gone) is not None
    tokens.remove(file, "gone")
    assert table.find(gone) is None
    assert table.find(kept) is not None
    later = tokens.add(file, "later", Right.READ)
    assert table.find(later) is not None


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text("something else")])
def test_while_the_file_cannot_be_used_no_token_is_accepted(file: Path, spoil: object) -> None:
    made = tokens.add(file, "notebook", Right.READ)
    table = Tokens(file)
    content = file.read_bytes()
    spoil(file)  # type: ignore[operator]
    assert table.find(made) is None
    file.unlink(missing_ok=True)
    file.touch(0o600)
    file.write_bytes(content)
    assert table.find(made) is not None


def test_a_name_has_one_token(file: Path) -> None:
    tokens.add(file, "notebook", Right.READ)
    with pytest.raises(BadTokens, match="already"):
        tokens.add(file, "notebook", Right.TRADE)


@pytest.mark.parametrize("name", ["", "two words", "tab\tbed", "line\nbroken", "x" * 41])
def test_a_name_that_would_spoil_the_table_is_refused(file: Path, name: str) -> None:
    with pytest.raises(BadTokens):
        tokens.add(file, name, Right.READ)
    assert not file.exists()


def test_what_is_not_there_cannot_be_removed(file: Path) -> None:
    tokens.add(file, "notebook", Right.READ)
    with pytest.raises(BadTokens, match="robot"):
        tokens.remove(file, "robot")


def test_two_who_change_the_table_at_once_do_not_lose_a_row(file: Path) -> None:
    tokens.add(file, "notebook", Right.READ)
    file.with_name(file.name + ".new").touch()  # another process is in the middle of it
    with pytest.raises(BadTokens, match="another process"):
        tokens.add(file, "robot", Right.READ)
    assert [entry.name for entry in tokens.read(file)] == ["notebook"]


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_table_that_others_can_read_or_change_is_refused(file: Path, mode: int) -> None:
    tokens.add(file, "notebook", Right.READ)
    file.chmod(mode)
    with pytest.raises(BadTokens, match="chmod 600"):
        Tokens(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "first line"),
        ("name\trights\tsha256\nnotebook\tread", "line 2"),
        (f"name\trights\tsha256\nnotebook\tsudo\t{'0' * 64}", "read, trade, admin"),
        ("name\trights\tsha256\nnotebook\tread\tplain-secret", "not the token itself"),
        (f"name\trights\tsha256\na\tread\t{'0' * 64}\na\tread\t{'1' * 64}", "line 3"),
    ],
)
def test_a_table_that_is_none_is_refused_with_the_place(file: Path, content: str, said: str) -> None:
    file.touch(0o600)
    file.write_text(content)
    with pytest.raises(BadTokens, match=said) as error:
        Tokens(file)
    assert "plain-secret" not in str(error.value)


def test_a_missing_table_is_refused(file: Path) -> None:
    with pytest.raises(BadTokens, match="cannot be read"):
        Tokens(file)


def test_tokens_go_into_a_header_as_they_are() -> None:
    allowed = set(string.ascii_letters + string.digits + "-_")
    assert set(tokens.new_token()) <= allowed
