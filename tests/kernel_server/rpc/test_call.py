"""Plain calls of clients that share one control: what they do on screens of theirs, and how a login ends for them."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from tests.support.canned_server import CannedServer, RequestQueue, calls, canned_server, fire
from tests.support.koapy_client import KoapyClient, message, plain
from tests.support.waiting import HANGS_AFTER, wait_until

TRADE = "\t".join(str(number) for number in range(43))


class TestScreens:
    def test_all_screens_are_those_that_plain_calls_have_named(self) -> None:
        with (
            canned_server({}) as server,
            KoapyClient(server.address) as client,
            KoapyClient(server.address) as other,
        ):
            stream = other.real(["005930"], [10])
            wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
            for screen in ("0150", "0151", "0152"):
                client.call("SetRealReg", screen, "005930", "10", "0")
            client.call("DisconnectRealData", "0152")
            client.call("SetRealRemove", "ALL", "000660")
            client.call("SetRealRemove", "ALL", "ALL")
            client.call("SetRealRemove", "ALL", "ALL")  # there is nothing left
            assert calls(server, "SetRealRemove") == [
                ("0150", "000660"),
                ("0151", "000660"),
                ("0150", "ALL"),
                ("0151", "ALL"),
            ]
            fire(server, "OnReceiveRealData", "005930", "주식체결", TRADE)
            assert plain(next(stream).arguments)[0] == "005930"
            stream.cancel()

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("SetRealReg", ("5101", "005930", "10", "0")),
            ("SetRealRemove", ("5101", "ALL")),
            ("DisconnectRealData", ("5001",)),
            ("CommRqData", ("이름", "opt10001", 0, "5100")),
            ("SendCondition", ("5209", "조건", 0, 0)),
            ("SendOrder", ("이름", "5199", "8000000011", 1, "005930", 1, 0, "03", "")),
        ],
    )
    def test_the_servers_own_are_refused_before_the_control_sees_them(
        self, name: str, arguments: tuple[str | int, ...]
    ) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            with pytest.raises(grpc.RpcError) as error:
                client.call(name, *arguments)
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "5001 to 5209" in str(error.value.details())
            assert server.control.calls == []

    def test_of_streams_may_have_any_name(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            stream = client.real(["005930"], [10], screens=["5101"])
            wait_until(lambda: bool(calls(server, "SetRealReg")))
            stream.cancel()


def ears(server: CannedServer) -> int:
    return server.thread.post(lambda: server.server.host.router.counts()[1]).result(HANGS_AFTER)


class TestAPlainLogin:
    """CommConnect by one call, and OnEventConnect by another stream that may come before it or after it."""

    @staticmethod
    def listening(client: KoapyClient) -> tuple[RequestQueue, object]:
        asked = RequestQueue()
        asked.put(message("BidirectionalListenRequest")(listen_request={"slots": ["OnEventConnect"]}))
        return asked, client.bidirectional_listen(iter(asked))

    @pytest.mark.parametrize("connected", [False, True])
    def test_is_heard_of_by_a_listener_that_was_there(self, connected: bool) -> None:
        with canned_server({}, connected=connected) as server, KoapyClient(server.address) as client:
            before = ears(server)
            asked, stream = self.listening(client)
            wait_until(lambda: ears(server) > before)
            assert client.call("CommConnect") == 0
            assert plain(next(stream).arguments) == [0]  # type: ignore[call-overload]
            asked.end()

    @pytest.mark.parametrize("connected", [False, True])
    def test_is_heard_of_by_a_listener_that_comes_late_and_once(self, connected: bool) -> None:
        with canned_server({}, connected=connected) as server, KoapyClient(server.address) as client:
            assert client.call("CommConnect") == 0
            wait_until(lambda: client.call("GetConnectState") == 1)
            asked, stream = self.listening(client)
            assert plain(next(stream).arguments) == [0]  # type: ignore[call-overload]
            asked.put(message("BidirectionalListenRequest")(handled_request={}))
            fire(server, "OnEventConnect", -106)
            assert plain(next(stream).arguments) == [-106]  # type: ignore[call-overload]
            asked.end()

    def test_is_not_sent_to_other_clients_nor_after_the_connection_is_lost(self) -> None:
        with (
            canned_server({}) as server,
            KoapyClient(server.address) as client,
            KoapyClient(server.address) as other,
        ):
            before = ears(server)
            hears: Callable[[], bool] = lambda: ears(server) > before  # noqa: E731
            stranger = other.listen("OnEventConnect")
            wait_until(hears)
            assert client.call("CommConnect") == 0
            fire(server, "OnEventConnect", -106)
            before = ears(server)
            late = client.listen("OnEventConnect")
            wait_until(hears)
            fire(server, "OnEventConnect", 0)
            assert plain(next(late).arguments) == [0]
            assert [plain(next(stranger).arguments) for _ in range(2)] == [[-106], [0]]
