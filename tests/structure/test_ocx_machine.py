"""What `make test-ocx` puts together, without Wine: sources of apt, wheels of Windows, generated definitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_server import reference
from scripts.ocx import control_build, debian
from scripts.ocx.__main__ import main
from scripts.ocx.command import run
from scripts.ocx.parts import BuildFailed, NotPossible, made
from scripts.ocx.windows_requirements import on_windows

ROOT = Path(__file__).resolve().parents[2]


class TestSources:
    URIS = "\n".join(
        [
            "'http://mirror/debian/dists/bookworm/InRelease' a 0",
            "'http://mirror/debian/dists/bookworm-updates/InRelease' b 0",
            "'http://mirror/security/dists/bookworm-security/InRelease' c 0",
            "'http://mirror/tools/dists/nodistro/InRelease' d 0",
            "'http://mirror/debian/dists/bookworm/main/binary-amd64/Packages.xz' e 0",
        ]
    )

    def test_are_the_machines_mirror_without_its_security_suite(self) -> None:
        assert list(debian.mirrors(self.URIS, "bookworm")) == [
            ("http://mirror/debian/", "bookworm"),
            ("http://mirror/debian/", "bookworm-updates"),
        ]


class TestWheels:
    def test_are_those_whose_markers_mean_windows_and_3_10(self) -> None:
        found = on_windows(
            "a==1 ; python_full_version >= '3.11' \\\n    --hash=sha256:1\n"
            "b==2 ; python_full_version < '3.11' and sys_platform == 'win32' \\\n"
            "    --hash=sha256:2 \\\n    --hash=sha256:3\n"
            "c==3 ; sys_platform == 'linux' \\\n    --hash=sha256:4\n"
            "# a comment\n"
            "d==4 \\\n    --hash=sha256:5\n"
        )
        assert found == "b==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\nd==4 \\\n    --hash=sha256:5\n"

    def test_of_the_project_have_pyside2_and_no_pandas(self) -> None:
        names = [
            line.partition("==")[0]
            for line in on_windows((ROOT / "requirements.txt").read_text()).splitlines()
        ]
        assert {"pyside2", "grpcio", "filelock"} <= set(names)
        assert not {"pandas", "numpy"} & set(names)


class TestAPart:
    def test_is_made_again_when_what_it_is_made_of_has_changed(self, tmp_path: Path) -> None:
        source, times = tmp_path / "source", list[str]()
        source.write_text("first")

        def make(folder: Path) -> None:
            times.append("made")
            (folder / "product").write_text(source.read_text())

        for _ in range(2):
            assert (made(tmp_path / "part", [source], make) / "product").read_text() == "first"
        source.write_text("second")
        assert (made(tmp_path / "part", [source], make) / "product").read_text() == "second"
        assert len(times) == 2

    def test_that_was_not_finished_is_made_again(self, tmp_path: Path) -> None:
        def fail(folder: Path) -> None:
            (folder / "half").touch()
            raise NotPossible("no mirror")

        with pytest.raises(NotPossible):
            made(tmp_path / "part", ["one"], fail)
        assert list(made(tmp_path / "part", ["one"], lambda _: None).iterdir()) == [
            tmp_path / "part" / ".inputs"
        ]


class TestACommand:
    def test_that_fails_says_its_last_line(self) -> None:
        with pytest.raises(NotPossible, match="sh failed: no such mirror"):
            run(["sh", "-c", "echo first >&2; echo no such mirror >&2; exit 3"], 10)

    def test_that_is_not_there_is_named(self) -> None:
        with pytest.raises(NotPossible, match="no-such-compiler cannot be run"):
            run(["no-such-compiler"], 10)

    def test_that_takes_too_long_is_ended(self) -> None:
        with pytest.raises(NotPossible, match="sleep took longer than 0 s"):
            run(["sleep", "60"], 0.2)


class TestAMachine:
    @pytest.mark.parametrize(("error", "code"), [(NotPossible("no mirror"), 1), (BuildFailed("line 3"), 2)])
    def test_that_cannot_be_made_is_another_thing_than_one_that_fails(
        self, error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fail(_folder: Path) -> None:
            raise error

        monkeypatch.setattr(debian, "require", fail)
        assert main(Path("nowhere")) == code
        assert capsys.readouterr().out == f"{error}\n"

    def test_whose_control_does_not_compile_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control_build, "_TARGET", "no-such-compiler")
        with pytest.raises(BuildFailed, match="no-such-compiler-widl cannot be run"):
            control_build.require(tmp_path / "control")


class TestDefinitions:
    def test_have_every_function_and_event_with_its_types(self) -> None:
        idl = control_build.idl()
        for name in (*reference.functions(), *reference.events()):
            assert f" {name}(" in idl
        assert "VARIANT GetCommDataEx(BSTR strTrCode, BSTR strRecordName);" in idl
        assert "void OnReceiveChejanData(BSTR sGubun, long nItemCnt, BSTR sFIdList);" in idl

    def test_number_what_is_left_in_the_order_of_both_files(self) -> None:
        without = ["CommGetData", "OnReceiveMsg"]
        assert "CommGetData" not in control_build.idl(without) + control_build.table(without)
        assert "[id(2)] long CommInvestRqData(" in control_build.idl(without)
        assert control_build.table(without).count("{") == len(reference.functions()) - 1 + 4
