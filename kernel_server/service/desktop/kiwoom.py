"""Kiwoom's windows: their titles, and the numbers of their fields and buttons.

Collected from programs of users that drive them; not yet seen on a machine of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernel_server.service.desktop.seam import DesktopWindow

LOGIN: Final = "open api login"
"""Title of the login window in small letters: it has been seen with a large and a small L."""

USER, PASSWORD, CERTIFICATE = 1000, 1001, 1002
"""Fields of the login window: ID, 비밀번호, 인증비밀번호; the last is not enabled where 모의투자 is ticked."""
PAPER: Final = 1005
"""The box 모의투자 of the login window."""
LOGIN_BUTTON: Final = 1

VERSION_CHECK: Final = "opstarter"
"""Title of the box that asks for the end of all programs that have loaded OpenAPI+, so that it can be updated."""
VERSION_WORD: Final = "버전처리"
"""Its message has this word, and other messages under that title have not."""
UPDATE_DONE: Final = "업그레이드 확인"
UPDATE_FAILED: Final = "opversionup"


@dataclass(frozen=True)
class WaitingWindow:
    """A window that waits for a person.

    Attributes:
        title: a part of its title.
        advice: what to do about it.
    """

    title: str
    advice: str


FOR_A_PERSON: Final = (
    WaitingWindow(
        "모의투자 참가신청", "apply for 모의투자 on Kiwoom's site, or untick it in the login window"
    ),
    WaitingWindow("계좌비밀번호 입력", "enter the accounts' passwords there and close it"),
    WaitingWindow(VERSION_CHECK, "read it on the machine's screen and close it"),
)


def is_login(window: DesktopWindow) -> bool:
    """Whether it is the login window."""
    return window.title.strip().lower() == LOGIN


def asks_for_update(window: DesktopWindow) -> bool:
    """Whether it is the box that asks for the end of all programs that have loaded OpenAPI+."""
    return window.title == VERSION_CHECK and any(VERSION_WORD in text for text in window.texts())
