"""Each Python example of the guide runs, over the simulated broker.

A page's examples run one after the other and share their names. An example that cannot run here has a comment right
above it, ``<!-- not run: REASON -->``, and is in the list below.
"""

from __future__ import annotations

import ast
import inspect
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import koalab as kl
from kernel_server import simulated
from kernel_server.simulated.brokerage.account import Holding
from koalab.connecting import connect
from koalab.errors import KoalabWarning, NoAnswer
from tests.koalab.orders.test_orders import ACCOUNT, CODE, MORNING
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
NOT_RUN = {
    "bars.md": ["it needs given files of which one is damaged"],
    "cache.md": 3 * ["the tests of the exported cache run it"],
    "from-koapy.md": ["KOAPY's half"],
    "wire.md": ["code that a client sends to the server"],
}
# What would take long, or send something: shorter, or to a function.
SHORTER = {
    'kw.codes("KOSPI").index': 'kw.codes("KOSPI").index[:3]',
    "kw.update_market()": 'kw.update_market(market="ETN")',
    'start="2016-01-01"': 'start="2026-10-01"',
    '"discord://…"': "print",
    '"tgram://…"': "print",
}
_FENCE = re.compile(r"(?:<!-- not run: (?P<why>.*?) -->\n)?```python\n(?P<code>.*?)```", re.DOTALL)


class Example(NamedTuple):
    line: int
    code: str
    not_run: str


def examples(page: str) -> list[Example]:
    text = (GUIDE / page).read_text(encoding="utf-8")
    return [
        Example(text.count("\n", 0, found.start("code")) + 1, found["code"], found["why"] or "")
        for found in _FENCE.finditer(text)
    ]


AFTER_THE_CLOSE = "archive.md"
PAGES = [page.name for page in sorted(GUIDE.glob("*.md")) if examples(page.name)]
PAGES.append(PAGES.pop(PAGES.index(AFTER_THE_CLOSE)))


class OneRound(ast.NodeTransformer):
    """Loops over what goes on for ever take one event."""

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        if isinstance(node.iter, ast.Name):
            called = ast.Call(ast.Name("one_of", ast.Load()), [node.iter], [])
            node.iter = ast.copy_location(called, node.iter)
        return node


def one_of(events: Any) -> Iterator[Any]:
    with suppress(NoAnswer):
        yield events.next(1.0)


def run(example: Example, page: str, names: dict[str, Any]) -> None:
    code = example.code
    for long, short in SHORTER.items():
        code = code.replace(long, short)
    tree = ast.fix_missing_locations(OneRound().visit(ast.parse(code)))
    ast.increment_lineno(tree, example.line - 1)
    exec(compile(tree, str(GUIDE / page), "exec"), names)


@contextmanager
def moving(market: Market) -> Iterator[None]:
    """The clock goes on, two seconds at a time, as fast as the broker can follow."""
    stopped = threading.Event()

    def move() -> None:
        while not stopped.wait(0.01):
            market.clock.advance(2.0)
            market.thread.post(lambda: None).result(HANGS_AFTER)

    thread = threading.Thread(target=move, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    account = simulated.AccountSetting(ACCOUNT, credit=True)
    settings = simulated.BrokerSettings(limited=False, accounts=(account,), deposit=100_000_000)
    found = start(tmp_path_factory.mktemp("guide"), MORNING, settings=settings, limits="official")
    loan = Holding(10, 1_500_000, 0, 800_000)
    found.look(
        lambda broker: broker._brokerage._books.accounts[ACCOUNT].loans.update({(CODE, "20261102"): loan})
    )
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(
    page: str, market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    if page == AFTER_THE_CLOSE:
        market.clock.advance(11 * 3600)
    kw = market.connect("cache")

    def connected(*arguments: Any, **options: Any) -> Any:
        """The session in place of another server's, for arguments that ``kl.connect`` takes."""
        inspect.signature(connect).bind(*arguments, **options)
        return kw

    monkeypatch.setattr(kl, "connect", connected)
    names = {"kl": kl, "kw": kw, "one_of": one_of, "daily": kw.daily(CODE), "token": "…"}
    with warnings.catch_warnings(), moving(market):
        warnings.simplefilter("ignore", KoalabWarning)
        for example in examples(page):
            if not example.not_run:
                run(example, page, names)
    kw.close()


@pytest.mark.parametrize("page", PAGES)
def test_examples_that_are_not_run_are_listed(page: str) -> None:
    assert [one.not_run for one in examples(page) if one.not_run] == NOT_RUN.get(page, [])
