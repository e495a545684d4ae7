"""Plans of bulk loads: what they need is known before anything is spent, and they go on wherever they stopped."""

from __future__ import annotations

from koalab.plans.plan import Plan

__all__ = ["Plan"]
