"""``SavedLayout``: what a dashboard shows, kept between sessions in a file of its name."""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import platformdirs

from koalab.errors import BadInput
from koalab.inputs.text import shown

log = logging.getLogger(__name__)

VARIABLE: Final = "KOALAB_STATE_DIR"
PANELS: Final = {"ticker": "시세", "ladder": "호가", "chart": "차트", "account": "계좌", "order": "주문"}
"""The parts of a dashboard, with their titles."""
_NAME: Final = re.compile(r"[\w-]{1,60}")


@dataclass(frozen=True, slots=True)
class SavedLayout:
    """What a dashboard shows.

    Attributes:
        codes: of its ticker.
        selected: the code that ladder, chart and order form are of.
        interval: of the chart.
        panels: the parts that are shown.
    """

    codes: tuple[str, ...] = ()
    selected: str = ""
    interval: str = "1min"
    panels: tuple[str, ...] = field(default=tuple(PANELS))


def default_folder() -> Path:
    """``dashboards`` in KOALAB_STATE_DIR, else in the platform's state folder."""
    chosen = os.environ.get(VARIABLE)
    return (
        Path(chosen).expanduser() if chosen else Path(platformdirs.user_state_dir("koalab"))
    ) / "dashboards"


def check_name(name: object) -> str:
    """A name that a file can have.

    Raises:
        BadInput: it is none.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise BadInput(f"name is up to 60 letters, digits, - and _, not {shown(name)}")
    return name


def check_panels(panels: object) -> tuple[str, ...]:
    """Parts by name or title, in the order of ``PANELS``.

    Raises:
        BadInput: a dashboard has no such part.
    """
    given = [panels] if isinstance(panels, str) else panels
    named = {title: name for name, title in PANELS.items()}
    if not isinstance(given, (list, tuple)) or not all(one in PANELS or one in named for one in given):
        raise BadInput(f"panels are of {', '.join(PANELS)}, not {shown(panels)}")
    chosen = {named.get(one, one) for one in given}
    return tuple(name for name in PANELS if name in chosen)


def load(folder: Path, name: str) -> SavedLayout | None:
    """The layout of that name; None where there is none that can be read."""
    try:
        found = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        known: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
        }
        layout = SavedLayout(**known)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("the saved dashboard %s cannot be read, and is left out: %s", name, error)
        return None
    return layout if _valid(layout) else None


def save(folder: Path, name: str, layout: SavedLayout) -> None:
    """Keeps the layout under that name; a failure is logged, as the dashboard goes on without."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{name}.json.new"
        new.write_text(json.dumps(asdict(layout), ensure_ascii=False), encoding="utf-8")
        new.replace(folder / f"{name}.json")
    except OSError as error:
        log.warning("the dashboard %s could not be saved: %s", name, error)


def _valid(layout: SavedLayout) -> bool:
    def texts(given: Any) -> bool:
        return isinstance(given, tuple) and all(isinstance(one, str) for one in given)

    return (
        texts(layout.codes)
        and texts(layout.panels)
        and set(layout.panels) <= set(PANELS)
        and isinstance(layout.selected, str)
        and isinstance(layout.interval, str)
    )
