"""Codes and names as users write them: Hangul in any composition, the forms of codes, and what errors point to."""

from __future__ import annotations

import contextlib
import unicodedata
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koalab.errors import BadInput, KoalabError, UnknownCode
from koalab.inputs.issue_codes import check_digit, written_code
from koalab.inputs.text import folded, shown
from koalab.listing import DayListing
from koalab.loaders.intervals import interval, intervals
from koalab.sessions.session import Session

LISTING = DayListing(
    {
        "005930": "삼성전자",
        "035420": "NAVER",
        "259300": "퍼룬식품",
        "0126Z0": "삼성에피스홀딩스",
        "28513K": "SK케미칼우",
        "00088K": "한화3우B",
        "530031": "삼성 레버리지 WTI원유 선물 ETN",
        "247540": "에코프로비엠",
        "111111": "같은이름",
        "222222": "같은 이름",
        "069500": "KODEX 200",
    },
    {"111111": "KOSPI", "222222": "KOSDAQ", "005930": "KOSPI", "247540": "KOSDAQ", "0126Z0": "KOSPI"},
    {"530031": "etn", "069500": "etf"},
)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def wide(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


class TestAnIssueIsFound:
    @pytest.mark.parametrize("spell", [str, str.lower, wide, nfd, " {} ".format, "\ufeff{}\u200b".format])
    @pytest.mark.parametrize(
        ("given_", "code"),
        [
            *(
                ("005930", "005930"),
                ("A005930", "005930"),
                ("KR7005930003", "005930"),
                ("005930.KS", "005930"),
            ),
            *(("Q530031", "530031"), ("A530031", "530031"), ("247540.KQ", "247540"), ("삼성전자", "005930")),
            *(("0126Z0", "0126Z0"), ("28513K", "28513K"), ("00088K", "00088K"), ("A0126Z0", "0126Z0")),
            *(("한화3우B", "00088K"), ("KODEX 200", "069500"), ("KODEX200", "069500"), ("NAVER", "035420")),
            ("0126Z0.KS", "0126Z0"),
        ],
    )
    def test_by_any_form_of_its_code_and_by_its_name(self, given_: str, code: str, spell: Any) -> None:
        assert LISTING.resolve(spell(given_)) == code

    @pytest.mark.parametrize("venue", ["_NX", "_AL"])
    def test_with_its_venue(self, venue: str) -> None:
        assert (
            LISTING.resolve(f"005930{venue}")
            == LISTING.resolve(f"a005930{venue.lower()}")
            == f"005930{venue}"
        )

    @given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=6, max_size=6))
    def test_by_its_isin_whose_check_digit_has_to_be_right(self, code: str) -> None:
        body = f"KR7{code}00"
        listing = DayListing({code: "이름"}, {}, {})
        digit = check_digit(body)
        assert listing.resolve(f"{body}{digit}") == code
        for other in set(range(10)) - {digit}:
            with pytest.raises(BadInput, match=f"last digit would be {digit}"):
                listing.resolve(f"{body}{other}")

    @pytest.mark.parametrize("isin", ["KR7005930003", "KR7005931001", "KR7000660001", "KR7035420009"])
    def test_check_digits_of_isins_that_there_are(self, isin: str) -> None:
        assert check_digit(isin[:-1]) == int(isin[-1])


class TestAnErrorPointsToWhatMayBeMeant:
    @pytest.mark.parametrize("given_", ["5930", " 5930 ", "05930", wide("5930")])
    def test_a_code_without_its_zeros(self, given_: str) -> None:
        with pytest.raises(UnknownCode, match=r"did you mean 삼성전자 \(005930\)\?$") as error:
            LISTING.resolve(given_)
        assert error.value.near == (("005930", "삼성전자"),)

    def test_a_number(self) -> None:
        with pytest.raises(BadInput, match=r'a text of six characters.*write "005930"'):
            LISTING.resolve(5930)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("given_", "name"),
        [
            ("KOSPI", "KOSPI"),
            ("코스닥", "KOSDAQ"),
            (nfd("코스피"), "KOSPI"),
            ("kospi 200", "KOSPI200"),
            ("KRX100", "KRX100"),
        ],
    )
    def test_an_index(self, given_: str, name: str) -> None:
        with pytest.raises(UnknownCode, match=rf'is an index, not an issue: kw\.index\("{name}"\)'):
            LISTING.resolve(given_)

    @pytest.mark.parametrize("given_", ["네이버", nfd("네이버"), " 네이버"])
    def test_another_name(self, given_: str) -> None:
        with pytest.raises(UnknownCode, match=r"did you mean NAVER \(035420\)") as error:
            LISTING.resolve(given_)
        assert error.value.near[0] == ("035420", "NAVER")

    @pytest.mark.parametrize("given_", ["같은이름", "같은 이름", nfd("같은이름")])
    def test_a_name_of_several_issues_is_refused_with_their_codes(self, given_: str) -> None:
        with pytest.raises(UnknownCode, match=r"by code, 111111 \(KOSPI\), 222222 \(KOSDAQ\)") as error:
            LISTING.resolve(given_)
        assert [code for code, _ in error.value.near] == ["111111", "222222"]

    @pytest.mark.parametrize(
        ("given_", "why"),
        [
            ("005930.KQ", "listed on KOSPI"),
            ("247540.KS", "listed on KOSDAQ"),
            ("Q005930", "is none"),
            ("KRG500000006", "last digit would be|does not hold"),
            ("KR7005931001", "no issue"),
        ],
    )
    def test_a_form_that_does_not_fit_the_issue(self, given_: str, why: str) -> None:
        with pytest.raises(BadInput, match=why):
            LISTING.resolve(given_)


@given(st.text(max_size=12) | st.text("0123456789AQKRS._NX", max_size=14))
def test_any_text_is_an_issue_or_refused(text: str) -> None:
    with contextlib.suppress(KoalabError):
        assert LISTING.resolve(text)[:6] in LISTING.names


@given(st.text())
def test_folding_is_the_same_for_every_composition(text: str) -> None:
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))
    assert folded(folded(text)) == folded(text)


def test_a_long_repr_is_cut_and_one_that_fails_is_named() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert len(shown("x" * 10**7)) == 80
    assert len(shown(list(range(10**5)))) == 80
    assert shown(10**10_000) == "a value of type int"
    assert shown(Broken()) == "a value of type Broken"
    assert written_code("x" * 10**6) is None


class TestIntervals:
    @pytest.mark.parametrize("spell", [str, wide, " {}\t".format])
    def test_of_any_width(self, spell: Any) -> None:
        for name in intervals():
            assert interval(spell(name)).name == name

    @pytest.mark.parametrize("given_", ["1m", "m", " 1 m ", wide("1m"), "01m"])
    def test_a_small_m_could_be_minutes_or_months(self, given_: str) -> None:
        for of in ("issue", "index"):
            with pytest.raises(BadInput, match=r'minutes are "1min", and months "M"'):
                interval(given_, of)  # type: ignore[arg-type]

    def test_five_small_m_are_refused_with_how_to_write_them(self) -> None:
        with pytest.raises(BadInput, match='minutes are "5min"'):
            interval("5m")
        assert interval("M").name == interval("1M").name == "M"


class TestInASession:
    def test_decomposed_and_wide_text_is_taken_everywhere(self, kw: Session) -> None:
        one = kw.daily("005930", "2026-11-16")
        for given_ in (nfd("삼성전자"), wide("005930"), "KR7005930003", "005930.KS", "A005930"):
            pd.testing.assert_frame_equal(kw.daily(given_, "2026-11-16"), one)
        assert list(kw.find(nfd("삼성")).index) == list(kw.find("삼성").index)
        assert list(kw.find(wide("005930")).index) == ["005930"]
        assert list(kw.codes(wide("kospi")).index) == list(kw.codes(nfd("코스피")).index)
        frame = kw.index(nfd("전기전자"), "2026-11-16")
        pd.testing.assert_frame_equal(kw.index(wide("013"), "2026-11-16"), frame)
        name = kw.conditions()["name"].iloc[0]
        assert list(kw.screen(nfd(name)).index) == list(kw.screen(wide("0")).index)
        assert kw.info([nfd("삼성전자")]).index[0] == "005930"
        assert kw.plan("daily", nfd("코스닥")).codes == kw.plan("daily", "KOSDAQ").codes
        answer = kw.tr(wide("opt10001"), **{nfd("종목코드"): wide("005930")})
        assert answer.single["종목명"] == "삼성전자"
        assert kw.cache.clear(code="A005930") == 1

    def test_names_that_are_no_issues_point_on(self, kw: Session) -> None:
        for given_, told in (
            ("KOSPI", r'kw\.index\("KOSPI"\).*kw\.codes\("KOSPI"\)'),
            ("KOSPI200", r'kw\.index\("KOSPI200"\)'),
            ("네이버", r"NAVER \(035420\)"),
            ("5930", r"mean 삼성전자 \(005930\)\?$"),
        ):
            with pytest.raises(UnknownCode, match=told):
                kw.daily(given_)

    def test_of_two_indices_of_one_name_none_is_taken(self, kw: Session) -> None:
        names = {**kw._indices.names(), "113": "전기전자"}
        kw._indices.names = lambda: names  # type: ignore[method-assign]
        with pytest.raises(UnknownCode, match="by code, 013, 113"):
            kw.index("전기전자")
        assert len(kw.index("013", "2026-11-16")) == 5
