"""Charts that stand still: candlesticks and comparisons as plotly figures, also of frames.

>>> figure = candlestick(kw.daily("005930", start="2024-01-01"), "삼성전자")  # doctest: +SKIP
"""

from koalab.charts.candles import DOWN, UP, Candles, candles
from koalab.charts.figures import candlestick, compared

__all__ = ["DOWN", "UP", "Candles", "candles", "candlestick", "compared"]
