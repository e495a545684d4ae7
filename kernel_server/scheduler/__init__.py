"""The scheduler: rate-limited calls wait here for their turn, within what the broker takes."""

from kernel_server.scheduler.call import Priority, QueuePosition, RateLimitedCall
from kernel_server.scheduler.journal import StateTaken
from kernel_server.scheduler.limits import PRESETS, Limits, Window
from kernel_server.scheduler.rate_windows import Quota
from kernel_server.scheduler.refusals import BackOff, Refused, WindowFull
from kernel_server.scheduler.scheduler import QueueLength, Scheduler

__all__ = [
    "PRESETS",
    "BackOff",
    "Limits",
    "Priority",
    "QueueLength",
    "QueuePosition",
    "Quota",
    "RateLimitedCall",
    "Refused",
    "Scheduler",
    "StateTaken",
    "Window",
    "WindowFull",
]
