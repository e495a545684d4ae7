"""koalab: Kiwoom's OpenAPI+ in a notebook.

>>> import koalab as kl
>>> kw = kl.connect()  # doctest: +SKIP
>>> kw.daily("삼성전자", start="2024-01-01")  # doctest: +SKIP
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if sys.version_info < (3, 11):
    raise ImportError(
        "koalab's client needs Python 3.11 or later; on 3.10, the control's machine, run `python -m kernel_server`,"
        " or `python -m kernel_server.service` for the task that starts it at logon"
    )

from kernel_server import __version__
from koalab import calendar, reference
from koalab.connecting import connect
from koalab.errors import (
    AuditIncomplete,
    BadInput,
    CacheDamaged,
    Forbidden,
    KoalabError,
    KoalabWarning,
    LoginFailed,
    MissingData,
    NoAnswer,
    NotConnected,
    OrderGuarded,
    OrderRejected,
    OtherPrices,
    PlanIncomplete,
    RateLimited,
    ServerLost,
    ShortHistory,
    TooEarly,
    UnknownCode,
)
from koalab.sessions.shared import current_session as session

if TYPE_CHECKING:
    from koalab.sessions.session import Session

__all__ = [
    "AuditIncomplete",
    "BadInput",
    "CacheDamaged",
    "Forbidden",
    "KoalabError",
    "KoalabWarning",
    "LoginFailed",
    "MissingData",
    "NoAnswer",
    "NotConnected",
    "OrderGuarded",
    "OrderRejected",
    "OtherPrices",
    "PlanIncomplete",
    "RateLimited",
    "ServerLost",
    "Session",
    "ShortHistory",
    "TooEarly",
    "UnknownCode",
    "__version__",
    "calendar",
    "connect",
    "load_ipython_extension",
    "reference",
    "session",
]


def load_ipython_extension(shell: object) -> None:
    """``%load_ext koalab``: registers ``%kiwoom`` and ``%%kiwoom``."""
    from koalab.magics import register

    register(shell)


def __dir__() -> list[str]:
    """What completion offers after ``kl.``: the public names."""
    return __all__


def __getattr__(name: str) -> object:
    if name == "Session":
        from koalab.sessions.session import Session

        return Session
    raise AttributeError(f"module 'koalab' has no attribute {name!r}")
