"""Real-time data over the wire: RealCall, BidirectionalRealCall, and our own Ticks."""

from __future__ import annotations

import grpc
import pytest

from kernel_server import reference
from kernel_server.streams import subscriptions
from kernel_server.streams.realtime import types_of
from kernel_server.wire import kernel_pb2
from tests.support.canned_server import NOW, RequestQueue, calls, canned_server, fire
from tests.support.koapy_client import KoapyClient, message, plain
from tests.support.waiting import HANGS_AFTER, wait_until

TRADE = "\t".join(str(number) for number in range(43))
QUOTES = "+70100\t-70000"


class TestRealCall:
    def test_registers_its_codes_and_hears_of_them(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.real(["005930", "000660"], [10, 20])
            wait_until(lambda: bool(calls(server, "SetRealReg")))
            fire(server, "OnReceiveRealData", "005930", "주식체결", TRADE)
            event = next(stream)
            assert calls(server, "SetRealReg") == [("5101", "005930;000660", "10;20", "1")]
        assert (event.name, plain(event.arguments)) == ("OnReceiveRealData", ["005930", "주식체결", TRADE])

    def test_sends_the_fids_asked_for_or_all_of_the_type_by_number_or_by_name(self) -> None:
        fids = reference.realtype("주식체결").fids
        numbers = [str(fid) for fid in fids]
        names = [reference.fids()[fid].name if fid in reference.fids() else str(fid) for fid in fids]
        cases: list[tuple[list[int], dict[str, bool], list[str], list[str]]] = [
            ([10], {"infer_fids": True}, numbers, TRADE.split("\t")),
            ([10], {"infer_fids": True, "fast_parse": True}, numbers, TRADE.split("\t")),
            ([10], {"infer_fids": True, "readable_names": True}, names, TRADE.split("\t")),
            ([20, 41, 10], {}, ["20", "41", "10"], ["0", "", "1"]),  # 41 is no FID of the type
            ([20, 10], {"readable_names": True}, ["체결시간", "현재가"], ["0", "1"]),
        ]
        for wanted, flags, named, values in cases:
            with canned_server({}) as server, KoapyClient(server.address) as client:
                stream = client.real(["005930"], wanted, **flags)
                wait_until(lambda server=server: bool(calls(server, "SetRealReg")))  # type: ignore[misc]
                fire(server, "OnReceiveRealData", "005930", "주식체결", TRADE)
                data = next(stream).single_data
            assert (list(data.names), list(data.values)) == (named, values)

    def test_takes_a_string_that_is_shorter_or_longer_than_its_type(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.real(["005930"], [27], infer_fids=True)
            wait_until(lambda: bool(calls(server, "SetRealReg")))
            fire(server, "OnReceiveRealData", "005930", "주식우선호가", "+70100")
            fire(server, "OnReceiveRealData", "005930", "주식우선호가", "+70100\t-70000\tnew")
            shorter, longer = next(stream).single_data, next(stream).single_data
        assert list(shorter.values) == ["+70100", ""]
        assert list(longer.values) == ["+70100", "-70000"]
        assert list(longer.names) == ["27", "28"]

    def test_more_codes_than_a_screen_holds_go_on_several(self) -> None:
        codes = [f"{number:06d}" for number in range(250)]
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.real(codes, [10])
            wait_until(lambda: len(calls(server, "SetRealReg")) == 3)
            sizes = [(screen, len(listed.split(";"))) for screen, listed, _, _ in calls(server, "SetRealReg")]
            assert sizes == [("5101", 100), ("5102", 100), ("5103", 50)]
            stream.cancel()
            wait_until(lambda: len(calls(server, "DisconnectRealData")) == 3)

    def test_a_code_of_the_other_exchange_is_a_code(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.real(["005930_NX", "005930_AL"], [10])
            wait_until(lambda: bool(calls(server, "SetRealReg")))
            assert calls(server, "SetRealReg")[0][1] == "005930_NX;005930_AL"
            stream.cancel()

    def test_more_fids_than_the_broker_takes_at_a_time_register_the_same_types(self) -> None:
        book, trades = reference.realtype("주식호가잔량").fids, reference.realtype("주식체결").fids
        assert len(book) > 100
        with (
            canned_server({}) as server,
            KoapyClient(server.address) as client,
            KoapyClient(server.address) as other,
        ):
            stream = client.real(["005930"], book)
            wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
            second = other.real(["005930"], trades)
            wait_until(lambda: len(calls(server, "SetRealReg")) == 2)
            for (_, _, listed, _), asked in zip(
                calls(server, "SetRealReg"), ({*book}, {*book, *trades}), strict=True
            ):
                chosen = frozenset(int(fid) for fid in listed.split(";"))
                assert len(chosen) <= 100
                assert chosen <= asked
                assert types_of(chosen) == types_of(frozenset(asked))
            fire(server, "OnReceiveRealData", "005930", "주식호가잔량", "\t".join(["7"] * len(book)))
            data = next(stream).single_data
            assert (list(data.names), list(data.values)) == ([str(fid) for fid in book], ["7"] * len(book))
            stream.cancel()
            second.cancel()

    def test_two_readers_share_a_registration_and_hear_only_of_what_each_asked_for(self) -> None:
        with (
            canned_server({}) as server,
            KoapyClient(server.address) as one,
            KoapyClient(server.address) as two,
        ):
            trades = one.real(["005930"], [15], infer_fids=True)
            wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
            quotes = two.real(["005930", "000660"], [27], infer_fids=True)
            wait_until(lambda: len(calls(server, "SetRealReg")) == 3)
            # 005930 with what both want of it, 000660 with what one does.
            assert calls(server, "SetRealReg")[1:] == [
                ("5101", "005930", "15;27", "1"),
                ("5101", "000660", "27", "1"),
            ]
            fire(server, "OnReceiveRealData", "005930", "주식우선호가", QUOTES)
            fire(server, "OnReceiveRealData", "005930", "주식호가잔량", "")
            fire(server, "OnReceiveRealData", "000660", "주식체결", TRADE)
            fire(server, "OnReceiveRealData", "005930", "주식체결", TRADE)
            assert plain(next(trades).arguments)[:2] == ["005930", "주식체결"]
            heard = [plain(next(quotes).arguments)[:2] for _ in range(3)]
            assert heard == [["005930", "주식우선호가"], ["000660", "주식체결"], ["005930", "주식체결"]]
            trades.cancel()
            quotes.cancel()
            wait_until(lambda: bool(calls(server, "DisconnectRealData")))

    def test_what_belongs_to_no_code_is_heard_under_the_blank_one(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.real([""], [215, 20, 214], infer_fids=True)
            wait_until(lambda: bool(calls(server, "SetRealReg")))
            fire(server, "OnReceiveRealData", "09", "장시작시간", "3\t090000\t000000")
            assert list(next(stream).single_data.values) == ["3", "090000", "000000"]

    def test_a_reader_that_goes_leaves_nothing_registered(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            for _ in range(3):
                stream = client.real(["005930"], [10])
                wait_until(lambda: bool(calls(server, "SetRealReg")))
                stream.cancel()
                wait_until(lambda: bool(calls(server, "DisconnectRealData")))
                server.control.calls.clear()

    @pytest.mark.parametrize(
        ("codes", "fids", "word"),
        [
            (["005930"], [], "FIDs"),
            ([], [10], "no codes"),
            (["005930;000660"], [10], "no code"),
            (["005930"], [7777777], "7777777"),
            (["005930_KX"], [10], "_NX"),
        ],
    )
    def test_what_cannot_be_registered_is_refused_before_anything_is_sent(
        self, codes: list[str], fids: list[int], word: str
    ) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            with pytest.raises(grpc.RpcError) as error:
                next(client.real(codes, fids))
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
            assert word in str(error.value.details())  # type: ignore[attr-defined]
            assert not calls(server, "SetRealReg")

    def test_before_the_login_it_says_so(self) -> None:
        with canned_server({}, connected=False) as server, KoapyClient(server.address) as client:
            with pytest.raises(grpc.RpcError) as error:
                next(client.real(["005930"], [10]))
            assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[attr-defined]

    def test_a_reader_that_is_too_slow_loses_the_oldest_and_is_told_how_many(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscriptions, "CAPACITY", 100)
        count = 20_000  # more than the connection itself holds
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.real(["005930"], [27], timeout=HANGS_AFTER, infer_fids=True)
            wait_until(lambda: bool(calls(server, "SetRealReg")))

            def burst() -> None:
                for number in range(count):
                    server.control.fire("OnReceiveRealData", "005930", "주식우선호가", f"{number}\t0")

            server.thread.post(burst).result(HANGS_AFTER)
            fire(server, "OnReceiveRealData", "005930", "주식우선호가", "last\t0")
            heard = lost = 0
            last = ""
            for event in stream:
                if event.name == "OnReceiveMsg":
                    lost += int(event.arguments[3].string_value.split()[0])
                    continue
                heard += 1
                last = event.single_data.values[0]
                if last == "last":
                    break
            stream.cancel()
        assert heard + lost == count + 1
        assert lost > 0


class TestBidirectionalRealCall:
    def test_codes_come_and_go_while_the_stream_stays(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            asked = RequestQueue()
            stream = client.bidirectional_real(iter(asked))
            request = message("BidirectionalRealRequest")()
            request.initialize_request.fid_list.extend([10, 27])
            request.initialize_request.flags.readable_names = True
            asked.put(request)
            asked.put(message("BidirectionalRealRequest")(register_request={"code_list": ["005930"]}))
            wait_until(lambda: bool(calls(server, "SetRealReg")))
            fire(server, "OnReceiveRealData", "005930", "주식우선호가", QUOTES)
            named = [reference.fid(fid).name for fid in (27, 28)]
            assert list(next(stream).single_data.names) == named
            asked.put(
                message("BidirectionalRealRequest")(
                    register_request={"code_list": ["000660"], "fid_list": [20]}
                )
            )
            wait_until(lambda: len(calls(server, "SetRealReg")) == 2)
            asked.put(message("BidirectionalRealRequest")(remove_request={"code_list": ["005930"]}))
            wait_until(lambda: bool(calls(server, "SetRealRemove")))
            fire(server, "OnReceiveRealData", "005930", "주식체결", TRADE)
            fire(server, "OnReceiveRealData", "000660", "주식체결", TRADE)
            assert plain(next(stream).arguments)[0] == "000660"
            asked.put(message("BidirectionalRealRequest")(stop_request={}))
            assert list(stream) == []
            wait_until(lambda: bool(calls(server, "DisconnectRealData")))

    def test_a_request_that_makes_no_sense_ends_it_with_a_reason(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            for wrong in (
                message("BidirectionalRealRequest")(),
                message("BidirectionalRealRequest")(register_request={"code_list": ["005930"]}),
            ):
                asked = RequestQueue()
                asked.put(wrong)
                with pytest.raises(grpc.RpcError) as error:
                    next(client.bidirectional_real(iter(asked)))
                assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
                asked.end()


class TestTicks:
    def test_events_come_many_in_a_message_in_their_order(self) -> None:
        with canned_server({}) as server:
            asked = RequestQueue()
            # As long a flush as a thread that has to wait for the processor may need to fire them all.
            asked.put(
                kernel_pb2.TicksRequest(add=["005930", "000660"], fids=[10, 27], flush_milliseconds=300)
            )
            stream = server.stub.Ticks(iter(asked), timeout=HANGS_AFTER)
            wait_until(lambda: bool(calls(server, "SetRealReg")))

            def burst() -> None:
                for number in range(1000):
                    server.control.fire(
                        "OnReceiveRealData", ["005930", "000660"][number % 2], "주식우선호가", f"{number}\t1"
                    )

            server.thread.post(burst).result(HANGS_AFTER)
            lines: list[str] = []
            codes: list[str] = []
            batches = 0
            while len(lines) < 1000:
                batch = next(stream)
                batches += 1
                if batch.type:
                    lines += batch.data.split("\n")
                    codes += [batch.codes[number] for number in batch.code]
                    assert {batch.types[number] for number in batch.type} == {"주식우선호가"}
                    assert len(batch.time) == len(batch.type) == len(batch.code)
                    assert set(batch.time) == {NOW}
            asked.end()
            stream.cancel()
        assert lines == [f"{number}\t1" for number in range(1000)]
        assert codes[:3] == ["005930", "000660", "005930"]
        assert batches < 50

    def test_an_event_after_a_quiet_time_waits_for_no_other(self) -> None:
        with canned_server({}) as server:
            asked = RequestQueue()
            asked.put(kernel_pb2.TicksRequest(add=["005930"], fids=[27], flush_milliseconds=60_000))
            stream = server.stub.Ticks(iter(asked), timeout=HANGS_AFTER)
            assert next(stream).carried_out == 1
            fire = server.control.fire
            server.thread.post(lambda: fire("OnReceiveRealData", "005930", "주식우선호가", "1\t1")).result(
                HANGS_AFTER
            )
            assert next(stream).data == "1\t1"
            stream.cancel()

    def test_each_request_is_carried_out_and_said_to_be(self) -> None:
        with canned_server({}) as server:
            asked = RequestQueue()
            asked.put(kernel_pb2.TicksRequest(add=["005930"], fids=[10]))
            stream = server.stub.Ticks(iter(asked), timeout=HANGS_AFTER)
            assert next(stream).carried_out == 1
            asked.put(kernel_pb2.TicksRequest(remove=["005930"], add=["000660"], fids=[10]))
            assert next(stream).carried_out == 2
            assert calls(server, "DisconnectRealData") == [("5101",)]
            assert calls(server, "SetRealReg")[-1][1] == "000660"
            stream.cancel()

    def test_a_slow_reader_is_told_what_it_lost_in_the_next_batch(self) -> None:
        with canned_server({}) as server:
            asked = RequestQueue()
            asked.put(kernel_pb2.TicksRequest(add=["005930"], fids=[27], capacity=10, flush_milliseconds=300))
            stream = server.stub.Ticks(iter(asked), timeout=HANGS_AFTER)
            assert next(stream).carried_out == 1

            def burst() -> None:
                for number in range(1000):
                    server.control.fire("OnReceiveRealData", "005930", "주식우선호가", f"{number}\t1")

            server.thread.post(burst).result(HANGS_AFTER)
            heard = dropped = 0
            while heard + dropped < 1000:
                batch = next(stream)
                heard += len(batch.type)
                dropped += batch.dropped
            assert heard + dropped == 1000
            assert dropped > 0
            stream.cancel()

    def test_the_connection_is_told_of_when_it_is_lost_and_when_it_is_there_again(self) -> None:
        with canned_server({}) as server:
            asked = RequestQueue()
            asked.put(kernel_pb2.TicksRequest(add=["005930"], fids=[10]))
            stream = server.stub.Ticks(iter(asked), timeout=HANGS_AFTER)
            assert next(stream).carried_out == 1
            fire(server, "OnEventConnect", -106)
            assert next(stream).connected is False
            fire(server, "OnEventConnect", 0)
            assert next(stream).connected is True
            stream.cancel()
