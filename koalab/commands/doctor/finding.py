"""``Finding``: the result of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``advice`` is what to do, blank if it passed; ``optional``: failing is no error."""

    text: str
    advice: str = ""
    optional: bool = False

    @property
    def wrong(self) -> bool:
        return bool(self.advice) and not self.optional

    def __str__(self) -> str:
        mark = "!!" if self.wrong else "--" if self.advice else "ok"
        return f"{mark}  {self.text}" + (f": {self.advice}" if self.advice else "")
