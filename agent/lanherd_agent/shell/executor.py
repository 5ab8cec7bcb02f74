"""Who does what the core wants done."""

from typing import Protocol

from lanherd_agent.core.effects import Acting


class EffectExecutor(Protocol):
    def begin(self, effects: tuple[Acting, ...]) -> None:
        """Take these up, in order, without waiting and without raising.

        Each is idempotent and ends as exactly one event, given to `Shell.post` on the loop's
        thread; which ones, `core/effects.py` says. After a crash the same effect comes again.
        """
