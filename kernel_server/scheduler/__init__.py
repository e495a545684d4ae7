"""The scheduler: every rate-limited call waits here for its turn, so that the broker never has cause to refuse one."""

from kernel_server.scheduler.journal import StateTaken
from kernel_server.scheduler.limits import PRESETS, Limits, Window
from kernel_server.scheduler.queue import Job, Place, Priority
from kernel_server.scheduler.rate_windows import Quota
from kernel_server.scheduler.refusals import BackOff, Refused, WindowFull
from kernel_server.scheduler.scheduler import QueueLength, Scheduler

__all__ = [
    "PRESETS",
    "BackOff",
    "Job",
    "Limits",
    "Place",
    "Priority",
    "QueueLength",
    "Quota",
    "Refused",
    "Scheduler",
    "StateTaken",
    "Window",
    "WindowFull",
]
