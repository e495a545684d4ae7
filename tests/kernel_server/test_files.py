"""A file is replaced also while another program reads it, which Windows refuses for that time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel_server import files


def refuse(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The next replacements are refused so often."""
    usual, left = Path.replace, [times]

    def replace(path: Path, target: Any) -> Path:
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "it is open")
        return usual(path, target)

    monkeypatch.setattr(Path, "replace", replace)


def test_it_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, 3)
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text("new")
    old.write_text("old")
    pauses: list[float] = []
    files.put_in_place(new, old, pauses.append)
    assert old.read_text() == "new"
    assert len(pauses) == 3


def test_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, 1000)
    (tmp_path / "new").write_text("new")
    pauses: list[float] = []
    with pytest.raises(PermissionError):
        files.put_in_place(tmp_path / "new", tmp_path / "old", pauses.append)
    assert sum(pauses) == pytest.approx(1, abs=0.05)
