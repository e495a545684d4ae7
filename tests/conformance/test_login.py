"""Logging in, and what the server says before and after it."""

from __future__ import annotations

import grpc
import pytest

from tests.conformance.broker import Broker
from tests.conformance.conftest import Host
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient

BROKER = {"user_name": "김철수 가나다라", "module_path": r"C:\오픈API"}


def test_before_it_the_state_is_zero_and_after_it_one(host: Host, broker: Broker, said: Transcript) -> None:
    with KoapyClient(host.address) as client:
        said.line(client.call("GetConnectState"))
        for event in client.login():
            said.message(event)
        said.line(client.call("GetConnectState"))
    assert said.lines[0] == "0"
    assert said.lines[-1] == "1"


def test_the_user_and_accounts_arrive_whole(client: KoapyClient, broker: Broker, said: Transcript) -> None:
    for tag in ("USER_ID", "USER_NAME", "ACCNO", "ACCOUNT_CNT", "GetServerGubun", "KEY_BSECGB", "nothing"):
        said.line(f"{tag}: {client.call('GetLoginInfo', tag)!r}")
    said.line(client.call("GetAPIModulePath"))
    assert "USER_NAME: '김철수 가나다라'" in said.lines


@pytest.mark.parametrize("code", [-100, -101, -102, -106])
def test_it_can_be_refused(host: Host, broker: Broker, said: Transcript, code: int) -> None:
    broker.fault(
        "reject_logins", code=code, times=1000
    )  # those of the server itself, too, which come in between
    broker.fault("cut")
    with KoapyClient(host.address) as client:
        with pytest.raises(grpc.RpcError) as error:
            client.login()
        said.error(error.value)
        assert str(code) in error.value.details()
        broker.fault("recover")
        client.login()
        said.line(client.call("GetConnectState"))
