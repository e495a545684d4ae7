"""How a session shows who it is, and makes sure of who answers: token, TLS, and leave to trade real money."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from kernel_server.security.access import is_loopback
from kernel_server.security.files import NotPrivate, check_private
from kernel_server.wire import ALLOW_REAL_ORDERS, AUTHORIZATION
from koalab.errors import BadInput
from koalab.transport.metadata_interceptor import MetadataInterceptor

Token = str | os.PathLike[str]
TlsFiles = bool | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class Tls:
    """What a client needs for TLS, as PEM files.

    Attributes:
        ca: who signs servers; None: whom this machine trusts anyway.
        certificate, key: the client's own, where the server wants one.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """The same for Python's own TLS, which says what is wrong with files and servers in better words.

        Raises:
            BadInput: a file is missing or is not what it should be.
        """
        context = ssl.create_default_context()
        context.set_alpn_protocols(["h2"])
        if self.ca is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.set_alpn_protocols(["h2"])
            try:
                context.load_verify_locations(self.ca)
            except OSError as error:
                raise BadInput(f"tls: {self.ca} holds no CA certificate: {_said(error)}") from None
        if self.certificate is not None and self.key is not None:
            try:
                check_private(self.key)
                # An encrypted key would be asked for at the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
            except NotPrivate as error:
                raise BadInput(f"tls: {error}") from None
            except (OSError, ValueError) as error:
                raise BadInput(
                    f"tls: {self.certificate} and {self.key} are no certificate and its key: {_said(error)}"
                ) from None
        return context

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC connects with.

        Raises:
            BadInput: as ``context``.
        """
        self.context()
        ca, certificate, key = (
            None if file is None else file.read_bytes() for file in (self.ca, self.certificate, self.key)
        )
        return grpc.ssl_channel_credentials(ca, key, certificate)


@dataclass(frozen=True)
class Access:
    """All of it. The token is in no repr and no error."""

    token: str = field(default="", repr=False)
    tls: Tls | None = None
    allow_real_orders: bool = False

    def check(self, host: str) -> None:
        """Whether the token may be sent there.

        Raises:
            BadInput: others could read it on the way.
        """
        if self.token and self.tls is None and not is_loopback(host):
            raise BadInput(
                f'a token is not sent to {host} without TLS, since anybody on the way could read it: give tls="ca.pem"'
                " (or KOALAB_TLS), the CA that `koalab certificates` made"
            )

    def channel(self, target: str, options: Sequence[tuple[str, Any]]) -> grpc.Channel:
        """A channel to the target, on which every RPC says who is asking.

        Raises:
            BadInput: as ``check``, or a file of ``tls`` cannot be used.
        """
        self.check(target.rpartition(":")[0].strip("[]"))
        if self.tls is None:
            channel = grpc.insecure_channel(target, options=options)
        else:
            channel = grpc.secure_channel(target, self.tls.credentials(), options=options)
        said: list[tuple[str, str]] = []
        if self.token:
            said.append((AUTHORIZATION, f"Bearer {self.token}"))
        if self.allow_real_orders:
            said.append((ALLOW_REAL_ORDERS, "yes"))
        return grpc.intercept_channel(channel, MetadataInterceptor(said)) if said else channel


def access_from(
    token: Token | None,
    tls: TlsFiles | None,
    allow_real_orders: bool,
    environment: Mapping[str, str] = os.environ,
) -> Access:
    """What was given, else what the environment has (KOALAB_TOKEN, KOALAB_TLS).

    Args:
        token: the token, or as a path the file that holds it.
        tls: the file with the server's CA; that, the client's certificate and its key; or True, where the server
            has a certificate that this machine trusts anyway.
        allow_real_orders: whether orders may go to a broker that is not 모의투자.
        environment: KOALAB_TLS holds one file, or three with ``:`` (on Windows ``;``) between.

    Raises:
        BadInput: it makes no sense.
    """
    if not isinstance(allow_real_orders, bool):
        raise BadInput("allow_real_orders is True or False")
    if token is None:
        token = environment.get("KOALAB_TOKEN") or None
    if tls is None:
        tls = parse_tls(environment.get("KOALAB_TLS") or "")
    return Access(_token(token), _tls(tls), allow_real_orders)


def parse_tls(text: str) -> TlsFiles | None:
    """``tls`` from one text: a file, or three with the system's separator of paths between; None where it is blank."""
    files = text.split(os.pathsep) if text else []
    return None if not files else files[0] if len(files) == 1 else files


def _token(token: Token | None) -> str:
    if token is None:
        return ""
    if isinstance(token, str):
        found, what = token.strip(), "token"
    else:
        file = Path(token).expanduser()
        try:
            check_private(file)
            found, what = file.read_text(encoding="utf-8").strip(), f"{file}"
        except NotPrivate as error:
            raise BadInput(f"token: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"no token can be read from {file}: {_said(error)}") from None
    # What is wrong with it is told, and not what it is.
    if not found or not all("!" <= letter <= "~" for letter in found):
        raise BadInput(
            f"{what}: a token is one word of letters, digits and signs, as `koalab token add` gives it"
        )
    return found


def _tls(tls: TlsFiles | None) -> Tls | None:
    if tls is None or tls is False:
        return None
    if tls is True:
        return Tls()
    files = [tls] if isinstance(tls, (str, os.PathLike)) else list(tls)
    if len(files) not in (1, 3) or not all(isinstance(file, (str, os.PathLike)) for file in files):
        raise BadInput(
            "tls is the file with the server's CA, \"ca.pem\", or that and the client's certificate and key,"
            ' ("ca.pem", "client.pem", "client.key")'
        )
    return Tls(*(Path(file).expanduser() for file in files))


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
