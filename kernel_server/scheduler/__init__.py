"""The scheduler: every rate-limited call waits here for its turn, so that the broker never has cause to refuse one."""

from kernel_server.scheduler.history import History
from kernel_server.scheduler.limits import Limits, Window, presets
from kernel_server.scheduler.queue import Job, Place, Priority
from kernel_server.scheduler.scheduler import BackOff, Refused, Scheduler

__all__ = [
    "BackOff",
    "History",
    "Job",
    "Limits",
    "Place",
    "Priority",
    "Refused",
    "Scheduler",
    "Window",
    "presets",
]
