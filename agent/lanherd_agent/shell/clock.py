"""The shell's time: what the hour is, and calling back after a while."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    def cancel(self) -> None:
        """Don't call back any more."""


class Clock(Protocol):
    def now(self) -> float:
        """Unix time in seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Alarm:
        """Call back on the event loop after so many seconds, however the hour is set meanwhile."""


class SystemClock:
    """The machine's clock, and the running event loop's timers."""

    def now(self) -> float:
        return time.time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Alarm:
        return asyncio.get_running_loop().call_later(delay_s, callback)
