"""``LiveWidget``: what all live widgets share: their life, and the messages to their pages."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import numpy as np
from numpy.typing import NDArray

from koalab.widgets.cell_runs import CELL_RUNS
from koalab.widgets.page_views import CHECK_EVERY, PageViews
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.state_line import StateLine

Message = tuple[dict[str, Any], Mapping[str, NDArray[Any]]]
"""The head of a message, and its arrays by name."""

_STATIC: Final = Path(__file__).parent / "static"
_BEAT: Final = 1.0
# Without a view for so long, a widget is closed: its cell was run again or cleared.
_ORPHANED: Final = 5.0
# A page draws no cell that was not scrolled to yet; and a widget may be made and forgotten.
_NEVER_SHOWN: Final = 600.0


def script(*names: str) -> str:
    """The code of these files, as text: a path leaks every widget after its end (anywidget #929)."""
    return "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in names)


STYLE: Final = script("koalab.css")


class LiveWidget(anywidget.AnyWidget):
    """A widget that a painter keeps current while a page shows it.

    It is closed with its last view: when its cell is run again or cleared. ``close()`` leaves the last values on the
    page. A subclass sends ``_changes``, ends its sources in ``_end`` and has a ``snapshot``.

    Args:
        state: the line below.
        painter: sends what changes.
        traits: of the subclass.
    """

    _css = STYLE

    def __init__(self, state: StateLine, painter: Painter = PAINTER, **traits: Any) -> None:
        self._state = state
        self._views = PageViews()
        self._viewless_since: float | None = None
        self._awaited_since: float | None = time.monotonic()
        self._sequence = 0
        self._beat_at = 0.0
        self._everything = False
        self._ended = False
        self._closed = False
        self._checking = False
        super().__init__(**traits)
        self.on_msg(self._on_page)
        painter.add(self)

    # -- for subclasses

    def _changes(self, everything: bool, now: float) -> Message | None:
        """What to send now; None: nothing has changed. ``everything``: all values, for a page that has none."""
        raise NotImplementedError

    def _end(self) -> None:
        """Ends the sources. Called once."""
        raise NotImplementedError

    def _on_request(self, content: dict[str, Any]) -> None:
        """A message of a page that is not about its view. On the main thread, after the running cell."""

    def _begin_anew(self) -> None:
        """All values are sent next: they are of something else. One that has ended in the meantime ends them too."""
        self._everything, self._beat_at = True, 0.0
        if self._ended:
            self._end()

    def snapshot(self) -> str:
        """A plain HTML table of the values now, with its time: for saved notebooks, GitHub and e-mail."""
        raise NotImplementedError

    # -- life

    def close(self) -> None:
        """Ends the widget and its registrations; what it showed last stays readable. Idempotent."""
        if not self._ended:
            self._ended = True
            self._end()
            if self._views:
                self.send({"k": "beat", **self._state.message()})
        if not self._views:
            self._close_comms()

    def on_displayed(self) -> None:
        """A page is going to draw it, once its cell is in sight: until then the end of a former view ends nothing."""
        self._awaited_since = time.monotonic()

    def on_output_gone(self) -> None:
        """No output is left that it was displayed in; a view that a page has drawn says so by itself."""
        self._awaited_since = None
        if not self._views:
            self._viewless_since = time.monotonic()

    def _close_comms(self) -> None:
        if self._closed:
            return
        self._closed = True
        layout = self.layout
        super().close()
        if layout is not None:
            layout.close()  # close() of a widget leaves its layout's comm

    def paint(self, now: float) -> bool:
        """Sends what changed; see ``painter.Painted``."""
        if self._ended:
            return False
        if self._is_over(now):
            self.close()
            return False
        if not self._views.watched:
            return True
        everything, self._everything = self._everything, False
        changes = self._changes(everything, now)
        if changes is not None:
            self._send_changes(*changes, now)
        elif now - self._beat_at >= _BEAT:
            self._beat_at = now
            self.send({"k": "beat", **self._state.message()})
        return True

    def _is_over(self, now: float) -> bool:
        if self._awaited_since is not None:
            return not self._views and now - self._awaited_since > _NEVER_SHOWN
        return self._viewless_since is not None and now - self._viewless_since > _ORPHANED

    def _send_changes(self, head: dict[str, Any], arrays: Mapping[str, NDArray[Any]], now: float) -> None:
        self._sequence += 1
        message = {**head, "s": self._sequence, "sent": time.time() * 1000}
        if now - self._beat_at >= _BEAT:
            self._beat_at = now
            message |= self._state.message()
        self.send({**message, "f": list(arrays)}, [array.tobytes() for array in arrays.values()])

    def _on_page(self, _widget: object, content: Any, _buffers: object) -> None:
        """A message of a page. On the main thread, after the running cell."""
        if not isinstance(content, dict):
            return
        self._check_later()
        if "hello" in content:
            self._awaited_since = None
        if self._views.receive(content):
            self._everything, self._beat_at = True, 0.0
        if "gone" in content and not self._views:
            self._viewless_since = time.monotonic()
            if self._ended:
                self._close_comms()
        elif self._views:
            self._viewless_since = None
        if not self._ended:
            self._on_request(content)
        elif "hello" in content:
            self._send_last()

    def _send_last(self) -> None:
        """A page that was reloaded shows the last values of a widget that is closed."""
        changes = self._changes(True, time.monotonic())
        self._beat_at = 0.0
        if changes is not None:
            self._send_changes(*changes, time.monotonic())

    def _check_later(self) -> None:
        """Begins to check on the kernel's loop whether the pages are there; a script has none."""
        if self._checking:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._checking = True
        _check_again(loop, weakref.ref(self))

    def _check_views(self) -> bool:
        self._views.check()
        return not self._closed

    # -- display

    def _repr_mimebundle_(self, **arguments: Any) -> Any:
        CELL_RUNS.displayed(self)
        return with_snapshot(super()._repr_mimebundle_(**arguments), self.snapshot(), repr(self))


def with_snapshot(bundle: Any, html: str, text: str) -> Any:
    """A widget's MIME bundle with what is shown of it where no widget can be: in saved notebooks, GitHub and e-mail."""
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if isinstance(data, dict):
        data["text/html"], data["text/plain"] = html, text
    return bundle


def _check_again(loop: asyncio.AbstractEventLoop, found: weakref.ref[LiveWidget]) -> None:
    def check() -> None:
        widget = found()
        if widget is not None and widget._check_views():
            _check_again(loop, found)

    loop.call_later(CHECK_EVERY, check)


def floats(values: Sequence[float]) -> NDArray[np.float64]:
    """Numbers as a page gets them."""
    return np.array(values, np.float64)
