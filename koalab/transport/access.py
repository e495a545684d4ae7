"""Authentication of a session: its token, TLS, and the opt-in to real orders."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc

from kernel_server.security.access import is_loopback
from kernel_server.security.files import NotPrivate, check_private
from kernel_server.wire import ALLOW_REAL_ORDERS, AUTHORIZATION
from koalab.errors import BadInput
from koalab.inputs.arguments import path
from koalab.transport.metadata_interceptor import MetadataInterceptor

NO_PROXY: Final = ("grpc.enable_http_proxy", 0)
"""Option of a channel to this machine: gRPC would ask the proxy of http_proxy for it, which means another one."""

Token = str | os.PathLike[str]
TlsFiles = bool | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class Tls:
    """A client's TLS files, in PEM.

    Attributes:
        ca: the CA of the server's certificate; None: the system's trusted CAs.
        certificate, key: the client's own, for a server that requires them.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """The same for Python's ssl module, whose errors about files and servers are clearer than gRPC's.

        Raises:
            BadInput: a file is missing or invalid.
        """
        context = ssl.create_default_context()
        context.set_alpn_protocols(["h2"])
        if self.ca is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.set_alpn_protocols(["h2"])
            try:
                context.load_verify_locations(self.ca)
            except OSError as error:
                raise BadInput(f"tls: {self.ca} holds no CA certificate: {_reason(error)}") from None
        if self.certificate is not None and self.key is not None:
            try:
                check_private(self.key)
                # A blank password: otherwise ssl prompts for an encrypted key's in the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
            except NotPrivate as error:
                raise BadInput(f"tls: {error}") from None
            except (OSError, ValueError) as error:
                raise BadInput(
                    f"tls: {self.certificate} and {self.key} are no certificate and its key: {_reason(error)}"
                ) from None
        return context

    def credentials(self) -> grpc.ChannelCredentials:
        """The same for gRPC.

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
    """Token, TLS and opt-in to real orders. The token is in no repr and no error."""

    token: str = field(default="", repr=False)
    tls: Tls | None = None
    allow_real_orders: bool = False

    def check(self, host: str) -> None:
        """Requires TLS before a token is sent to another machine.

        Raises:
            BadInput: the token would be sent in clear text.
        """
        if self.token and self.tls is None and not is_loopback(host):
            raise BadInput(
                f'a token is not sent to {host} without TLS, since anybody on the way could read it: give tls="ca.pem"'
                " (or KOALAB_TLS), the CA that `koalab certificates` made"
            )

    def channel(self, target: str, options: Sequence[tuple[str, Any]]) -> grpc.Channel:
        """A channel to the target that sends the token with every RPC.

        Raises:
            BadInput: as ``check``, or a file of ``tls`` is unusable.
        """
        host = target.rpartition(":")[0].strip("[]")
        self.check(host)
        if is_loopback(host):
            options = [*options, NO_PROXY]
        if self.tls is None:
            channel = grpc.insecure_channel(target, options=options)
        else:
            channel = grpc.secure_channel(target, self.tls.credentials(), options=options)
        metadata: list[tuple[str, str]] = []
        if self.token:
            metadata.append((AUTHORIZATION, f"Bearer {self.token}"))
        if self.allow_real_orders:
            metadata.append((ALLOW_REAL_ORDERS, "yes"))
        return grpc.intercept_channel(channel, MetadataInterceptor(metadata)) if metadata else channel


def access_from(
    token: Token | None,
    tls: TlsFiles | None,
    allow_real_orders: bool,
    environment: Mapping[str, str] = os.environ,
) -> Access:
    """``Access`` from arguments, or from the environment (KOALAB_TOKEN, KOALAB_TLS) where they are None.

    Args:
        token: the token, or a path to its file.
        tls: the file with the server's CA; CA, client certificate and its key; or True for a server certificate
            that the system trusts.
        allow_real_orders: whether orders may go to a broker that is not 모의투자.
        environment: KOALAB_TLS holds one file, or three with ``:`` (on Windows ``;``) between.

    Raises:
        BadInput: an argument is invalid.
    """
    if not isinstance(allow_real_orders, bool):
        raise BadInput("allow_real_orders is True or False")
    if token is None:
        token = environment.get("KOALAB_TOKEN") or None
    if tls is None:
        tls = parse_tls(environment.get("KOALAB_TLS") or "")
    return Access(_token(token), _tls(tls), allow_real_orders)


def parse_tls(text: str) -> TlsFiles | None:
    """``tls`` from one text: one file, or three separated by the system's path separator; None if blank."""
    files = text.split(os.pathsep) if text else []
    return None if not files else files[0] if len(files) == 1 else files


def _token(token: Token | None) -> str:
    if token is None:
        return ""
    if isinstance(token, str):
        found, what = token.strip(), "token"
    elif not isinstance(token, os.PathLike):  # not quoted: it may be the token, as bytes
        raise BadInput("token is a text, or as a Path the file that holds it")
    else:
        file = path("token", token)
        try:
            check_private(file)
            found, what = file.read_text(encoding="utf-8").strip(), f"{file}"
        except NotPrivate as error:
            raise BadInput(f"token: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"no token can be read from {file}: {_reason(error)}") from None
    # The error must not quote the token.
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
    files = [tls] if isinstance(tls, (str, os.PathLike)) or not isinstance(tls, Sequence) else list(tls)
    if len(files) not in (1, 3) or not all(isinstance(file, (str, os.PathLike)) for file in files):
        raise BadInput(
            "tls is the file with the server's CA, \"ca.pem\", or that and the client's certificate and key,"
            ' ("ca.pem", "client.pem", "client.key")'
        )
    return Tls(*(path("tls", file) for file in files))


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
