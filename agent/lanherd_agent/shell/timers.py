"""The timers that the core has set, by name.

The core says at what hour, by the hour that it was told; what counts here is how far off that was.
So a clock that is set back or forward, even between the two, delays none and fires none early.
"""

from collections.abc import Callable, Iterable

from lanherd_agent.core.effects import CancelTimer, SetTimer, Timing
from lanherd_agent.shell.clock import Alarm, Clock


class Timers:
    """Keeps one alarm per timer; setting it again moves it."""

    def __init__(self, clock: Clock, on_fired: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_fired = on_fired
        self._alarms: dict[str, Alarm] = {}

    def obey(self, effects: Iterable[Timing], now: float) -> None:
        """Set and cancel what the core wanted when it was told that it is `now`."""
        for effect in effects:
            match effect:
                case SetTimer(timer=timer, at=at):
                    self._set(timer, max(0.0, at - now))
                case CancelTimer(timer=timer):
                    self._cancel(timer)

    def clear(self) -> None:
        for timer in list(self._alarms):
            self._cancel(timer)

    def _set(self, timer: str, delay_s: float) -> None:
        self._cancel(timer)
        self._alarms[timer] = self._clock.call_later(delay_s, lambda: self._fire(timer))

    def _cancel(self, timer: str) -> None:
        alarm = self._alarms.pop(timer, None)
        if alarm is not None:
            alarm.cancel()

    def _fire(self, timer: str) -> None:
        del self._alarms[timer]
        self._on_fired(timer)
