"""``CellRuns``: notifies widgets whose output is gone, as the cell that displayed them is run again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakSet

from koalab.short_traceback import running_shell


class Displayed(Protocol):
    """A widget that was displayed in the output of a cell."""

    def on_displayed(self) -> None:
        """It is displayed now, by the cell that runs."""
        ...

    def on_output_gone(self) -> None:
        """No output is left that it was displayed in. On the main thread, before the cell runs."""
        ...


class CellRuns:
    """Widgets by the cells that displayed them last, as the notebook names its cells.

    A page that had no time to draw a widget, or no need to, says nothing of it when its cell is run again.

    Args:
        shell: of the notebook; None outside of IPython.
    """

    def __init__(self, shell: Callable[[], Any] = running_shell) -> None:
        self._shell = shell
        self._watched: object = None
        self._by_cell: dict[str, WeakSet[Displayed]] = {}

    def displayed(self, *widgets: Displayed) -> None:
        """These are displayed now, by the cell that runs. Where cells have no names, their end is not noticed."""
        for widget in widgets:
            widget.on_displayed()
        shell = self._shell()
        parent: dict[str, Any] = getattr(shell, "get_parent", dict)()
        cell = parent.get("metadata", {}).get("cellId")
        if not cell:
            return
        self._by_cell.setdefault(cell, WeakSet()).update(widgets)
        if self._watched is not shell:
            shell.events.register("pre_run_cell", self._on_run)
            self._watched = shell

    def _on_run(self, info: Any) -> None:
        for widget in self._by_cell.pop(info.cell_id, ()):
            if not any(widget in others for others in self._by_cell.values()):
                widget.on_output_gone()


CELL_RUNS: Final = CellRuns()
"""The process's."""
