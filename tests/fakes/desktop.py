"""Windows of a desktop: what Kiwoom's programs show, and what was written and pressed in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kernel_server.service.desktop import kiwoom
from kernel_server.service.desktop.seam import WindowGone


class FakeWindow:
    """A window with fields and buttons by their numbers; ``gone``: everything in it fails, as in a closed one."""

    handles = 0

    def __init__(
        self, title: str, texts: Sequence[str] = (), on_press: Callable[[int], None] = lambda _: None
    ) -> None:
        FakeWindow.handles += 1
        self.handle = FakeWindow.handles
        self._title = title
        self._texts = list(texts)
        self._on_press = on_press
        self.disabled: set[int] = set()
        self.written: dict[int, str] = {}
        self.pressed: list[int] = []
        self.closed = self.gone = False

    @property
    def title(self) -> str:
        return self._title

    def texts(self) -> Sequence[str]:
        self._check()
        return self._texts

    def buttons(self) -> Sequence[int]:
        self._check()
        return [2]

    def enabled(self, control: int) -> bool:
        self._check()
        return control not in self.disabled

    def write(self, control: int, text: str) -> None:
        self._check()
        if control in self.disabled:
            raise WindowGone(f"control {control} is not enabled")
        self.written[control] = text

    def press(self, control: int) -> None:
        self._check()
        self.pressed.append(control)
        self._on_press(control)

    def close(self) -> None:
        self._check()
        self.closed = True

    def _check(self) -> None:
        if self.gone:
            raise WindowGone(f"window {self.handle} is gone")


class FakeLogin(FakeWindow):
    """Kiwoom's login window; ``paper``: 모의투자 is ticked, so that the certificate's field is not enabled."""

    def __init__(self, paper: bool = True, title: str = "Open API Login") -> None:
        super().__init__(title, on_press=self._pressed)
        if paper:
            self.disabled.add(kiwoom.CERTIFICATE)

    def _pressed(self, control: int) -> None:
        if control == kiwoom.PAPER:
            self.disabled ^= {kiwoom.CERTIFICATE}


class FakeDesktop:
    """The open windows."""

    def __init__(self, *windows: FakeWindow) -> None:
        self.open = list(windows)

    def windows(self) -> Sequence[FakeWindow]:
        return [window for window in self.open if not window.closed]


class FakeKeyring:
    """A store in memory with keyring's three functions."""

    def __init__(self) -> None:
        self.entries: dict[str, FakeEntry] = {}

    def get_credential(self, service: str, username: str | None) -> FakeEntry | None:
        return self.entries.get(service)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service] = FakeEntry(username, password)

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service]


class FakeEntry:
    """An entry of the store."""

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password
