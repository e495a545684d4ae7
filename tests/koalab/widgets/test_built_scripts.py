"""The JavaScript libraries that widgets carry are what `make js` builds from the lock, and may be passed on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from koalab.widgets.live_widget import script

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "koalab" / "widgets" / "static"
INSTALL_WITHIN = 120


def test_the_chart_s_library_is_built_from_its_lock(tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node with npm here: the built chart_library.js was not compared with js/")
    for name in ("package.json", "package-lock.json", ".npmrc", "chart_library.src.js"):
        shutil.copy(ROOT / "js" / name, tmp_path)
    install = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    installed = subprocess.run(
        install, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=INSTALL_WITHIN
    )
    if installed.returncode:
        pytest.skip(f"npm could not install esbuild and lightweight-charts: {installed.stderr[-200:]}")
    built = tmp_path / "built.js"
    subprocess.run(
        ("npm", "run", "build"), cwd=tmp_path, check=True, env=os.environ | {"OUT": str(built)}, timeout=60
    )
    assert built.read_text(encoding="utf-8") == (STATIC / "chart_library.js").read_text(encoding="utf-8")


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "js" / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, one in lock["packages"].items() if "resolved" in one] == []
    assert all("integrity" in one for name, one in lock["packages"].items() if name)


def test_licences_and_attribution_come_along() -> None:
    licences = (STATIC / "LICENSE.chart_library").read_text(encoding="utf-8")
    for words in ("lightweight-charts 5.2.1", "Apache License", "fancy-canvas", "MIT License"):
        assert words in licences
    assert "https://www.tradingview.com/" in script("chart.js")


def test_widgets_stay_small_and_ask_nothing_of_another_host() -> None:
    sizes = {name: len(script("common.js", name).encode()) for name in ("grid.js", "ladder.js", "account.js")}
    assert max(sizes.values()) <= 30_000
    assert len(script("common.js", "chart_library.js", "chart.js").encode()) <= 190_000
    for name in STATIC.glob("*.js"):
        assert not any(
            word in name.read_text(encoding="utf-8") for word in ("fetch(", "XMLHttpRequest", "import(")
        )
