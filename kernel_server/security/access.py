"""The operator's access settings: addresses, TLS, tokens, real orders, streams per client."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from kernel_server.security.tls import Tls

MAX_STREAMS = 1000
REFUSAL_DELAY = 0.2


class Unprotected(ValueError):
    """The server would listen on a public address without TLS or without tokens."""


class BadAccess(ValueError):
    """Options that contradict each other."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What the operator allows; by default everything but real orders, for any process on this machine.

    Attributes:
        tls: certificate and key; None: no encryption.
        tokens: the table of tokens; None: callers need none.
        allow_real_orders: whether orders may go to a server that is not 모의투자 (the client has to allow it too).
        max_order_value: the most KRW one order may be worth, on any server; None: unlimited.
        max_streams: RPCs that one client (a connection) may have open at once.
        refusal_delay: real seconds before an RPC without a valid token is refused.
    """

    tls: Tls | None = None
    tokens: Path | None = None
    allow_real_orders: bool = False
    max_order_value: int | None = None
    max_streams: int = MAX_STREAMS
    refusal_delay: float = REFUSAL_DELAY

    def check_host(self, host: str) -> None:
        """Checks that the server may listen on that address.

        Raises:
            Unprotected: other machines can reach it, and TLS or tokens are missing.
        """
        if is_loopback(host):
            return
        missing = [
            option
            for option, found in (("--tls-cert and --tls-key", self.tls), ("--tokens", self.tokens))
            if found is None
        ]
        if missing:
            raise Unprotected(
                f"--host {host}: without TLS and tokens the server listens on this machine only (127.0.0.1, ::1); "
                f"missing: {', '.join(missing)} (`koalab certificates` and `koalab token add` make them)"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0")]
    [True, True, True, False]
    """
    if host.lower() == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this module to a parser."""
    group = parser.add_argument_group("security")
    group.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate of the server, PEM")
    group.add_argument(
        "--tls-key", type=Path, metavar="FILE", help="its key, PEM, readable by its owner only"
    )
    group.add_argument(
        "--tls-client-ca", type=Path, metavar="FILE", help="clients need a certificate that this CA signed"
    )
    group.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE",
        help="clients need a token of this table (`koalab token add` writes it)",
    )
    group.add_argument(
        "--allow-real-orders",
        action="store_true",
        help="let orders through where the broker is not 모의투자; their client has to allow them too",
    )
    group.add_argument(
        "--max-order-value",
        type=_won,
        metavar="KRW",
        help='what one order may be worth at most, or "unlimited"; needed for real orders',
    )
    group.add_argument(
        "--max-streams",
        type=int,
        default=MAX_STREAMS,
        metavar="N",
        help="RPCs that one client may have open (%(default)s)",
    )


def from_options(options: argparse.Namespace) -> Access:
    """The settings from parsed options.

    Raises:
        BadAccess: the options contradict each other.
        Unprotected: the server would listen on a public address without TLS or tokens.
    """
    if (options.tls_cert is None) != (options.tls_key is None):
        raise BadAccess("--tls-cert and --tls-key go together")
    if options.tls_client_ca is not None and options.tls_cert is None:
        raise BadAccess("--tls-client-ca goes with --tls-cert and --tls-key")
    if options.allow_real_orders and options.max_order_value is None:
        raise BadAccess(
            "--allow-real-orders goes with --max-order-value KRW: say how much one order may be worth at most"
            ' ("unlimited" where it may be anything)'
        )
    if options.max_streams < 1:
        raise BadAccess(f"--max-streams {options.max_streams}: it is at least 1")
    access = Access(
        tls=None
        if options.tls_cert is None
        else Tls(options.tls_cert, options.tls_key, options.tls_client_ca),
        tokens=options.tokens,
        allow_real_orders=options.allow_real_orders,
        max_order_value=options.max_order_value or None,
        max_streams=options.max_streams,
    )
    access.check_host(options.host)
    return access


def _won(text: str) -> int:
    """Parses an amount of KRW; 0 stands for "unlimited"."""
    if text == "unlimited":
        return 0
    plain = text.replace(",", "").replace("_", "")
    if not plain.isascii() or not plain.isdigit() or int(plain) == 0:
        raise argparse.ArgumentTypeError(f'{text!r} is no sum of money: 5000000, say, or "unlimited"')
    return int(plain)
