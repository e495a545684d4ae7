"""Plans of bulk loads: their cost is known before a TR is spent, and they resume where they stopped."""

from __future__ import annotations

from koalab.plans.plan import Plan

__all__ = ["Plan"]
