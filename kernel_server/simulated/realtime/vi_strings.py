"""VI발동/해제: the real-time string of a volatility interruption (VI)."""

from __future__ import annotations

from kernel_server import reference
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import Interruption, Tape
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.realtime.string_parts import FIXED_FIELDS
from kernel_server.simulated.settings import BrokerSettings

VI = "VI발동/해제"


def vi_text(interruption: Interruption, issue: Issue, tape: Tape, settings: BrokerSettings) -> str:
    """Real-time string of VI발동/해제."""
    values = vi_values(interruption, issue, tape, settings)
    if settings.interruption_code == "prefixed":
        values[9001] = ("Q" if issue.kind == "etn" else "A") + values[9001]
    return "\t".join(values[fid] for fid in reference.realtype(VI).fids)


def vi_values(
    interruption: Interruption, issue: Issue, tape: Tape, settings: BrokerSettings
) -> dict[int, str]:
    """Values of VI발동/해제 by FID, also used by opt10054.

    Signs, texts and codes follow rows of the REST feed, which has the same fields.
    """
    static, dynamic, price = interruption.static, interruption.dynamic, interruption.price
    direction = "1" if interruption.rises else "2"
    state = "2" if interruption.released else "1"
    bases = [word for word, base in (("동적", dynamic), ("정적", static)) if base]
    kind = "+".join(bases)
    opened = tape.open or tape.base
    return {
        9001: interruption.code,
        302: issue.name,
        13: str(tape.volume),
        14: str(kiwoom_format.millions(tape.value)),
        9068: state if settings.interruption_flag == "state" else direction,
        9008: "101" if issue.market == "KOSDAQ" else "001",
        9075: FIXED_FIELDS[VI][9075],
        1221: str(price),
        1223: hhmmss(interruption.time),
        1224: hhmmss(interruption.released) if interruption.released else "000000",
        1225: kind,
        1236: str(static),
        1237: str(dynamic),
        1238: kiwoom_format.rate(price - static, static) if static else "0.00",
        1239: kiwoom_format.rate(price - dynamic, dynamic) if dynamic else "0.00",
        1489: kiwoom_format.rate(price - opened, opened),
        1490: str(interruption.number),
        9069: direction,
        1279: f"{'+' if interruption.rises else '-'}{kind}",
    }
