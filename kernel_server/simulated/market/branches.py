"""Members of the exchange whose names TRs show."""

from __future__ import annotations

from collections.abc import Mapping

BRANCHES: Mapping[str, str] = {
    "001": "교  보",
    "002": "신한금융투자",
    "003": "한국투자증권",
    "004": "대  신",
    "050": "키움증권",
}
"""Names by 회원사 code, as GetBranchCodeName writes them; none is foreign."""
