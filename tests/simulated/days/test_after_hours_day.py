"""A whole day of the control, from 08:20 to 18:10, with orders of every board: what is told, and what accounts say."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kernel_server import reference
from tests.support.synthetic_day import BUY, CANCEL_BUY, DAY, MARKET, MODIFY_BUY, SELL, SyntheticDay, Told

CODE = "005930"
SOLD = "035420"  # before the opening there are sellers of it, and buyers of the other
DEPOSIT = 100_000_000_000
ALL = ("00", "03", "61", "62", "81")
TRADES = "10;15"
FIDS = f"{TRADES};27;41;131;10010;10027;10041;215"
KINDS = {
    "주식체결", "주식우선호가", "주식호가잔량", "주식예상체결", "주식시세", "주식시간외호가", "장시작시간",
    "ECN주식체결", "ECN주식시세", "ECN주식우선호가", "ECN주식호가잔량",
}  # fmt: skip
EARLY, LIMIT, LATE, EVENING = "61", "00", "81", "62"


def rig_at(start: str, seed: int = 8, **settings: object) -> SyntheticDay:
    given = {"deposit": DEPOSIT, "order_size_checks": False, "quote_types": ALL, **settings}
    rig = SyntheticDay(start, seed, **given).begin()
    rig.register(f"{CODE};{SOLD}", FIDS)
    return rig


def number(story: list[str]) -> str:
    return next(text for text in story if len(text) == 7 and text.isdecimal())


def last(rig: SyntheticDay, order: str) -> Told:
    return [told for told in rig.told if told.kind == "0" and told.values[9203] == order][-1]


@pytest.fixture(scope="module")
def day() -> tuple[SyntheticDay, dict[str, str]]:
    """The day, and the number of each order by a name."""
    rig = rig_at("08:20")
    base = int(rig.text("GetMasterLastPrice", CODE))
    orders: dict[str, str] = {}

    def order(
        name: str, kind: int, quantity: int, price: int = 0, quote: str = MARKET, code: str = CODE
    ) -> None:
        orders[name] = number(rig.order(kind, quantity, price, quote, code=code))

    rig.until("08:31")
    order("early", BUY, 10, quote=EARLY, code=SOLD)
    order("early in vain", BUY, 10, quote=EARLY)
    rig.until("08:35")
    order("opening", BUY, 40, base * 11 // 10 // 100 * 100, LIMIT)
    rig.until("08:45")
    order("opening at any price", BUY, 30)
    rig.until("09:10")
    rig.register(
        CODE, TRADES
    )  # the books of continuous trading are most of a day's work, and not what this is about
    rig.until("12:00")
    order("noon", SELL, 15)
    rig.until("15:15")
    rig.register(CODE, FIDS)
    rig.until("15:25")
    order("closing", BUY, 20)
    rig.until("15:35")
    order("collected", SELL, 12, quote=LATE)
    order("collected buyer", BUY, 9, quote=LATE)
    rig.until("15:45")
    order("late", BUY, 8, quote=LATE)
    order("late seller", SELL, 7, quote=LATE)
    rig.until("16:03")
    close = abs(int(rig.of("주식체결", CODE)[-1].values[10]))
    order("evening", BUY, 6, close * 108 // 100 // 100 * 100, EVENING)
    order("evening seller", SELL, 5, close * 92 // 100 // 100 * 100, EVENING)
    rig.until("16:25")
    order("far", BUY, 4, close * 91 // 100 // 100 * 100, EVENING)
    rig.until("18:10")
    return rig, orders


def closing(rig: SyntheticDay) -> dict[str, Told]:
    """The newest event of each order."""
    return {told.values[9203]: told for told in rig.told if told.kind == "0"}


def test_orders_are_filled_in_their_own_hours(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, orders = day
    hours = {
        "early": ("083100", "083101"),
        "opening": ("090000", "090000"),
        "opening at any price": ("090000", "090000"),
        "noon": ("120000", "120001"),
        "closing": ("153000", "153000"),
        "evening": ("161000", "180000"),
        "evening seller": ("161000", "180000"),
    }
    for name, (first, until) in hours.items():
        told = last(rig, orders[name])
        assert (told.values[913], told.values[902]) == ("체결", "0"), name
        assert first <= told.values[908] <= until, name
    for name in ("collected", "collected buyer", "late", "late seller"):
        fills = [t.values[908] for t in rig.told if t.values.get(9203) == orders[name] and t.values[915]]
        assert all("154000" <= time < "160000" for time in fills), name
    for pair in (("collected", "collected buyer"), ("late", "late seller")):
        assert any(last(rig, orders[name]).number(902) == 0 for name in pair)


def test_the_far_order_of_the_evening_is_void_at_its_end(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, orders = day
    assert last(rig, orders["far"]).values[902] == "4"
    assert last(rig, orders["early in vain"]).values[902] == "10"
    rows = rig.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="1").rows
    assert rows == []


def test_each_board_names_its_orders_and_writes_no_price_where_none_is_given(
    day: tuple[SyntheticDay, dict[str, str]],
) -> None:
    rig, orders = day
    named = {
        name: (last(rig, orders[name]).values[906], last(rig, orders[name]).values[901]) for name in orders
    }
    assert named["early"] == ("장전시간외", "0")
    assert named["late"] == ("장후시간외", "0")
    assert named["evening"][0] == "시간외단일가"
    assert int(named["evening"][1]) > 0


def test_fills_at_the_close_are_at_the_close_and_those_of_the_evening_at_its_prices(
    day: tuple[SyntheticDay, dict[str, str]],
) -> None:
    rig, orders = day
    close = rig.of("주식시세", CODE)[-1].number(10)
    traded = {each.number(10010) for each in rig.of("ECN주식체결", CODE)}
    for told in rig.told:
        if told.kind == "0" and told.values[914]:
            names = [name for name, order in orders.items() if order == told.values[9203]]
            if set(names) & {"collected", "collected buyer", "late", "late seller"}:
                assert told.number(914) == close
            elif set(names) & {"evening", "evening seller"}:
                assert told.number(914) in traded


def test_chejan_tells_the_newest_price_of_the_evening(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    """FID 10010: until 16:00 that of the evening before, then the close, and from the first auction on its price."""
    rig, _orders = day
    mine = [told for told in rig.told if told.kind == "0" and told.values[9001] == f"A{CODE}"]
    before = {told.values[10010] for told in mine if told.values[908] < "155959"}
    assert len(before) == 1
    page = SyntheticDay("08:20", 8).begin().page("opt10087", 종목코드=CODE).row(0)
    assert abs(int(before.pop())) == abs(int(page["시간외단일가_현재가"]))
    fills = [
        told for told in rig.told if told.kind == "0" and told.values[915] and told.values[908] >= "161000"
    ]
    assert fills
    assert all(told.number(10010) == told.number(914) for told in fills)


def cash(rig: SyntheticDay) -> int:
    """KRW left after every fill and its charges, as the events told them."""
    left = DEPOSIT
    for told in closing(rig).values():
        side = 1 if told.values[907] == "1" else -1
        left += side * told.number(903) - told.number(938) - told.number(939)
    return left


def test_the_account_is_right_to_the_won(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, orders = day
    single = rig.account("opw00001").single
    assert int(single["d+2추정예수금"]) == cash(rig)
    assert int(single["주식증거금현금"]) == 0
    assert int(single["주문가능금액"]) == cash(rig)
    rows = {row["종목번호"].strip(): row for row in map(rig.account("opw00018", 조회구분="1").row, (0, 1))}
    early = last(rig, orders["early"])
    assert [int(rows[f"A{SOLD}"][name]) for name in ("보유수량", "매입금액")] == [10, early.number(903)]
    shares = sum(
        (1 if told.values[907] == "2" else -1) * (told.number(900) - told.number(902))
        for told in closing(rig).values()
        if told.number(903) and told is not early
    )
    row = rows[f"A{CODE}"]
    assert int(row["보유수량"]) == int(row["매매가능수량"]) == shares
    held = [told for told in rig.told if told.kind == "1" and told.values[9001] == f"A{CODE}"]
    assert int(row["매입금액"]) == held[-1].number(932)
    listed = rig.account("opw00007", 주문일자="", 조회구분="1", 주식채권구분="0", 매도수구분="0")
    assert len(listed.rows) == min(20, len(closing(rig)))


def test_every_type_has_been_seen_with_all_its_fields(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, _orders = day
    assert {each.kind for each in rig.live} == KINDS
    for each in rig.live:
        assert each.data.count("\t") + 1 == len(reference.realtype(each.kind).fids)


def test_each_type_keeps_to_its_hours(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, _orders = day
    for kind, fid, hours in (
        ("주식시간외호가", 21, (("083000", "084000"), ("154000", "160000"))),
        ("ECN주식호가잔량", 10021, (("160000", "180000"),)),
        ("ECN주식체결", 10020, (("161000", "180000"),)),
        ("주식체결", 20, (("090000", "153000"), ("154000", "160000"))),
    ):
        seen = {each.values[fid] for each in rig.of(kind)}
        for time in seen:
            assert any(first <= time <= until for first, until in hours), (kind, time)
        for first, until in hours:
            assert any(first <= time <= until for time in seen), (kind, first)


def test_the_days_volume_goes_on_after_the_close_and_its_prices_do_not(
    day: tuple[SyntheticDay, dict[str, str]],
) -> None:
    rig, _orders = day
    trades = rig.of("주식체결", CODE)
    total = 0
    for each in trades:
        total += each.number(15)
        assert each.number(13) == total
    late = [each for each in trades if each.values[20] >= "154000"]
    at_close = [each for each in trades if each.values[20] == "153000"][-1]
    assert late[-1].number(13) > at_close.number(13)
    assert {each.values[290] for each in late} == {"3"}
    assert {tuple(each.values[fid] for fid in (10, 16, 17, 18)) for each in late} == {
        tuple(at_close.values[fid] for fid in (10, 16, 17, 18))
    }


def test_the_first_trade_after_the_close_has_no_sign_and_the_others_have_one(
    day: tuple[SyntheticDay, dict[str, str]],
) -> None:
    rig, _orders = day
    late = [each for each in rig.of("주식체결", CODE) if each.values[20] >= "154000"]
    assert {each.values[15][0] for each in late if each.values[20] == "154000"} == {" "}
    assert {each.values[15][0] for each in late if each.values[20] > "154000"} <= {"+", "-"}


def test_opt10003_goes_on_after_the_close_and_the_charts_do_not(
    day: tuple[SyntheticDay, dict[str, str]],
) -> None:
    rig, _orders = day
    page = rig.page("opt10003", 종목코드=CODE)
    rows = [page.row(n) for n in range(30)]
    seen = rig.of("주식체결", CODE)[:-31:-1]
    assert [(row["시간"], row["체결거래량"]) for row in rows] == [
        (each.values[20], each.values[15]) for each in seen
    ]
    assert rows[0]["시간"] > "154000"
    ticks = rig.page("opt10079", 종목코드=CODE, 틱범위="1", 수정주가구분="0").row(0)
    minutes = rig.page("opt10080", 종목코드=CODE, 틱범위="1", 수정주가구분="0").row(0)
    assert ticks["체결시간"] == minutes["체결시간"] == DAY.replace("-", "") + "153000"


def test_the_tick_chart_can_go_on_too() -> None:
    rig = rig_at("15:50", evening_ticks=True)
    ticks = rig.page("opt10079", 종목코드=CODE, 틱범위="1", 수정주가구분="0").row(0)
    assert ticks["체결시간"][8:] >= "154000"


def test_the_evening_is_measured_from_the_close(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, _orders = day
    close = rig.of("주식시세", CODE)[-1].number(10)
    for each in (*rig.of("ECN주식체결", CODE), *rig.of("ECN주식시세", CODE)):
        price, change = each.number(10010), int(each.values[10011])
        assert price - change == close
        assert abs(float(each.values[10012]) - 100 * change / close) <= 0.005 + 1e-9
        sign, direction = ("+", "2") if change > 0 else ("-", "5") if change < 0 else ("", "3")
        assert (each.values[10010], each.values[10025]) == (f"{sign}{price}", direction)


def test_the_evenings_volume_is_the_sum_of_its_trades(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, _orders = day
    volume = value = 0
    for each in rig.of("ECN주식체결", CODE):
        assert each.values[10015][0] == " "
        volume += each.number(10015)
        value += each.number(10015) * each.number(10010)
        assert each.number(10013) == volume
        assert each.number(10014) == (value + 500_000) // 1_000_000
    (end,) = rig.of("ECN주식시세", CODE)
    assert end.number(10013) == volume
    assert end.values[10010] == rig.of("ECN주식체결", CODE)[-1].values[10010]


def test_the_book_of_the_evening_is_in_order(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, _orders = day
    books = rig.of("ECN주식호가잔량", CODE)
    assert len(books) > 200
    for each in books:
        asks = [each.number(fid) for fid in range(10041, 10046) if each.number(fid)]
        bids = [each.number(fid) for fid in range(10051, 10056) if each.number(fid)]
        assert asks == sorted(asks)
        assert bids == sorted(bids, reverse=True)
        assert not asks or not bids or bids[0] < asks[0]
        assert each.number(10121) >= sum(each.number(fid) for fid in range(10061, 10066))
        assert int(each.values[10128]) == each.number(10125) - each.number(10121)
    kinds = ("ECN주식우선호가", "ECN주식호가잔량")
    best = [each for each in rig.live if each.key == CODE and each.kind in kinds]
    for before, after in pairwise(best):
        if (before.kind, after.kind) == ("ECN주식우선호가", "ECN주식호가잔량"):
            assert (before.values[10027], before.values[10028]) == (after.values[10041], after.values[10051])


def test_what_is_told_of_the_evening_is_what_its_tr_says(day: tuple[SyntheticDay, dict[str, str]]) -> None:
    rig, _orders = day
    row = rig.page("opt10087", screen="0202", 종목코드=CODE).row(0)
    end, book = rig.of("ECN주식시세", CODE)[-1], rig.of("ECN주식호가잔량", CODE)[-1]
    queue = rig.of("주식시간외호가", CODE)[-1]
    name = "시간외단일가_"
    assert [
        row[name + field] for field in ("현재가", "전일대비기호", "전일대비", "등락률", "누적거래량")
    ] == [end.values[fid] for fid in (10010, 10025, 10011, 10012, 10013)]
    for place in range(1, 6):
        assert row[f"{name}매도호가수량{place}"] == book.values[10060 + place]
        assert row[f"{name}매수호가수량{place}"] == book.values[10070 + place]
    assert row["시간외매도호가총잔량"] == queue.values[131]
    assert row["시간외매수호가총잔량"] == queue.values[135]
    assert row["호가잔량기준시간"] == "160000"


def events(until: str) -> list[str]:
    rig = rig_at("15:50")
    rig.settle(1)
    rig.order(BUY, 9, quote=LATE)
    rig.until("16:02")
    close = rig.of("주식체결", CODE)[-1].number(10)
    rig.order(BUY, 3, close, EVENING)
    rig.until(until)
    return list(map(repr, rig.events))


def test_the_same_seed_gives_the_same_evening() -> None:
    first = events("16:25")
    assert len(first) > 60
    assert first == events("16:25")


# Orders that are refused, and orders that stay.

NOT_OPEN, OVER = "[00Z217] 모의투자 장시작전입니다", "[00Z218] 모의투자 장종료 상태입니다"
NO_SUCH_QUOTE = "모의투자에서 지원하지 않는 매매구분입니다"
PRICED = "[00Z237] 모의투자 단가를 입력하지 않는 호가입니다."
LIMITS = "[RC4027] 모의투자 상/하한가 오류입니다."


@pytest.mark.parametrize("quote", ["61", "62", "81"])
def test_모의투자_takes_only_00_and_03(quote: str) -> None:
    rig = SyntheticDay("16:05", 8, deposit=DEPOSIT).begin()
    assert rig.order(BUY, 1, quote=quote) == [NO_SUCH_QUOTE, ""]


@pytest.mark.parametrize(
    ("start", "quote", "price", "text"),
    [
        ("08:25", "61", 0, NOT_OPEN),
        ("08:45", "61", 0, OVER),
        ("08:35", "61", 58_300, PRICED),
        ("12:00", "81", 0, NOT_OPEN),
        ("16:01", "81", 0, OVER),
        ("15:45", "81", 58_300, PRICED),
        ("15:59", "62", 58_300, NOT_OPEN),
        ("18:01", "62", 58_300, OVER),
        ("16:05", "62", 0, LIMITS),
        ("16:05", "62", 70_000, LIMITS),
        ("16:05", "00", 58_300, OVER),
    ],
)
def test_a_bad_order_is_a_message_and_a_blank_number(start: str, quote: str, price: int, text: str) -> None:
    rig = rig_at(start)
    assert rig.order(BUY, 1, price, quote) == [text, ""]
    assert rig.told == []


def test_an_evening_order_without_a_price_may_stand_at_the_close() -> None:
    rig = rig_at("16:05", evening_price="close")
    order = number(rig.order(BUY, 5, 0, EVENING))
    reserved = int(rig.account("opw00001").single["주식증거금현금"])
    close = int(rig.page("opt10087", screen="0202", 종목코드=CODE).row(0)["시간외단일가_현재가"].lstrip("+-"))
    assert 5 * close <= reserved <= 5 * close * 1.004
    assert last(rig, order).values[901] == "0"


def test_the_quantity_of_an_order_at_the_close_can_be_modified_and_its_price_cannot() -> None:
    rig = rig_at("15:35")
    original = number(rig.order(BUY, 9, quote=LATE))
    close = rig.page("opt10004", screen="0202", 종목코드=CODE).row(0)["매수최우선호가"].lstrip("+-")
    assert rig.order(MODIFY_BUY, 4, int(close), LATE, original) == [PRICED, ""]
    modified = number(rig.order(MODIFY_BUY, 4, 0, LATE, original))
    assert last(rig, original).values[902] == "5"
    assert [last(rig, modified).values[fid] for fid in (900, 902, 906)] == ["4", "4", "장후시간외"]


def waiting_in_vain(**settings: object) -> tuple[SyntheticDay, str]:
    """A 61 order on the side that waits, after 08:40."""
    for seed in range(1, 40):
        rig = rig_at("08:31", seed, **settings)
        order = number(rig.order(BUY, 5, quote=EARLY))
        if last(rig, order).values[902] == "5":
            rig.until("08:41")
            return rig, order
    raise AssertionError("somebody sells on every day")


def open_orders(rig: SyntheticDay) -> list[str]:
    return rig.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="1").column("주문번호")


def test_what_is_left_of_an_early_order_stays_open_until_it_is_cancelled() -> None:
    rig, order = waiting_in_vain()
    assert open_orders(rig) == [order]
    assert int(rig.account("opw00001").single["주식증거금현금"]) > 0
    rig.until("10:00")
    story = rig.order(CANCEL_BUY, 5, original=order)
    assert story[0] == "[100000] 모의투자 취소주문완료"
    assert open_orders(rig) == []
    assert int(rig.account("opw00001").single["주문가능금액"]) == DEPOSIT


def test_what_is_left_of_an_early_order_ends_with_the_session() -> None:
    rig, _order = waiting_in_vain()
    rig.call("SetRealRemove", "ALL", "ALL")  # only the order counts here, and a watched day is long
    rig.until("15:31")
    assert open_orders(rig) == []


def test_what_is_left_of_an_early_order_may_be_void() -> None:
    rig, _order = waiting_in_vain(early_orders="void")
    assert open_orders(rig) == []
    assert int(rig.account("opw00001").single["주문가능금액"]) == DEPOSIT


def test_orders_of_the_evening_survive_a_restart_of_the_broker() -> None:
    rig = rig_at("16:05")
    close = int(rig.page("opt10087", screen="0202", 종목코드=CODE).row(0)["시간외단일가_현재가"].lstrip("+-"))
    order = number(rig.order(BUY, 5, close * 91 // 100 // 100 * 100, EVENING))
    state = rig.control._brokerage.snapshot()
    again = rig_at("16:06")
    again.control._brokerage.restore(state)
    assert open_orders(again) == [order]
    later = rig_at("18:06")
    later.control._brokerage.restore(state)
    assert open_orders(later) == []


# What is registered decides what comes.


@pytest.mark.parametrize(
    ("start", "fids", "kinds"),
    [
        ("15:45", "131", {"주식시간외호가"}),
        ("15:45", "21", {"주식시간외호가"}),
        ("08:31", "135", {"주식시간외호가"}),
        ("16:05", "10020", {"ECN주식체결"}),
        ("16:05", "10041", {"ECN주식호가잔량"}),
        ("16:05", "10027", {"ECN주식체결", "ECN주식우선호가"}),
        ("16:05", "10;15;27;41", set()),
    ],
)
def test_the_fids_decide_which_types_come(start: str, fids: str, kinds: set[str]) -> None:
    rig = SyntheticDay(start, 8).begin()
    rig.register(CODE, fids)
    rig.settle(360)
    found = {each.kind for each in rig.live if each.key == CODE}
    assert found - {"주식호가잔량"} == kinds


def test_a_quote_tr_registers_the_types_of_the_evening() -> None:
    rig = SyntheticDay("16:05", 8).begin()
    rig.page("opt10087", 종목코드=CODE)
    rig.settle(360)
    assert {"ECN주식체결", "ECN주식우선호가", "ECN주식호가잔량"} <= {each.kind for each in rig.live}


def test_the_types_of_the_evening_may_be_kept_back() -> None:
    rig = rig_at("16:05", evening_types=False)
    rig.settle(360)
    assert not [each for each in rig.live if each.kind.startswith("ECN")]


@pytest.mark.parametrize(("told", "codes"), [(False, []), (True, ["a", "b"])])
def test_장시작시간_may_tell_of_the_morning_too(told: bool, codes: list[str]) -> None:
    rig = rig_at("08:25", early_notices=told)
    rig.until("08:45")
    notices = [each.values for each in rig.of("장시작시간") if each.values[215] in "ab"]
    assert [values[215] for values in notices] == codes
    assert [values[20] for values in notices] == ["083000", "084000"][: len(codes)]


def test_opt10004_has_what_waits_after_hours() -> None:
    rig = rig_at("15:45")
    rig.settle(240)
    row = rig.page("opt10004", screen="0202", 종목코드=CODE).row(0)
    queue = rig.of("주식시간외호가", CODE)[-1]
    names = {
        "시간외매도잔량": 131,
        "시간외매도잔량대비": 132,
        "시간외매수잔량": 135,
        "시간외매수잔량대비": 136,
    }
    assert {name: row[name] for name in names} == {name: queue.values[fid] for name, fid in names.items()}
    assert {row["시간외매도잔량"], row["시간외매수잔량"]} > {"0"}
