"""Many clients in a separate process.

``python -m tests.support.many_clients ADDRESS SCENARIO ARGUMENTS`` prints JSON.

grpc.aio lives badly with a second event loop in one process, and the server under test has one.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from kernel_server.wire import kernel_pb2
from tests.support.koapy_client import message
from tests.support.waiting import HANGS_AFTER

_PATH = "/koapy.backend.kiwoom_open_api_plus.grpc.KiwoomOpenApiPlusService"
_OPTIONS = [("grpc.use_local_subchannel_pool", 1)]


def stream(channel: grpc.aio.Channel, method: str, request: Any) -> Any:
    send, read = type(request).SerializeToString, message("ListenResponse").FromString
    return channel.unary_stream(f"{_PATH}/{method}", send, read)(request)


def real(channel: grpc.aio.Channel, code: str) -> Any:
    return stream(channel, "RealCall", message("RealRequest")(code_list=[code], fid_list=[27]))


async def burst(channel: grpc.aio.Channel, first: int, count: int) -> None:
    """The control fires ``count`` events for 005930, numbered from ``first``."""
    call = channel.unary_unary(
        f"{_PATH}/Call", message("CallRequest").SerializeToString, message("CallResponse").FromString
    )
    request = message("CallRequest")(name="KOA_Functions")
    for text in ("burst", f"{first},{count}"):
        request.arguments.add(string_value=text)
    await call(request, timeout=HANGS_AFTER)


async def streams_open(channel: grpc.aio.Channel) -> int:
    """How many streams are open by the server's status."""
    ask = channel.unary_unary(
        "/koalab.kernel.v1.Kernel/Status",
        kernel_pb2.StatusRequest.SerializeToString,
        kernel_pb2.StatusResponse.FromString,
    )
    status: kernel_pb2.StatusResponse = await ask(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER)
    return status.streams


async def take(one: Any, count: int) -> list[str]:
    found: list[str] = []
    async for event in one:
        found.append(event.single_data.values[0])
        if len(found) == count:
            return found
    raise AssertionError("the stream ended")


async def listeners(address: str, streams: str, rounds: str) -> object:
    """So many streams of one code; how many were open at once and heard every event of a round in order."""
    async with (
        grpc.aio.insecure_channel(address, _OPTIONS) as channel,
        grpc.aio.insecure_channel(address, _OPTIONS) as other,
    ):
        open_streams = [real(channel, "005930") for _ in range(int(streams))]
        await asyncio.gather(*(one.initial_metadata() for one in open_streams))
        seen, good = await streams_open(other), 0
        for number in range(int(rounds)):
            await burst(other, number * 10, 10)
            wanted = [str(number * 10 + place) for place in range(10)]
            heard = await asyncio.gather(*(take(one, 10) for one in open_streams))
            good += sum(one == wanted for one in heard)
        for one in open_streams:
            one.cancel()
    return {"open": seen, "good": good}


async def idler(address: str, readers: str, rounds: str, size: str) -> object:
    """Readers that read, and one that begins to when all is over: what each of them heard."""
    count = int(size)
    async with (
        grpc.aio.insecure_channel(address, _OPTIONS) as channel,
        grpc.aio.insecure_channel(address, _OPTIONS) as other,
    ):
        good = [real(channel, "005930") for _ in range(int(readers))]
        idle = real(other, "005930")
        await asyncio.gather(*(one.initial_metadata() for one in [*good, idle]))
        whole = 0
        for number in range(int(rounds)):
            await burst(channel, number * count, count)
            wanted = [str(number * count + place) for place in range(count)]
            heard = await asyncio.gather(*(take(one, count) for one in good))
            whole += sum(one == wanted for one in heard)
        seen = lost = 0
        last = ""
        async for event in idle:
            if event.name == "OnReceiveMsg":
                lost += int(event.arguments[3].string_value.split()[0])
            else:
                seen += 1
                last = event.single_data.values[0]
            if seen + lost == int(rounds) * count:
                break
        idle.cancel()
        for one in good:
            one.cancel()
    return {"whole": whole, "seen": seen, "lost": lost, "last": last}


async def quitters(address: str, count: str, seed: str) -> object:
    """RPCs of all kinds that are cancelled at any point."""
    draw = random.Random(int(seed))
    slots = asyncio.Semaphore(200)

    def kinds(channel: grpc.aio.Channel) -> list[Callable[[], Any]]:
        daily = message("TransactionRequest")(
            transaction_code="opt10081", inputs={"종목코드": "005930"}, screen_no="0001"
        )
        order = message("OrderRequest")(account_no="8000000011", code="005930", quantity=1, order_type=1)
        listening = message("ListenRequest")
        return [
            lambda: real(channel, f"{draw.randrange(300):06d}"),
            lambda: stream(channel, "Listen", listening(slots=["OnReceiveMsg"])),
            lambda: stream(channel, "OrderListen", listening()),
            lambda: stream(channel, "TransactionCall", daily),
            lambda: stream(channel, "OrderCall", order),
            lambda: stream(channel, "CustomListen", listening()),
        ]

    async def one(channel: grpc.aio.Channel) -> None:
        async with slots:
            rpc = draw.choice(kinds(channel))()
            task = asyncio.ensure_future(_read(rpc))
            await asyncio.sleep(draw.choice([0, 0, 0.0005, 0.002, 0.01]))
            rpc.cancel()
            await task

    async with grpc.aio.insecure_channel(address, _OPTIONS) as channel:
        await asyncio.gather(*(one(channel) for _ in range(int(count))))
    return int(count)


async def _read(rpc: Any) -> None:
    try:
        async for _ in rpc:
            pass
    except (grpc.aio.AioRpcError, asyncio.CancelledError):
        pass


if __name__ == "__main__":
    scenario = {"listeners": listeners, "idler": idler, "quitters": quitters}[sys.argv[2]]
    print(json.dumps(asyncio.run(asyncio.wait_for(scenario(sys.argv[1], *sys.argv[3:]), 4 * HANGS_AFTER))))  # type: ignore[operator]
