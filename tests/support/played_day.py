"""A whole day played at the control, and one hash over every byte that it returned or fired.

``python -m tests.support.played_day SEED CODES`` prints it, so that it can be compared between processes.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kernel_server import reference
from kernel_server.control.seam import Event
from tests.support.simulated_broker import SimulatedBroker
from tests.support.synthetic_day import (
    ACCOUNT,
    BUY,
    CANCEL_BUY,
    LIMIT,
    MARKET,
    MODIFY_BUY,
    SELL,
    SEVERAL,
    BestKnownIssues,
)

CODES = ("086900", "247540", "069500")
INDEX = "001"


class Played(NamedTuple):
    """The hash, and how often each event came, those of prices by their type."""

    digest: str
    counts: dict[str, int]


class Player(SimulatedBroker):
    """A control over the market of a seed; every value and event goes into ``digest`` with its time."""

    def __init__(self, seed: int) -> None:
        self.digest = hashlib.blake2b(digest_size=16)
        self.counts: Counter[str] = Counter()
        super().__init__(BestKnownIssues(seed, SEVERAL), "2022-01-18 08:20", deposit=1_000_000_000)  # type: ignore[arg-type]

    def write(self, *what: object) -> None:
        self.digest.update(repr((self.clock.now(), *what)).encode())

    def handle(self, event: Event) -> None:
        self.write(event.name, event.arguments)
        first, second, third, *_ = (*event.arguments, "", "", "")
        self.counts[str(second) if event.name == "OnReceiveRealData" else event.name] += 1
        if event.name == "OnReceiveRealData":
            self.write(self.text("GetCommRealData", first, reference.realtype(str(second)).fids[0]))
        elif event.name == "OnReceiveChejanData":
            self.write([self.text("GetChejanData", int(fid)) for fid in str(third).split(";")])
        elif event.name == "OnReceiveTrData":
            self.write(self.call("GetRepeatCnt", third, ""), self.call("GetCommDataEx", third, ""))
            names = ["주문번호"] if str(third).startswith("KOA") else reference.tr(str(third)).single_names
            values = [self.text("GetCommData", third, "", 0, name) for name in names]
            self.write(values)
            self.order = values[0].strip() if str(third).startswith("KOA") else self.order

    order = ""  # 주문번호 of the newest order

    def until(self, clock: str) -> None:
        hours, minutes = map(int, clock.split(":"))
        self.settle(hours * 3600 + minutes * 60 - (self.clock.now() + 9 * 3600) % 86_400)

    def ask(self, tr: str, **inputs: str) -> None:
        filled = {known.name: inputs.get(known.name, "") for known in reference.tr(tr).inputs}
        self.write(self.send(tr, screen="0201", **filled))
        self.settle()

    def trade(self, kind: int, code: str, quantity: int, price: int = 0, original: str = "") -> None:
        hoga = LIMIT if price or original else MARKET
        arguments = ("주문", "0301", ACCOUNT, kind, code, quantity, price, hoga, original)
        self.write(self.call("SendOrder", *arguments))
        self.settle()


def play(seed: int, codes: Sequence[str] = CODES, short: bool = False) -> Played:
    """From 08:20 to 18:05: the codes registered as listed, TRs, a condition, orders of every kind.

    A ``short`` day ends five minutes after the opening.
    """
    player = Player(seed)
    player.call("CommConnect")
    player.settle()
    player.write(player.call("GetCodeListByMarket", "0"), player.call("GetCodeListByMarket", "10"))
    player.write(player.call("SetRealReg", "0101", ";".join(codes), "10;15;27;41;215", "0"))
    player.until("08:50")
    low = int(player.text("GetMasterLastPrice", CODES[0])) * 9 // 10 // 1000 * 1000
    player.trade(BUY, CODES[0], 3, low)
    waiting = player.order
    player.write(player.call("SetRealReg", "0102", INDEX, "10", "0"))
    player.until("09:05")
    if short:
        player.control.close()
        return Played(player.digest.hexdigest(), dict(player.counts))
    player.write(player.call("GetConditionLoad"))
    player.settle()
    player.write(player.call("SendCondition", "0103", "단기 골든크로스", 2, 1))
    player.trade(BUY, CODES[1], 10)
    player.until("09:40")
    player.write(player.call("SendConditionStop", "0103", "단기 골든크로스", 2))
    player.until("10:00")
    player.trade(MODIFY_BUY, CODES[0], 2, low + 1000, waiting)
    player.ask("opt10001", 종목코드=CODES[0])
    player.ask("opt10081", 종목코드=CODES[1], 수정주가구분="1")
    player.ask("opt10080", 종목코드=CODES[2], 틱범위="3", 수정주가구분="1")
    player.ask("opt10004", 종목코드=CODES[0])
    player.ask("opt20001", 시장구분="0", 업종코드=INDEX)
    player.write(player.call("CommKwRqData", ";".join(CODES), 0, len(CODES), 0, "관심", "0202"))
    player.until("11:00")
    player.write(
        player.call("SetRealRemove", "ALL", "ALL")
    )  # the hours between would only be more of the same
    player.until("13:00")
    player.trade(SELL, CODES[1], 4)
    player.trade(CANCEL_BUY, CODES[0], 1, original=waiting)
    player.until("14:50")
    player.write(
        player.call("SetRealReg", "0101", ";".join(codes), "10;15;27;41;131;215;10010;10027;10041", "0")
    )
    player.write(player.call("SetRealReg", "0102", INDEX, "10", "0"))
    player.until("15:10")
    player.call("SetRealRemove", "0101", CODES[-1])
    player.until("15:22")
    player.trade(SELL, CODES[1], 6)
    player.until("15:45")
    for tr in ("opw00001", "opw00004", "opw00018", "opw00007", "opt10075", "opt10076", "opt10077"):
        player.ask(
            tr, 계좌번호=ACCOUNT, 조회구분="1", 전체종목구분="0", 매매구분="0", 체결구분="0", 매도수구분="0"
        )
    player.until("18:05")
    player.control.close()
    return Played(player.digest.hexdigest(), dict(player.counts))


if __name__ == "__main__":
    short = "--short" in sys.argv
    chosen_seed, *chosen_codes = (word for word in sys.argv[1:] if word != "--short")
    print(play(int(chosen_seed), chosen_codes, short).digest)
