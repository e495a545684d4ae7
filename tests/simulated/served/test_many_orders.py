"""Many orders at once: every order's fate is told to whoever sent it, none is lost, none is sent twice."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from kernel_server.simulated import BrokerSettings
from tests.support.koapy_client import KoapyClient
from tests.support.served import ACCOUNT, served
from tests.support.waiting import HANGS_AFTER

CLIENTS, ORDERS = 5, 40


def test_two_hundred_orders_of_five_clients_over_reordered_events() -> None:
    settings = BrokerSettings(chejan_first=True, deposit=10_000_000_000, orders_a_second=5)
    told: list[list[list[Any]]] = [[] for _ in range(CLIENTS)]
    with served(settings=settings) as broker, broker.client() as first:
        codes = [code for code in str(first.call("GetCodeListByMarket", "0")).split(";") if code][:3]

        def trade(place: int) -> None:
            with KoapyClient(broker.server.address) as client:
                streams = [
                    client.order(
                        timeout=HANGS_AFTER,
                        request_name=f"{place}-{number}",
                        code=codes[number % 3],
                        quantity=1 + place,
                        quote_type="03",
                        order_type=1,
                        account_no=ACCOUNT,
                    )
                    for number in range(ORDERS)
                ]
                told[place] = [list(stream) for stream in streams]

        threads = [threading.Thread(target=trade, args=(place,)) for place in range(CLIENTS)]
        with broker.running():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(HANGS_AFTER)
    numbers: Counter[str] = Counter()
    for place, streams in enumerate(told):
        assert len(streams) == ORDERS
        for number, events in enumerate(streams):
            data = next(event for event in events if event.name == "OnReceiveTrData")
            assert data.arguments[1].string_value == f"{place}-{number}"
            mine = data.single_data.values[0]
            numbers[mine] += 1
            reports = [
                dict(zip(event.single_data.names, event.single_data.values, strict=True))
                for event in events
                if event.name == "OnReceiveChejanData" and event.arguments[0].string_value == "0"
            ]
            assert {report["주문번호"] for report in reports} == {mine}
            assert reports[0]["주문상태"] == "접수"
            assert reports[-1]["미체결수량"] == "0"
            assert reports[-1]["주문수량"] == str(1 + place)
    assert set(numbers.values()) == {1}
    assert sorted(numbers) == [f"{number:07d}" for number in range(1, CLIENTS * ORDERS + 1)]
