"""Windows of a call's own: a condition is searched once a minute, and holds up nothing but itself."""

from __future__ import annotations

import pytest

from kernel_server.scheduler import (
    PRESETS,
    BackOff,
    Limits,
    Priority,
    Quota,
    RateLimitedCall,
    Window,
    WindowFull,
    keys,
)
from tests.support.scheduler_bench import START, Bench, drive, settle

OFFICIAL = PRESETS["official"]
GOLDEN = keys.of_condition(0, "골든크로스")
DEAD = keys.of_condition(1, "데드크로스")


async def all_done(bench: Bench, jobs: list[RateLimitedCall]) -> None:
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))


@pytest.mark.parametrize("preset", ["official", "safe"])
async def test_a_second_search_waits_for_its_minute_and_blocks_no_other_call(preset: str) -> None:
    bench = Bench(PRESETS[preset])
    jobs = [
        bench.submit("golden", also=GOLDEN),
        bench.submit("golden again", also=GOLDEN),
        bench.submit("dead", also=DEAD),
        bench.submit("tr"),
        bench.submit("other", client="b"),
    ]
    await settle()
    assert [name for name, _ in bench.called] == ["golden", "other", "dead", "tr"]
    assert bench.waiting() == 1
    await all_done(bench, jobs)
    assert bench.called[-1] == ("golden again", 60.0)
    await bench.scheduler.close()


async def test_a_search_counts_among_the_trs_too() -> None:
    bench = Bench(OFFICIAL)
    jobs = [bench.submit(str(number), also=keys.of_condition(number, "조건")) for number in range(4)]
    jobs += [bench.submit("tr"), bench.submit("one too many")]
    await all_done(bench, jobs)
    assert bench.called[-1] == ("one too many", 1.0)
    await bench.scheduler.close()


async def test_a_condition_is_told_apart_by_its_name_and_its_number() -> None:
    bench = Bench(OFFICIAL)
    own = [keys.of_condition(0, "가"), keys.of_condition(1, "가"), keys.of_condition(0, "나")]
    jobs = [bench.submit(str(number), also=each) for number, each in enumerate(own)]
    await settle()
    assert all(job.done.done() for job in jobs)
    await bench.scheduler.close()


async def test_what_comes_while_a_search_waits_for_its_minute_goes_at_once() -> None:
    bench = Bench(OFFICIAL)
    jobs = [bench.submit("golden", also=GOLDEN), bench.submit("again", also=GOLDEN)]
    await settle()
    bench.clock.advance(20.0)
    jobs.append(bench.submit("tr"))
    await settle()
    assert bench.called[-1] == ("tr", 20.0)
    await all_done(bench, jobs)
    assert bench.called[-1] == ("again", 60.0)
    await bench.scheduler.close()


async def test_the_most_urgent_search_gets_the_minute() -> None:
    bench = Bench(OFFICIAL)
    jobs = [bench.submit("golden", also=GOLDEN)]
    await settle()
    jobs += [
        bench.submit("bulk", "a", Priority.BULK, also=GOLDEN),
        bench.submit("interactive", "a", Priority.INTERACTIVE, also=GOLDEN),
    ]
    assert [round(bench.scheduler.position(job).wait) for job in jobs[1:]] == [120, 60]
    await all_done(bench, jobs)
    assert bench.called == [("golden", 0.0), ("interactive", 60.0), ("bulk", 120.0)]
    await bench.scheduler.close()


async def test_a_search_that_the_broker_did_not_take_does_not_cost_the_minute() -> None:
    bench = Bench(OFFICIAL)
    bench.answers = [-12, 0]
    jobs = [bench.submit("mismatch", also=GOLDEN), bench.submit("again", also=GOLDEN)]
    await all_done(bench, jobs)
    assert bench.called == [("mismatch", 0.0), ("again", 0.0)]
    await bench.scheduler.close()


async def test_a_search_given_up_while_it_waits_leaves_the_minute_to_the_next() -> None:
    bench = Bench(OFFICIAL)
    jobs = [bench.submit(name, also=GOLDEN) for name in ("first", "given up", "third")]
    await settle()
    jobs[1].done.cancel()
    await settle()
    assert bench.waiting() == 1
    await all_done(bench, jobs)
    assert bench.called == [("first", 0.0), ("third", 60.0)]
    await bench.scheduler.close()


async def test_nothing_is_waited_for_any_more_once_the_last_waiting_search_is_given_up() -> None:
    bench = Bench(OFFICIAL)
    bench.submit("first", also=GOLDEN)
    waiting = bench.submit("given up", also=GOLDEN)
    await settle()
    assert bench.clock.next_due() == START + 60.0
    waiting.done.cancel()
    await settle()
    assert bench.clock.next_due() is None
    await bench.scheduler.close()


async def test_it_can_be_told_to_fail_where_it_would_wait() -> None:
    bench = Bench(OFFICIAL, BackOff(when_full="fail"))
    first = bench.submit("first", also=GOLDEN)
    at_once = bench.submit("before the first is through", also=GOLDEN)
    await settle()
    later = bench.submit("later", also=GOLDEN)
    other = bench.submit("other", also=DEAD)
    await settle()
    assert first.done.result() == other.done.result() == 0
    for job in (at_once, later):
        error = job.done.exception()
        assert isinstance(error, WindowFull)
        assert (error.key, error.retry_at) == (GOLDEN[0], START + 60.0)
    bench.clock.advance(60.0)
    again = bench.submit("again", also=GOLDEN)
    await settle()
    assert again.done.result() == 0
    assert [name for name, _ in bench.called] == ["first", "other", "again"]
    await bench.scheduler.close()


async def test_a_full_window_of_all_trs_is_waited_for_even_then() -> None:
    bench = Bench(Limits("test", {"tr": (Window(1, 1.0),)}), BackOff(when_full="fail"))
    jobs = [bench.submit(str(number), also=GOLDEN) for number in range(3)]
    await all_done(bench, jobs)
    assert [time for _, time in bench.called] == [0.0, 1.0, 2.0]
    await bench.scheduler.close()


async def test_the_quotas_show_a_condition_as_long_as_its_minute_lasts() -> None:
    bench = Bench(OFFICIAL)
    search = bench.submit("first", also=GOLDEN)
    await settle()
    assert search.done.done()
    bench.clock.advance(15.0)
    assert bench.scheduler.quotas()[-1] == Quota(GOLDEN[0], Window(1, 60.0), 1, 1, 45.0)
    bench.clock.advance(45.0)
    assert {quota.key for quota in bench.scheduler.quotas()} == {"tr", "order"}
    await bench.scheduler.close()


async def test_windows_of_conditions_that_are_no_longer_searched_are_dropped() -> None:
    bench = Bench(Limits("test", {"condition": OFFICIAL.of("condition")}))
    for number in range(1000):
        job = bench.submit(str(number), also=keys.of_condition(number, "조건"))
        await drive(bench.clock, job.done.done)
        bench.clock.advance(1.0)
    assert len(bench.scheduler._windows) < 200
    await bench.scheduler.close()


async def test_account_trs_alone_wait_where_account_queries_are_refused() -> None:
    bench = Bench(OFFICIAL)
    bench.answers = [-211]
    jobs = [bench.submit("account", also=(keys.ACCOUNT,)), bench.submit("quote")]
    await settle()
    jobs.append(bench.submit("second account", also=(keys.ACCOUNT,)))
    await all_done(bench, jobs)
    assert bench.called == [
        ("account", 0.0),
        ("quote", 0.0),
        ("account", 1.0),
        ("second account", 1.0),
    ]
    await bench.scheduler.close()


@pytest.mark.parametrize("also", [(keys.ACCOUNT,), ()])
async def test_all_trs_wait_where_that_is_set_or_where_it_was_no_account_tr(also: tuple[str, ...]) -> None:
    bench = Bench(OFFICIAL, BackOff(account_alone=not also))
    bench.answers = [-211]
    jobs = [bench.submit("refused", also=also), bench.submit("quote")]
    await all_done(bench, jobs)
    assert bench.called == [("refused", 0.0), ("refused", 1.0), ("quote", 1.0)]
    await bench.scheduler.close()


async def test_account_queries_refused_without_end_are_told() -> None:
    bench = Bench(OFFICIAL, BackOff(attempts=3))
    bench.answers = [-211] * 3
    job = bench.submit("account", also=(keys.ACCOUNT,))
    await all_done(bench, [job])
    assert [time for _, time in bench.called] == [0.0, 1.0, 3.0]
    assert "-211" in str(job.done.exception())
    await bench.scheduler.close()
