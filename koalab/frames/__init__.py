"""Raw pages of text to typed numpy columns and DataFrames.

Pages go in, frames come out, and nothing here knows of servers, caches or users: ``bars`` for charts, ``records``
for what is one row an issue, ``generic`` for any other TR. Underneath, ``numbers`` reads a column of text at a time and
``fields`` says what each of Kiwoom's fields is.
"""

from koalab.frames.bars import BarColumns, stack_codes, to_frame
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
