"""What the guide names of a session is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from koalab.sessions.session import Session

SET_IN_THE_CONSTRUCTOR = {"cache", "call"}
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"


@pytest.mark.parametrize("page", sorted(path.name for path in GUIDE.glob("*.md")))
def test_each_method_that_a_page_of_the_guide_names_exists(page: str) -> None:
    names = set(re.findall(r"\bkw\.([A-Za-z]\w*)", (GUIDE / page).read_text(encoding="utf-8")))
    missing = {name for name in names if not hasattr(Session, name)}
    assert missing <= SET_IN_THE_CONSTRUCTOR
