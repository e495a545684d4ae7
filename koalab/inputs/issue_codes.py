"""The forms in which issues are written: codes with a letter or an exchange, ISINs, and names of other times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from koalab.errors import BadInput
from koalab.inputs.text import folded, plain

_CODE = re.compile(r"(?P<letter>[AQ]?)(?P<code>[0-9A-Z]{6})(?P<venue>_NX|_AL)?")
_WITH_EXCHANGE = re.compile(r"(?P<code>[0-9A-Z]{6})\.(?P<exchange>KS|KQ)")
# The ISIN of a share or an ETF. Those of preferred shares and of ETNs do not hold the code.
_ISIN = re.compile(r"KR[0-9A-Z]{9}[0-9]")
_ISIN_WITH_CODE = re.compile(r"KR7(?P<code>[0-9A-Z]{6})00[0-9]")
_EXCHANGES = {"KS": "KOSPI", "KQ": "KOSDAQ"}
_INDEX = re.compile(r"(?P<market>kospi|kosdaq|krx|코스피|코스닥)\s*(?P<number>\d*)", re.IGNORECASE)
_INDEX_MARKETS = {"코스피": "KOSPI", "코스닥": "KOSDAQ"}

# Names that issues had, or that people use, with those of the listing. Not those that have meant two companies.
OTHER_NAMES: Mapping[str, str] = {
    folded(other): name
    for name, others in {
        "NAVER": ("네이버", "NHN"),
        "삼성전자": ("Samsung Electronics", "삼전"),
        "SK하이닉스": ("에스케이하이닉스", "하이닉스", "하이닉스반도체", "SK hynix", "하닉"),
        "현대차": ("현대자동차", "Hyundai Motor"),
        "기아": ("기아차", "기아자동차"),
        "POSCO홀딩스": ("POSCO", "포스코", "포스코홀딩스"),
        "포스코퓨처엠": ("포스코케미칼", "포스코켐텍"),
        "포스코인터내셔널": ("포스코대우", "대우인터내셔널"),
        "LG전자": ("엘지전자",),
        "LG화학": ("엘지화학",),
        "LG에너지솔루션": ("엘지에너지솔루션", "엘지엔솔"),
        "LG생활건강": ("엘지생활건강", "엘지생건"),
        "LX인터내셔널": ("LG상사",),
        "KT": ("케이티",),
        "KT&G": ("케이티앤지",),
        "SK텔레콤": ("에스케이텔레콤", "SKT"),
        "SK이노베이션": ("에스케이이노베이션",),
        "한국전력": ("한국전력공사", "한전", "KEPCO"),
        "카카오": ("다음카카오", "Kakao"),
        "KB금융": ("KB금융지주", "케이비금융"),
        "신한지주": ("신한금융지주", "신한금융"),
        "하나금융지주": ("하나금융",),
        "삼성SDI": ("삼성에스디아이",),
        "한화오션": ("대우조선해양",),
        "한화에어로스페이스": ("한화테크윈", "삼성테크윈"),
        "HD한국조선해양": ("한국조선해양",),
        "HD현대일렉트릭": ("현대일렉트릭",),
        "두산에너빌리티": ("두산중공업",),
        "미래에셋증권": ("미래에셋대우", "대우증권"),
        "KG모빌리티": ("쌍용차", "쌍용자동차"),
        "엔씨소프트": ("NCSOFT", "NC소프트"),
    }.items()
    for other in others
}


@dataclass(frozen=True, slots=True)
class WrittenCode:
    """A code as it was written.

    Attributes:
        code: its six characters.
        venue: ``_NX`` or ``_AL`` after them, blank for the Korea Exchange.
        market: the market that the form names; blank where it names none.
        kind: likewise.
    """

    code: str
    venue: str = ""
    market: str = ""
    kind: str = ""

    @property
    def text(self) -> str:
        """The code as the broker takes it."""
        return self.code + self.venue


VENUES: Final[Mapping[str, str]] = {"_NX": "NXT", "_AL": "통합"}
"""Names of the exchanges other than the Korea Exchange, by the end of a code."""


def venue_of(code: str) -> str:
    """``_NX`` or ``_AL`` of a code, blank for the Korea Exchange.

    >>> venue_of("005930_NX"), venue_of("005930")
    ('_NX', '')
    """
    return code[6:] if code[6:] in VENUES else ""


def written_code(given: str) -> WrittenCode | None:
    """The code in ``005930``, ``A005930``, ``Q530031``, ``005930_NX``, ``KR7005930003`` or ``005930.KS``; else None.

    >>> written_code("KR7005930003").code, written_code("q530031").kind, written_code("005930.KS").market
    ('005930', 'etn', 'KOSPI')

    Raises:
        BadInput: an ISIN whose check digit is wrong, or which does not hold a code.
    """
    text = plain(given).upper()
    match = _CODE.fullmatch(text)
    if match is not None:
        return WrittenCode(match["code"], match["venue"] or "", kind="etn" if match["letter"] == "Q" else "")
    match = _WITH_EXCHANGE.fullmatch(text)
    if match is not None:
        return WrittenCode(match["code"], market=_EXCHANGES[match["exchange"]])
    return _code_of_isin(text) if _ISIN.fullmatch(text) else None


def index_market(given: str) -> tuple[str, str] | None:
    """Market and name of the index of that name, as in ``KOSPI``, ``코스닥`` and ``KOSPI 200``; None for others."""
    match = _INDEX.fullmatch(plain(given))
    if match is None:
        return None
    market = _INDEX_MARKETS.get(match["market"], match["market"].upper())
    return market, market + match["number"]


def _code_of_isin(text: str) -> WrittenCode:
    digit = check_digit(text[:-1])
    if int(text[-1]) != digit:
        raise BadInput(f"{text} is no ISIN: its last digit would be {digit}; give the code of six characters")
    match = _ISIN_WITH_CODE.fullmatch(text)
    if match is None:
        raise BadInput(f"the ISIN {text} does not hold the issue's code: give that, or the name")
    return WrittenCode(match["code"])


def check_digit(body: str) -> int:
    """The check digit of an ISIN without it: Luhn's, with letters as numbers from 10 on.

    >>> check_digit("KR700593000")
    3
    """
    digits = "".join(str(int(letter, 36)) for letter in body)
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return -sum(number // 10 + number % 10 for number in doubled) % 10
