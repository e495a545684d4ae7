"""The simulated broker in a process, for the test control: ``python -m tests.ocx.broker START SETTINGS``.

It prints its port as JSON, then obeys one JSON object a line on its standard input,
``{"do": "advance", "seconds": 1}``, and answers each with ``{}`` or ``{"error": …}``. It ends with its input.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from typing import Any

from tests.conformance.broker import LocalBroker
from tests.ocx.broker_line import BrokerLine


def main(start: str, settings: dict[str, Any]) -> None:
    broker = LocalBroker(start, **settings)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, broker), daemon=True).start()
    say({"port": listener.getsockname()[1]})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            getattr(broker, command.pop("do"))(**command)
        except Exception as error:  # noqa: BLE001 - it is the test's
            say({"error": f"{type(error).__name__}: {error}"})
        else:
            say({})
    broker.close()


def serve(listener: socket.socket, broker: LocalBroker) -> None:
    """One control after the other: they are the same broker's."""
    while True:
        connection, _ = listener.accept()
        with connection:
            BrokerLine(connection, broker.control, broker.thread).run()


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
