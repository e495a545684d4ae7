"""These tests run where the control lives: Python 3.10 with PySide2, without a screen."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
