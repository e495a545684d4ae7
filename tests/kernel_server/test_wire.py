"""The RPCs, as a client sees them that knows nothing but the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pytest

from kernel_server.clock import SteppedClock
from kernel_server.control.ready_made import ReadyMadeControl
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import presets
from kernel_server.server import BackgroundServer, Settings
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc


def test_x() -> None:
    rows=[[str(i)]*15 for i in range(600)]
    th=PlainThread()
    with BackgroundServer(lambda: ReadyMadeControl({"opt10081":[({"종목코드":"005930"},rows)]*3}, th.hand_over), SteppedClock(1e9), Settings(presets()["official"],port=0), th) as s:
        ch=grpc.insecure_channel(s.address)
        stub=kernel_pb2_grpc.KernelStub(ch)
        print(stub.Status(kernel_pb2.StatusRequest()))
        p=list(stub.Pages(kernel_pb2.PagesRequest(transaction_code="opt10081",inputs={"종목코드":"005930","수정주가구분":"1"})))
        print(len(p), p[0].rows, p[0].columns[1][:20])
        with pytest.raises(grpc.RpcError) as e: list(stub.Pages(kernel_pb2.PagesRequest(transaction_code="opt10081",inputs={"종목코드":"005930"})))
        print(e.value.details())
