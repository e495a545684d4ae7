"""``python -m tests.ocx.serve START``: the OCX host as a command that prints its address as the server itself does.

START is the time of the broker behind it, as in ``LocalBroker``, and ``DISPLAY`` the X display. It ends with its
standard input.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from scripts.ocx.machine import Machine
from tests.ocx.host import BrokerProcess, OcxHost


def main(start: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        broker = BrokerProcess(start)
        host = OcxHost(Machine.require(), os.environ["DISPLAY"], broker, Path(folder))
        print(json.dumps({"listening": host.address}), flush=True)
        sys.stdin.read()
        host.close()
        broker.close()


if __name__ == "__main__":
    main(sys.argv[1])
