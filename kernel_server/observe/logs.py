"""The log: one line per action, as ``text`` or ``json``, without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TextIO

from kernel_server.observe.masking import masked

FORMATS = ("text", "json")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ROOT = "kernel_server"
_KOAPY = "koapy"
_PLAIN = re.compile(r"[^\s\"'=\x00-\x1f\x7f-\x9f]+\Z")
# Line breaks for some readers, which JSON does not escape.
_BREAKS = re.compile("[\x7f-\x9f\u2028\u2029]")


def say(logger: logging.Logger, level: int, event: str, /, **fields: object) -> None:
    """Logs an action with its fields; those that are None are left out."""
    if logger.isEnabledFor(level):
        found = {name: value for name, value in fields.items() if value is not None}
        logger.log(level, event, extra={"fields": found})


class LineFormatter(logging.Formatter):
    """A record as one line: ``text`` ends in ``name=value`` pairs, ``json`` is an object."""

    def __init__(self, kind: str = "text") -> None:
        super().__init__()
        self._json = kind == "json"

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        when = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._json:
            line = {
                "time": when,
                "level": record.levelname,
                "logger": record.name,
                "event": record.getMessage(),
            }
            whole = {**line, **fields, **({"trace": trace} if trace else {})}
            return masked(_json_text(whole))
        pairs = "".join(f" {name}={_word(value)}" for name, value in fields.items())
        text = f"{when} {record.levelname} {record.name}: {record.getMessage()}{pairs}"
        return masked(f"{text}\n{trace}" if trace else text)


def _word(value: object) -> str:
    """A value as a word, quoted if it has blanks or signs, so that a value cannot forge log lines."""
    text = str(value)
    return text if _PLAIN.match(text) else _json_text(text)


def _json_text(value: object) -> str:
    """A value as JSON, on one line for every reader."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return _BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def configure(level: int, kind: str = "text", stream: TextIO | None = None) -> None:
    """Configures logging of this process; for the server's own program, not for a server inside another one."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(LineFormatter(kind))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def level_of(level: int | str) -> int:
    """The number of a level that is given by name or number.

    >>> level_of("info"), level_of(30)
    (20, 30)

    Raises:
        ValueError: there is none of that name.
    """
    if isinstance(level, int):
        return level
    name = level.strip().upper()
    if name not in LEVELS:
        raise ValueError(f"no log level {level!r}: it is {', '.join(LEVELS)}")
    return int(getattr(logging, name))


def set_level(level: int | str, logger: str = "") -> None:
    """Sets the level of one of the server's loggers; blank, and any logger of KOAPY's server, mean all of them.

    Raises:
        ValueError: no such level, or a logger that is not the server's.
    """
    number = level_of(level)
    if not 0 <= number <= 100:
        raise ValueError(f"no log level {number}: it is 0 to 100, DEBUG is 10 and ERROR 40")
    name = logger.strip() or ROOT
    if name == _KOAPY or name.startswith(f"{_KOAPY}."):
        name = ROOT
    if name != ROOT and (not name.startswith(f"{ROOT}.") or name not in logging.root.manager.loggerDict):
        raise ValueError(
            f"no logger {logger!r}: it is {ROOT}, or one of its modules ({ROOT}.transactions, say)"
        )
    logging.getLogger(name).setLevel(number)
