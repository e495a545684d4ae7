"""The user's ID and passwords, in Windows' own credential store and nowhere else.

Each is in no repr, no log and no command line.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

SERVICE: Final = "koalab"
"""The name under which Windows' credential manager shows it."""
NEEDED: Final = 'py -3.10-32 -m pip install --prefer-binary ".[windows]"'


class NoStore(RuntimeError):
    """There is no credential store that could be used, with what to do."""


@dataclass(frozen=True)
class Credential:
    """What the login window asks for.

    Attributes:
        user: the ID.
        password: 비밀번호.
        certificate: 인증비밀번호, the certificate's; blank: 모의투자, which asks for none.
    """

    user: str
    password: str = field(repr=False)
    certificate: str = field(default="", repr=False)


class Keyring(Protocol):
    """What is used of a backend of keyring."""

    def get_credential(self, service: str, username: str | None) -> Any: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


class CredentialStore:
    """One credential, in the store of the user that is logged on to Windows.

    Args:
        keyring: the store; left out: Windows' own.

    Raises:
        NoStore: this is not Windows, or keyring is not installed.
    """

    def __init__(self, keyring: Keyring | None = None) -> None:
        self._keyring = keyring or _of_windows()

    def read(self) -> Credential | None:
        """The credential; None where none is stored."""
        found = self._keyring.get_credential(SERVICE, None)
        if found is None:
            return None
        try:
            secrets = json.loads(found.password)
            return Credential(found.username, secrets["password"], secrets["certificate"])
        except (ValueError, KeyError, TypeError):
            return None  # an entry of that name which is not ours

    def write(self, credential: Credential) -> None:
        """Stores it in place of the one before."""
        self.delete()
        secrets = {"password": credential.password, "certificate": credential.certificate}
        self._keyring.set_password(SERVICE, credential.user, json.dumps(secrets))

    def delete(self) -> bool:
        """Deletes what is stored; whether there was anything."""
        found = self._keyring.get_credential(SERVICE, None)
        if found is None:
            return False
        self._keyring.delete_password(SERVICE, found.username)
        return True


def _of_windows() -> Keyring:
    if sys.platform != "win32":
        raise NoStore(f"a credential is kept in Windows' own store, and this is {sys.platform}")
    try:
        windows: Any = importlib.import_module("keyring.backends.Windows")
    except ImportError as error:
        raise NoStore(f"keyring is not installed here: {NEEDED}") from error
    # By name, as keyring's own choice may be a file; and on this machine alone, without the user's roaming profile.
    backend: Any = windows.WinVaultKeyring()
    backend.persist = "local machine"
    found: Keyring = backend
    return found
