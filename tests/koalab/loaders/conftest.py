"""Tests of loads read the broker's time without a request: they ask for it thousands of times."""

from tests.support.shared_clock import clocks_are_shared

__all__ = ["clocks_are_shared"]
