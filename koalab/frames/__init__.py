"""Converts pages of text into typed numpy columns and DataFrames, independent of servers and caches.

``bars`` reads charts, ``records`` TRs with one row per issue, ``generic`` any other TR. Below them, ``numbers`` parses
a column of text and ``fields`` has name, kind and unit of each of Kiwoom's fields.
"""

from koalab.frames.bar_frames import stack_codes, to_frame
from koalab.frames.bars import BarColumns
from koalab.frames.errors import ConflictingBars, UnreadableValue
from koalab.frames.generic import Answer, answer
from koalab.frames.records import info, infos, quotes

__all__ = [
    "Answer",
    "BarColumns",
    "ConflictingBars",
    "UnreadableValue",
    "answer",
    "info",
    "infos",
    "quotes",
    "stack_codes",
    "to_frame",
]
