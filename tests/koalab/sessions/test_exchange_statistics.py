"""Constituents, program trading, credit, lending and ETFs as frames, from the simulated broker through the server."""

from __future__ import annotations

import numpy as np
import pandas as pd

from koalab.sessions.session import Session


def test_the_constituents_of_kospi200(kw: Session) -> None:
    frame = kw.tr("opt20002", 시장구분=2, 업종코드="201").multi
    assert len(frame) == frame["종목코드"].nunique() == 200
    assert {"005930", "000660"} <= set(frame["종목코드"])
    assert (frame[["현재가", "현재거래량", "시가"]].dtypes == np.int64).all()


def test_program_trading_by_day_has_numbers_with_their_own_sign(kw: Session) -> None:
    frame = kw.tr("opt90013", 시간일자구분=2, 금액수량구분=1, 종목코드="005930", 날짜="", pages=2).multi
    assert len(frame) == 40
    amounts = frame.filter(like="프로그램")
    assert (amounts.dtypes == np.int64).all()
    for unit in ("금액", "수량"):
        net = frame[f"프로그램매수{unit}"] - frame[f"프로그램매도{unit}"]
        pd.testing.assert_series_equal(frame[f"프로그램순매수{unit}"], net, check_names=False)
    assert (frame["프로그램순매수금액"] < 0).any()


def test_credit_and_lending_by_day(kw: Session) -> None:
    credit = kw.tr("opt10013", 종목코드="005930", 일자="", 조회구분=1, pages=1).multi
    known = credit.dropna(subset=["잔고"])
    assert len(known) == len(credit) - 1
    balance = known["잔고"].to_numpy()[::-1]
    change = (known["신규"] - known["상환"]).to_numpy()[::-1]
    assert np.array_equal(np.diff(balance), change[1:])

    lending = kw.tr("opt20068", 종목코드="005930", 시작일자="20260901", 종료일자="", 전체구분=0).multi
    assert (lending.drop(columns="일자").dtypes == np.int64).all()
    assert lending["일자"].is_monotonic_decreasing


def test_the_net_asset_value_of_an_etf(kw: Session) -> None:
    frame = kw.tr("opt40003", 종목코드="069500", pages=1).multi
    assert len(frame) == 100
    assert frame["현재가"].dtype == np.int64
    assert (frame[["NAV", "NAV/ETF괴리율", "추적오차율"]].dtypes == np.float64).all()
    # The sign of a NAV is a colour: the number is positive, and near the price.
    assert (frame["NAV"] / frame["현재가"] - 1).abs().max() < 0.01
