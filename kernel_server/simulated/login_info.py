"""Data of the logged-in user: GetLoginInfo and GetAPIModulePath."""

from __future__ import annotations

from kernel_server.simulated.settings import BrokerSettings


class LoginInfo:
    """Login functions under Kiwoom's names."""

    def __init__(self, settings: BrokerSettings) -> None:
        numbers = "".join(f"{account.number};" for account in settings.accounts)
        details = (f"{account.number},{account.name},{account.product}" for account in settings.accounts)
        self._module_path = settings.module_path
        self._values = {
            "ACCOUNT_CNT": str(len(settings.accounts)),
            "ACCLIST": numbers,
            "ACCNO": numbers,
            "ACCTLIST_DETAIL": ";".join(details),
            "USER_ID": settings.user_id,
            "USER_NAME": settings.user_name,
            "GetServerGubun": settings.server_gubun,
            "KEY_BSECGB": "0",
            "FIREW_SECGB": "0",
        }

    def GetLoginInfo(self, sTag: str) -> str:
        """Blank for an unknown tag, which is a guess."""
        return self._values.get(sTag, "")

    def GetAPIModulePath(self) -> str:
        return self._module_path
