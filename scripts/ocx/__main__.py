"""``python -m scripts.ocx``: makes what is missing.

Its exit code is 1, with the reason, where that is not possible here, and 2 where it fails.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.ocx.machine import FOLDER, Machine
from scripts.ocx.parts import BuildFailed, NotPossible


def main(folder: Path = FOLDER) -> int:
    try:
        machine = Machine.require(folder)
        machine.register()
    except NotPossible as error:
        print(error)
        return 1
    except BuildFailed as error:
        print(error)
        return 2
    print(machine.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
