"""``python -m scripts.ocx``: makes what is missing; exit code 1, with the reason, where that is not possible."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.ocx.machine import FOLDER, Machine
from scripts.ocx.parts import NotPossible


def main(folder: Path = FOLDER) -> int:
    try:
        machine = Machine.require(folder)
    except NotPossible as error:
        print(error)
        return 1
    print(machine.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
