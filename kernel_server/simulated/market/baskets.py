"""Baskets of indices: the largest common shares of some markets and industries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kernel_server.simulated.market.model import Issue


def by_size(issues: Mapping[str, Issue], prices: Mapping[str, int]) -> list[Issue]:
    """The issues, the largest first; without prices in the order of the listing, as the sort is stable."""
    return sorted(issues.values(), key=lambda issue: -issue.shares * prices.get(issue.code, 0))


def candidates(
    sorted_issues: Sequence[Issue], markets: Sequence[str], industries: Sequence[str]
) -> Iterator[Issue]:
    """Common shares of some markets, and of some industries unless there are none to choose."""
    for issue in sorted_issues:
        # Only common shares have codes that end in 0.
        common = issue.kind == "stock" and issue.code.endswith("0") and issue.market in markets
        if common and (not industries or issue.industry in industries):
            yield issue
