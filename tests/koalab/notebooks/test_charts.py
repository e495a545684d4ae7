"""Candlesticks: what is drawn, in a browser and as a picture."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from matplotlib.image import imread

import koalab as kl
from koalab import calendar
from koalab.charts import DOWN, UP, candles, candlestick, compared
from koalab.picture import save
from koalab.sessions.session import Session
from tests.support.commands import kiwoom


def bars(index: pd.DatetimeIndex, closes: list[int] | None = None) -> pd.DataFrame:
    """Bars with those times; each opens where the one before closed."""
    close = np.array(closes if closes is not None else range(100, 100 + len(index)), np.int64)
    first = np.concatenate([close[:1], close[:-1]])
    columns = {
        "open": first,
        "high": np.maximum(first, close) + 1,
        "low": np.minimum(first, close) - 1,
        "close": close,
        "volume": np.arange(1, len(index) + 1, dtype=np.int64) * 1000,
        "value": close * 1000,
    }
    return pd.DataFrame(columns, index=index)


def days(first: str, last: str) -> pd.DatetimeIndex:
    return calendar.sessions(first, last)


def minutes(*times: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times, tz="Asia/Seoul", name="time")


# -- what is drawn


def test_a_rise_is_red_a_fall_is_blue_and_a_standstill_goes_by_the_day_before() -> None:
    frame = bars(days("2026-11-16", "2026-11-20"), [100, 110, 105, 105, 105])
    frame.loc["2026-11-19", "open"] = 105
    frame.loc["2026-11-20", ["open", "close"]] = 104

    found = candles(frame)

    assert found.rising.tolist() == [True, True, False, True, False]
    np.testing.assert_allclose(found.change[1:], [10, -4.5454545, 0, -0.952381], rtol=1e-6)
    assert np.isnan(found.change[0])


def test_a_day_without_a_trade_is_a_dash_at_its_close() -> None:
    frame = bars(days("2026-11-16", "2026-11-18"), [100, 100, 100])
    frame.loc["2026-11-17", ["open", "high", "low", "volume"]] = 0

    found = candles(frame)

    assert (found.open[1], found.high[1], found.low[1], found.close[1]) == (100, 100, 100, 100)


def test_korean_columns_are_the_same_bars() -> None:
    english = bars(days("2026-11-16", "2026-11-20"))
    korean = english.rename(
        columns={
            "open": "시가",
            "high": "고가",
            "low": "저가",
            "close": "현재가",
            "volume": "거래량",
            "value": "거래대금",
        }
    )

    assert candlestick(korean).to_json() == candlestick(english).to_json()


def test_one_code_of_a_frame_of_codes() -> None:
    frame = bars(days("2026-11-16", "2026-11-20"))
    one, two = pd.concat({"005930": frame}), pd.concat({"005930": frame, "000660": frame})

    assert len(candles(one)) == 5
    with pytest.raises(kl.BadInput, match="loc"):
        candles(two)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"price": [1]}), bars(days("2026-11-16", "2026-11-16")).reset_index()]
)
def test_what_is_no_frame_of_bars_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(kl.BadInput, match="what daily"):
        candles(frame)


# -- in the browser


def test_bars_stand_side_by_side_at_any_trading_hours() -> None:
    # A weekend, Chuseok, and a day that opened an hour late.
    daily = candlestick(bars(days("2026-09-21", "2026-10-02")))
    intraday = candlestick(
        bars(minutes("2026-11-18 15:19", "2026-11-18 15:30", "2026-11-19 10:00", "2026-11-19 10:01"))
    )

    for figure in (daily, intraday):
        assert figure.layout.xaxis.type == "category"
        assert not figure.layout.xaxis.rangebreaks
        assert len(set(figure.data[0].x)) == len(figure.data[0].x)
    assert list(daily.data[0].x[:4]) == ["2026-09-21", "2026-09-22", "2026-09-23", "2026-09-28"]
    assert list(intraday.data[0].x[1:3]) == ["15:30<br>2026-11-18", "10:00<br>2026-11-19"]


def test_bars_of_one_second_stay_apart() -> None:
    found = candles(bars(minutes("2026-11-18 09:00:01", "2026-11-18 09:00:01", "2026-11-18 09:00:02")))

    assert found.labels == [
        "09:00:01<br>2026-11-18",
        "09:00:01 (2)<br>2026-11-18",
        "09:00:02<br>2026-11-18",
    ]


def test_hovering_reads_in_korean_and_shows_volume_too() -> None:
    figure = candlestick(bars(days("2026-11-16", "2026-11-18"), [100, 110, 99]), "삼성전자")
    candle, volume = figure.data

    assert [word for word in ("시가", "고가", "저가", "종가") if word not in candle.hovertemplate] == []
    assert list(candle.customdata) == ["", " (+10.00%)", " (-10.00%)"]
    assert "거래량" in volume.hovertemplate
    assert figure.layout.hovermode == "x unified"
    assert figure.layout.hoversubplots == "axis"  # one hover over both panes, which share the x axis
    assert (candle.xaxis, volume.xaxis, volume.yaxis) == (None, None, "y2")
    assert figure.layout.title.text == "삼성전자"


def test_colours_are_koreas_and_the_rest_is_the_templates() -> None:
    figure = candlestick(bars(days("2026-11-16", "2026-11-18")))
    candle, volume = figure.data

    assert (candle.increasing.line.color, candle.decreasing.line.color) == (UP, DOWN)
    assert [colour for _, colour in volume.marker.colorscale] == [DOWN, UP]
    layout = figure.to_dict()["layout"]
    assert not {"paper_bgcolor", "plot_bgcolor", "font"} & layout.keys()


def test_without_volume_there_is_one_pane() -> None:
    figure = candlestick(bars(days("2026-11-16", "2026-11-18")), volume=False)

    assert len(figure.data) == 1
    assert figure.layout.xaxis.anchor == "y"
    assert tuple(figure.layout.yaxis.domain) == (0, 1)


def test_ten_years_stay_small() -> None:
    index = days("2016-01-04", "2026-03-31")
    figure = candlestick(bars(index, [50_000 + place % 977 * 10 for place in range(len(index))]))

    assert len(figure.data[0].x) == len(index) > 2500
    assert len(figure.to_json()) < 100 * len(index)
    assert figure.layout.xaxis.nticks == 8


def test_no_bars_say_so() -> None:
    figure = candlestick(bars(days("2026-11-16", "2026-11-16")).iloc[:0])

    assert figure.layout.annotations[0].text == "자료 없음"


def test_the_figure_can_be_made_again_from_its_json() -> None:
    figure = candlestick(bars(days("2026-11-16", "2026-11-18")), "삼성전자")

    again = go.Figure(json.loads(figure.to_json()))

    assert json.loads(again.to_json()) == json.loads(figure.to_json())


def test_it_draws_what_a_session_loads(kw: kl.Session) -> None:
    frame = kw.minute("005930", 30, "2026-11-20")

    assert len(candlestick(frame).data[0].x) == len(frame) == 14


# -- as a picture


def _pixels(file: Path, colour: str) -> Any:
    """Where the picture has that colour, or nearly."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return (np.abs(imread(file)[:, :, :3] - wanted) < 0.02).all(axis=2)


def test_a_picture_has_both_colours_and_hangul(tmp_path: Path) -> None:
    frame = bars(days("2026-09-21", "2026-11-20"), None)
    frame.loc["2026-10-01":, "close"] -= 20

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of every letter that its font does not have
        file = save(frame, tmp_path / "chart.png", "삼성전자 (005930) 일봉 −5%")

    assert file == tmp_path / "chart.png"
    assert imread(file).shape[:2] == (845, 1430)
    red, blue = _pixels(file, UP), _pixels(file, DOWN)
    assert red.sum() > 100
    assert blue.sum() > 100
    assert np.argwhere(red)[:, 1].min() < np.argwhere(blue)[:, 1].min()


def test_a_picture_without_an_extension_is_a_png_and_the_path_is_its_own(tmp_path: Path) -> None:
    assert save(bars(days("2026-11-16", "2026-11-18")), tmp_path / "chart") == tmp_path / "chart.png"
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_leaves_the_users_settings_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)

    save(bars(days("2026-11-16", "2026-11-18")), tmp_path / "chart.png")

    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_picture_of_few_bars(count: int, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = save(bars(days("2026-11-16", "2026-11-18")).iloc[:count], tmp_path / "chart.png")

    assert bool(_pixels(file, UP).any()) is (count > 0)


def test_a_picture_of_minutes_in_another_format(tmp_path: Path) -> None:
    file = save(bars(minutes("2026-11-18 15:30", "2026-11-19 10:00")), tmp_path / "chart.svg")

    assert file.read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_a_picture_without_its_font_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from koalab import picture

    picture._font.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(kl.KoalabError, match=r"koalab\[notebook\]"):
        save(bars(days("2026-11-16", "2026-11-18")), tmp_path / "chart.png")


# -- averages, comparisons, units, themes


def test_moving_averages_begin_before_the_first_bar_shown() -> None:
    frame = bars(days("2026-11-02", "2026-11-20"))

    figure = candlestick(frame, ma=(2, 5), first=5)

    assert [one.name for one in figure.data[1:3]] == ["이동평균 2", "이동평균 5"]
    assert list(figure.data[2].y) == [sum(range(n - 4, n + 1)) / 5 for n in range(105, 100 + len(frame))]
    assert len(figure.data[0].x) == len(frame) - 5
    assert figure.layout.showlegend


@pytest.mark.parametrize("ma", [1, 0, "5", (5, "x"), 2.5, range(2, 30), True])
def test_what_is_no_average_is_refused(ma: Any) -> None:
    with pytest.raises(kl.BadInput):
        candlestick(bars(days("2026-11-16", "2026-11-20")), ma=ma)


def test_axes_are_in_man_and_eok_and_a_drag_zooms_the_time_alone() -> None:
    frame = bars(days("2026-11-02", "2026-11-20"), [150_000 + 2_000 * n for n in range(15)])
    frame["volume"] *= 10_000

    layout = candlestick(frame).layout

    assert set(layout.yaxis.ticktext) >= {"15만", "16만", "17만"}
    assert layout.yaxis2.ticktext[-1] == "1.5억"
    assert layout.yaxis.fixedrange
    assert layout.yaxis2.fixedrange
    assert not layout.xaxis.fixedrange
    assert layout.dragmode == "zoom"


def test_several_are_compared_from_100_where_all_have_begun() -> None:
    old, new = bars(days("2026-11-02", "2026-11-20")), bars(days("2026-11-16", "2026-11-20"), [50, 55, 60, 40, 25])

    figure = compared({"old": old, "new": new})

    assert [one.name for one in figure.data] == ["old", "new"]
    assert list(figure.data[1].y) == pytest.approx([100, 110, 120, 80, 50])
    assert figure.data[0].x[0] == "2026-11-16"
    assert figure.data[0].y[0] == 100
    with pytest.raises(kl.BadInput, match="no time in common"):
        compared({"old": old.iloc[:5], "new": new})


@pytest.mark.parametrize(("theme", "paper"), [("light", "white"), ("dark", "rgb(17,17,17)")])
def test_a_theme_may_be_chosen(theme: Any, paper: str) -> None:
    figure = candlestick(bars(days("2026-11-16", "2026-11-20")), theme=theme)

    assert figure.layout.template.layout.paper_bgcolor == paper
    with pytest.raises(kl.BadInput, match="light"):
        candlestick(bars(days("2026-11-16", "2026-11-20")), theme="blue")  # type: ignore[arg-type]


class TestOfASession:
    def test_averages_cost_the_bars_before(self, kw: Session) -> None:
        figure = kw.chart("삼성전자", ma=120)
        assert figure.data[0].x[0].startswith("2025-11-2")
        assert not np.isnan(figure.data[1].y).any()

    def test_an_index_and_issues(self, kw: Session) -> None:
        assert "종합(KOSPI) (001)" in kw.chart("KOSPI").layout.title.text
        figure = kw.chart(["삼성전자", "000660", "KOSPI"], start="2026-09")
        assert [one.name for one in figure.data] == [
            "삼성전자 (005930)",
            "SK하이닉스 (000660)",
            "종합(KOSPI) (001)",
        ]
        assert {one.y[0] for one in figure.data} == {100}

    def test_a_frame(self, kw: Session) -> None:
        frame = kw.daily(["005930", "000660"], start="2026-09")
        assert [one.name for one in kw.chart(frame).data] == ["삼성전자 (005930)", "SK하이닉스 (000660)"]
        assert kw.chart(frame.loc[["005930"]]).layout.title.text == "삼성전자 (005930)"
        assert len(kw.chart(frame.loc["000660"].tail(20)).data[0].x) == 20

    def test_the_magic_gives_the_same(self, kw: Session) -> None:
        figure = kiwoom(kw, "chart", "삼성전자", "--ma", "5,20", "--start", "2026-09", "--theme", "dark")
        assert [one.name for one in figure.data[1:3]] == ["이동평균 5", "이동평균 20"]
        assert len(kiwoom(kw, "chart", "005930", "KOSPI", "--start", "2026-09").data) == 2
        with pytest.raises(kl.BadInput, match="ma"):
            kiwoom(kw, "chart", "005930", "--ma", "5,x")

    def test_a_picture(self, kw: Session, tmp_path: Path) -> None:
        file = kw.picture("삼성전자", tmp_path / "a.png", start="2026-09", ma=(5, 20))
        assert imread(file).shape[1] > 1000

    @pytest.mark.parametrize("name", ["a.xyz", "nowhere/a.png", "", 5])
    def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_loaded(
        self, kw: Session, tmp_path: Path, name: Any
    ) -> None:
        spent = kw.status()["trs"]
        with pytest.raises(kl.BadInput, match="cannot be written|is a path"):
            kw.picture("005930", tmp_path / name if isinstance(name, str) and name else name, start="2026-09")
        assert kw.status()["trs"] == spent

    @pytest.mark.parametrize(
        ("what", "options", "error"),
        [
            ([], {}, kl.BadInput),
            (5930, {}, kl.BadInput),
            ("없는종목", {}, kl.UnknownCode),
            (["005930", "000660"], {"ma": 5}, kl.BadInput),
            (pd.DataFrame({"price": [1]}), {}, kl.BadInput),
            (bars(days("2026-11-16", "2026-11-20")), {"start": "2026"}, kl.BadInput),
        ],
    )
    def test_what_cannot_be_drawn(self, kw: Session, what: Any, options: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            kw.chart(what, **options)
