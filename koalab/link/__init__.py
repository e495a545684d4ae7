"""A session's link to its broker: a transport, kept logged in, whose answers are checked and which is recovered."""

from koalab.link.checked import CallMany
from koalab.link.connection import LOGIN_TIMEOUT
from koalab.link.link import Link, QueueObserver
from koalab.link.recovery import RECOVERIES, Backoff, transient

__all__ = ["LOGIN_TIMEOUT", "RECOVERIES", "Backoff", "CallMany", "Link", "QueueObserver", "transient"]
