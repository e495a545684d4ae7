"""A broker that goes wrong: the connection is cut, the server restarts at night, answers and events fail to come."""

from __future__ import annotations

import grpc
import pytest

from kernel_server.wire import kernel_pb2
from tests.conformance.broker import Broker
from tests.conformance.conftest import Host, kernel
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient, plain
from tests.support.waiting import HANGS_AFTER, wait_until


def connected(client: KoapyClient) -> None:
    wait_until(lambda: client.call("GetConnectState") == 1)


def test_a_cut_is_heard_and_the_server_logs_in_again(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    heard = client.listen("OnEventConnect")
    heard.initial_metadata()
    broker.fault("cut", code=-101)
    for _ in range(2):
        said.message(next(heard))
    heard.cancel()
    connected(client)


def test_registrations_are_there_again_after_it(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    stream = client.real(["005930"], [10])
    stream.initial_metadata()
    broker.advance(10)
    assert next(stream).name == "OnReceiveRealData"
    heard = client.listen("OnEventConnect")
    heard.initial_metadata()
    broker.fault("cut")
    codes = [plain(next(heard).arguments)[0] for _ in range(2)]
    heard.cancel()
    assert codes == [-106, 0]
    names: list[str] = []
    while names.count("OnEventConnect") < 2:  # after the trades from before the cut
        names.append(next(stream).name)
    broker.advance(10)
    assert next(stream).name == "OnReceiveRealData"
    stream.cancel()
    said.line(names.count("OnEventConnect"))


def test_a_restart_at_night_refuses_logins_until_it_is_over(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    heard = client.listen("OnEventConnect")
    heard.initial_metadata()
    broker.fault("restart", seconds=180)
    said.message(next(heard))
    said.message(next(heard))  # the first login, which is refused
    broker.advance(200)
    for event in heard:  # how many logins were refused until then is a matter of time
        if plain(event.arguments) == [0]:
            said.message(event)
            break
    heard.cancel()


def test_a_tr_under_way_when_the_connection_is_cut_fails_at_once(
    host: Host, client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    with grpc.insecure_channel(host.address) as channel:

        def sent() -> int:
            return int(kernel(channel).Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER).trs)

        before = sent()
        broker.fault("lose", event="OnReceiveTrData", times=1)
        stream = client.transaction("opt10001", {"종목코드": "005930"})
        wait_until(lambda: sent() > before)
    broker.fault("cut")
    with pytest.raises(grpc.RpcError) as error:
        list(stream)
    said.error(error.value)
    broker.fault("recover")
    connected(client)


def test_an_event_that_comes_twice_is_one_answer(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    broker.fault("double", event="OnReceiveTrData", times=1)
    answers = list(client.transaction("opt10001", {"종목코드": "005930"}))
    assert len(answers) == 1
    said.message(answers[0])


def test_without_a_connection_nothing_is_invented(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    broker.fault("reject_logins", code=-101, times=1000)  # however slow the calls are
    broker.fault("cut")
    said.line(client.call("GetConnectState"))
    for name, arguments in (("GetMasterCodeName", ("005930",)), ("GetCodeListByMarket", ("0",))):
        said.line(repr(client.call(name, *arguments)))
    with pytest.raises(grpc.RpcError) as error:
        list(client.transaction("opt10001", {"종목코드": "005930"}))
    said.error(error.value)
    broker.fault("recover")
    connected(client)
