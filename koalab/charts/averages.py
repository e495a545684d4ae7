"""Moving averages of closes (이동평균)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from koalab.errors import BadInput
from koalab.inputs.arguments import whole_number
from koalab.inputs.text import shown

_LONGEST: Final = 1_000
_MOST: Final = 8


def check_averages(ma: object) -> tuple[int, ...]:
    """The lengths, each once, in bars.

    Raises:
        BadInput: they are no whole numbers from 2 on, or too many.

    >>> check_averages(20), check_averages([5, 20, 5]), check_averages(())
    ((20,), (5, 20), ())
    """
    given = [ma] if isinstance(ma, (int, np.integer)) else ma
    listed = list(given) if isinstance(given, Sequence) and not isinstance(given, (str, bytes)) else None
    if isinstance(given, np.ndarray) and given.ndim == 1:
        listed = given.tolist()
    if listed is None:
        raise BadInput(
            f"ma is the length of a moving average in bars, or several: ma=(5, 20, 60), not {shown(ma)}"
        )
    lengths = tuple(dict.fromkeys(whole_number("ma", one, 2, _LONGEST) for one in listed))
    if len(lengths) > _MOST:
        raise BadInput(f"{len(lengths)} moving averages are more than a chart shows: {_MOST} at most")
    return lengths


def moving_averages(
    close: np.ndarray[Any, Any], lengths: Sequence[int]
) -> dict[int, np.ndarray[Any, np.dtype[np.float64]]]:
    """The average of the last so many closes at each bar, by length; NaN before there are as many.

    >>> moving_averages(np.array([1, 2, 3, 4]), [2])
    {2: array([nan, 1.5, 2.5, 3.5])}
    """
    found = {}
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(close, np.float64))])
    for length in lengths:
        line = np.full(len(close), np.nan)
        if len(close) >= length:
            line[length - 1 :] = (sums[length:] - sums[:-length]) / length
        found[length] = line
    return found
