"""Generates the wire code from proto/; with --check, says whether the committed code is current."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
SERVICES = {"koapy", "kernel"}


def generate(target: Path) -> None:
    well_known = str(Path(grpc_tools.__file__).parent / "_proto")
    for path in sorted(PROTO.rglob("*.proto")):
        arguments = [
            "protoc",
            f"-I{PROTO}",
            f"-I{well_known}",
            f"--python_out={target}",
            f"--pyi_out={target}",
        ]
        if path.stem in SERVICES:
            arguments.append(f"--grpc_python_out={target}")
        if protoc.main([*arguments, str(path.relative_to(PROTO))]):
            raise SystemExit(f"protoc failed on {path}")


def main() -> None:
    if "--check" not in sys.argv:
        generate(ROOT)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.relative_to(folder): path.read_text() for path in Path(folder).rglob("*_pb2*")}
    committed = {
        path.relative_to(ROOT) for path in (ROOT / "kernel_server" / "wire").glob("*_pb2*") if path.is_file()
    }
    stale = [
        name for name, text in fresh.items() if name not in committed or (ROOT / name).read_text() != text
    ]
    stale += sorted(committed - fresh.keys())
    if stale:
        raise SystemExit("not what proto/ generates, run `make proto`: " + ", ".join(map(str, sorted(stale))))


if __name__ == "__main__":
    main()
