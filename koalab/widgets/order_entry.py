"""``OrderEntry``: checks and sends the orders of a form, in two steps."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from koalab.errors import BadInput, KoalabError
from koalab.inputs.arguments import whole_number
from koalab.orders.order import Order
from koalab.orders.preview import OrderPreview

log = logging.getLogger(__name__)

SENT_WITHIN: Final = 30.0
"""Seconds after its check within which an order may be sent."""
_MOST: Final = 10**9


@dataclass(frozen=True, slots=True)
class FormOrder:
    """An order as a form has it; ``price`` in KRW, None at market."""

    code: str
    side: Literal["매수", "매도"]
    quantity: int
    price: int | None

    @classmethod
    def of_page(cls, code: str, content: object) -> FormOrder:
        """What a page has sent.

        Raises:
            BadInput: it is no order.
        """
        given: dict[str, Any] = content if isinstance(content, dict) else {}
        side, price = given.get("side"), given.get("price")
        if side not in ("매수", "매도"):
            raise BadInput("매수 또는 매도를 고르세요")
        return cls(
            code,
            side,
            whole_number("quantity", given.get("quantity"), 1, _MOST),
            None if price is None else whole_number("price", price, 1, _MOST),
        )


class OrderEntry:
    """An order is checked first, without being sent; the answer has a token, with which exactly it may be sent, once.

    What waits for the broker runs on a thread, one step at a time.

    Args:
        check: passes an order by the guards; what it would cost.
        send: sends it.
        monotonic: seconds of a clock that only goes forward.

    Attributes:
        version: counts the changes.
        answer: what became of the last step: ``token``, ``costs``, ``sent`` or ``error``.
        busy: whether a step is under way.
    """

    def __init__(
        self,
        check: Callable[[FormOrder], OrderPreview],
        send: Callable[[FormOrder], Order],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.version = 0
        self.answer: dict[str, str] = {}
        self.busy = False
        self._check = check
        self._send = send
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._checked: tuple[str, FormOrder, float] | None = None

    def check(self, code: str, content: object) -> None:
        """Begins to check a page's order; the one that was checked before can be sent no more."""
        self.forget()
        try:
            order = FormOrder.of_page(code, content)
        except BadInput as error:
            self._answer(error=str(error))
            return
        self._begin(lambda: self._on_check(order))

    def send(self, token: object) -> None:
        """Begins to send the order that was checked under that token."""
        with self._lock:
            checked, self._checked = self._checked, None
        if checked is None or checked[0] != token or self._monotonic() - checked[2] > SENT_WITHIN:
            self._answer(
                error=f"확인한 지 {SENT_WITHIN:.0f}초가 지났거나 확인하지 않은 주문입니다: 다시 확인하세요"
            )
            return
        self._begin(lambda: self._on_send(checked[1]))

    def forget(self) -> None:
        """Lets no order that was checked be sent."""
        with self._lock:
            self._checked = None
        self._answer()

    def _begin(self, step: Callable[[], None]) -> None:
        with self._lock:
            if self.busy:
                return
            self.busy = True
        threading.Thread(target=self._run, args=(step,), name="koalab-order-form", daemon=True).start()

    # -- on the thread

    def _run(self, step: Callable[[], None]) -> None:
        try:
            step()
        except KoalabError as error:
            log.info("order form: %s", error)
            self._answer(error=str(error))
        finally:
            self.busy = False
            self.version += 1

    def _on_check(self, order: FormOrder) -> None:
        found = self._check(order)
        token = secrets.token_hex(8)
        with self._lock:
            self._checked = (token, order, self._monotonic())
        words = f"{found.side} {found.name} {found.quantity:,}주 {found.type}"
        self._answer(token=token, side=order.side, order=words, costs=found.costs)

    def _on_send(self, order: FormOrder) -> None:
        sent = self._send(order)
        self._answer(sent=f"주문 {sent.number}: {sent.side} {sent.name} {sent.quantity:,}주, {sent.status}")

    def _answer(self, **answer: str) -> None:
        self.answer = answer
        self.version += 1
