"""The installed control is compared with the tables before it is served, and what is wrong with it is named."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from kernel_server import reference
from kernel_server.control.installed import ControlMissing, Declared, check_file, check_functions, compare

BSTR, LONG, VARIANT, VOID = 8, 3, 12, 24
PROG_ID = "KHOPENAPI.KHOpenAPICtrl.1"


@pytest.fixture
def whole() -> dict[str, Declared]:
    """What the type library of a control with all functions and events declares."""
    types = {"str": BSTR, "int": LONG, "table": VARIANT, "none": VOID}
    found = {
        one.name: Declared(types[one.returns], tuple(types[kind] for _, kind in one.arguments))
        for one in reference.functions().values()
    }
    for event in reference.events().values():
        found[event.name] = Declared(VOID, tuple(types[kind] for _, kind in event.arguments))
    return found


def library(file: Path, machine: int, magic: bytes = b"MZ", signature: bytes = b"PE\0\0") -> Path:
    """The beginning of a Windows library for that machine."""
    head = bytearray(4096)
    head[:2] = magic
    struct.pack_into("<I", head, 0x3C, 0x100)
    head[0x100:0x104] = signature
    struct.pack_into("<H", head, 0x104, machine)
    file.write_bytes(head)
    return file


class TestFunctionsAndEvents:
    def test_of_the_tables_are_all_that_is_needed(self, whole: Mapping[str, Declared]) -> None:
        assert compare(whole) == ([], [])

    def test_may_be_more(self, whole: Mapping[str, Declared], tmp_path: Path) -> None:
        newer = {**whole, "GetSomethingNew": Declared(BSTR, (BSTR,))}
        assert check_functions(newer, tmp_path) == []

    @pytest.mark.parametrize("name", ["GetCommDataEx", "SetRealRemove", "OnReceiveRealData"])
    def test_may_not_be_missing(self, whole: dict[str, Declared], name: str, tmp_path: Path) -> None:
        del whole[name]
        with pytest.raises(
            ControlMissing, match=rf"khopenapi\.ocx .*{name} is missing; update Kiwoom OpenAPI\+"
        ):
            check_functions(whole, tmp_path / "khopenapi.ocx")

    def test_may_not_take_another_number_of_arguments(
        self, whole: dict[str, Declared], tmp_path: Path
    ) -> None:
        whole["OnReceiveMsg"] = Declared(VOID, (BSTR, BSTR, BSTR))
        with pytest.raises(ControlMissing, match="OnReceiveMsg takes 3 arguments and not 4"):
            check_functions(whole, tmp_path)

    def test_of_other_types_are_named_and_served(self, whole: dict[str, Declared], tmp_path: Path) -> None:
        whole["GetMasterLastPrice"] = Declared(2, (BSTR,))
        assert check_functions(whole, tmp_path) == ["GetMasterLastPrice is declared as short (BSTR)"]

    def test_that_are_missing_are_named_up_to_five(self, tmp_path: Path) -> None:
        with pytest.raises(ControlMissing) as error:
            check_functions({}, tmp_path)
        wanted = len(reference.functions()) + len(reference.events())
        assert str(error.value).count("is missing") == 5
        assert f"and {wanted - 5} more" in str(error.value)


class TestTheFile:
    def test_of_a_32_bit_library_is_accepted(self, tmp_path: Path) -> None:
        check_file(library(tmp_path / "khopenapi.ocx", 0x14C), PROG_ID)

    def test_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ControlMissing, match=r"registered, but its file .*khopenapi\.ocx cannot be read"):
            check_file(tmp_path / "khopenapi.ocx", PROG_ID)

    @pytest.mark.parametrize(
        "more",
        [{"machine": 0x8664}, {"machine": 0x14C, "magic": b"ZM"}, {"machine": 0x14C, "signature": b"NE\0\0"}],
    )
    def test_of_another_kind_is_refused(self, more: dict[str, int], tmp_path: Path) -> None:
        file = library(tmp_path / "khopenapi.ocx", **more)  # type: ignore[arg-type]
        with pytest.raises(ControlMissing, match="not a 32-bit library"):
            check_file(file, PROG_ID)

    @pytest.mark.parametrize("size", [0, 1, 0x3F, 0x100, 0x105])
    def test_that_is_cut_off_is_refused(self, size: int, tmp_path: Path) -> None:
        file = library(tmp_path / "khopenapi.ocx", 0x14C)
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(ControlMissing, match="not a 32-bit library"):
            check_file(file, PROG_ID)
