"""TRs about an issue at another exchange: codes like ``005930_NX`` and ``005930_AL`` have separate handlers."""

from __future__ import annotations

from collections.abc import Mapping

from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRequest
from kernel_server.simulated.market.nextrade.venues import split


def by_venue(own: Mapping[str, TrHandler], others: Mapping[str, TrHandler]) -> dict[str, TrHandler]:
    """Handlers by TR code, of which ``others`` answer where the code names another exchange."""

    def either(handler: TrHandler, other: TrHandler) -> TrHandler:
        def answer(request: TrRequest, now: float) -> TrAnswer:
            return (other if split(request.inputs["종목코드"])[1] else handler)(request, now)

        return answer

    return {code: either(handler, others[code]) for code, handler in own.items()}
