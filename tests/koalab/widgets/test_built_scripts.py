"""The live chart's script is what `make js` builds from its source and lock, and its libraries may be passed on."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from koalab.widgets.live_widget import script
from tests.support.waiting import HANGS_AFTER

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "koalab" / "widgets" / "static"
INSTALL_WITHIN = 120


def test_the_chart_s_script_is_built_from_its_source_and_lock(tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node with npm here: the built chart.js was not compared with js/")
    js, static = tmp_path / "js", tmp_path / STATIC.relative_to(ROOT)
    js.mkdir()
    static.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "build.mjs", "chart.src.js"):
        shutil.copy(ROOT / "js" / name, js)
    shutil.copy(STATIC / "common.js", static)
    install = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    installed = subprocess.run(
        install, cwd=js, capture_output=True, text=True, check=False, timeout=INSTALL_WITHIN
    )
    if installed.returncode:
        pytest.skip(f"npm could not install esbuild and lightweight-charts: {installed.stderr[-200:]}")
    subprocess.run(("npm", "run", "build"), cwd=js, check=True, timeout=HANGS_AFTER)
    built, committed = (folder / "chart.js" for folder in (static, STATIC))
    assert built.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8"), "run make js"


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "js" / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, one in lock["packages"].items() if "resolved" in one] == []
    assert all("integrity" in one for name, one in lock["packages"].items() if name)


def test_licences_and_attribution_come_along() -> None:
    licences = (STATIC / "LICENSE.chart").read_text(encoding="utf-8")
    for words in ("lightweight-charts 5.2.1", "Apache License", "fancy-canvas", "MIT License"):
        assert words in licences
    built = script("chart.js")
    for words in ("https://www.tradingview.com/", "@license", "Licensed under Apache License 2.0"):
        assert words in built


def test_widgets_stay_small_and_ask_nothing_of_another_host() -> None:
    sizes = {name: len(script("common.js", name).encode()) for name in ("grid.js", "ladder.js", "account.js")}
    assert max(sizes.values()) <= 30_000
    assert len(script("chart.js").encode()) <= 180_000
    for name in STATIC.glob("*.js"):
        assert not any(
            word in name.read_text(encoding="utf-8") for word in ("fetch(", "XMLHttpRequest", "import(")
        )
