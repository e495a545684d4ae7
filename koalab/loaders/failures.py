"""Why an issue has no data: the broker's messages about it, or an error that concerns it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from koalab.errors import NOT_OF_ONE_ISSUE, BadInput, KoalabError, NoAnswer

NO_ROWS = (
    "[100000]",  # 조회가 완료되었습니다
    "[00Z310]",  # 모의투자 조회가 완료되었습니다
    "[571578]",  # 모의투자 해당조회내역이 없습니다
)
"""First characters of the messages that confirm an empty answer: there is nothing to return."""

_SILENT_IN_A_ROW = 2


def complaints(messages: Iterable[str]) -> list[str]:
    """Those of the broker's messages that do not just confirm an empty answer, each once."""
    texts = (text.strip() for text in messages)
    return list(dict.fromkeys(text for text in texts if text and not text.startswith(NO_ROWS)))


def reason(code: str, messages: Iterable[str]) -> str:
    """The broker's messages about one of several issues: those with its code, or else all; blank without any."""
    said = complaints(messages)
    return " / ".join([text for text in said if code in text] or said)


class Missing:
    """The issues of a list that did not come, by code with the reason.

    Args:
        several: whether a list was asked for; the errors of a single issue are raised.
    """

    def __init__(self, several: bool = True) -> None:
        self.reasons: dict[str, str] = {}
        self._several = several
        self._came = False
        self._first: KoalabError | None = None
        self._silent = 0

    def add(self, code: str, why: str) -> None:
        """Names an issue."""
        self.reasons.setdefault(code, why)

    def update(self, found: Mapping[str, str]) -> None:
        """Names several issues."""
        for code, why in found.items():
            self.add(code, why)

    @contextmanager
    def of(self, code: str) -> Iterator[None]:
        """Names the issue if the block raises an error that concerns it alone; others are raised.

        Two issues in a row without an answer are a broker that does not answer.
        """
        try:
            yield
        except (*NOT_OF_ONE_ISSUE, BadInput):
            raise
        except KoalabError as error:
            self._silent = self._silent + 1 if isinstance(error, NoAnswer) and not error.code else 0
            if not self._several or self._silent >= _SILENT_IN_A_ROW:
                raise
            self._first = self._first or error
            self.add(code, str(error))
        else:
            self._came, self._silent = True, 0

    def check(self) -> None:
        """Raises the first error if nothing came at all."""
        if self._first is not None and not self._came:
            raise self._first
