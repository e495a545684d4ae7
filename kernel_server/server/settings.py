"""How a kernel server runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kernel_server.observe.health import HealthSettings
from kernel_server.reconnecting import ReconnectSettings, usually_open
from kernel_server.scheduler import BackOff, Limits
from kernel_server.security.access import Access
from kernel_server.transactions import ANSWER_TIMEOUT

DEFAULT_PORT = 5943


@dataclass(frozen=True)
class ServerSettings:
    """How a server runs.

    Attributes:
        limits: the broker's windows.
        host: address to listen on.
        port: port to listen on, 0 for any that is free.
        state_dir: where the history of calls is stored over restarts; None: nowhere.
        back_off: what to do when the broker refuses all the same.
        answer_timeout: seconds (real ones) after which a TR without an answer fails.
        custom_code: whether clients may send code to be run here (CustomListen, CustomCallAndListen). It can do
            everything that this process can, so it is off unless every client is trusted with that.
        reconnect: what is done about lost connections and silence.
        is_open: whether the market is open at a moment, seconds since the epoch.
        market_phase: of a moment, the date of the session and its phase; None where there is no calendar.
        access: who may reach it, and what may be done on it.
        health: how its health is monitored.
        greeting_timeout: seconds (real ones) after which a connection that says nothing is closed.
        idle_timeout: the same of one without an RPC; gRPC's clients open another when they need it.
        metrics_port: port on 127.0.0.1 where Prometheus reads, 0 for any; None: nowhere.
        on_connect: called on the control thread with the code of each OnEventConnect.
    """

    limits: Limits
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    state_dir: Path | None = None
    back_off: BackOff = field(default_factory=BackOff)
    answer_timeout: float = ANSWER_TIMEOUT
    custom_code: bool = False
    reconnect: ReconnectSettings = field(default_factory=ReconnectSettings)
    is_open: Callable[[float], bool] = usually_open
    market_phase: Callable[[float], tuple[str, str]] | None = None
    access: Access = field(default_factory=Access)
    health: HealthSettings = field(default_factory=HealthSettings)
    greeting_timeout: float = 10.0
    idle_timeout: float = 3600.0
    metrics_port: int | None = None
    on_connect: Callable[[int], None] | None = None
