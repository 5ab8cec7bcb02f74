"""How far a build is, and the others who wait for the same one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from lanherd_protocol.errors import LanherdError, from_failure

Phase = Literal["waiting", "resolving", "interpreter", "creating", "installing", "done"]


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build is; `line` is the last line that uv has written. `environment` is what its
    log goes by: the environment's id, or that of the question that is being resolved."""

    environment: str
    phase: Phase
    line: str = ""


Tell = Callable[[BuildProgress], None]


class Gate:
    """Those who wait for one thing: the first makes it, and all hear how it goes and ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = asyncio.Lock()
        self.waiting: list[Tell] = []
        self.failed: LanherdError | None = None

    def tell(self, progress: BuildProgress) -> None:
        for tell in tuple(self.waiting):
            tell(progress)

    def check(self) -> None:
        """Raises what the one before has met."""
        if self.failed is not None:
            raise from_failure(self.failed.failure)


class Gates:
    """One gate for each thing that somebody waits for."""

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}

    def name_of(self, key: str) -> str:
        """What people call it; empty where nobody waits for it."""
        gate = self._gates.get(key)
        return "" if gate is None else gate.name

    def keys(self) -> tuple[str, ...]:
        return tuple(self._gates)

    @asynccontextmanager
    async def passing(self, key: str, tell: Tell, name: str = "") -> AsyncIterator[Gate]:
        """Inside, nobody else is; what is raised there, those who wait are told too.

        When the one inside is cancelled, the next one takes over.
        """
        gate = self._gates.setdefault(key, Gate(name))
        gate.waiting.append(tell)
        try:
            async with gate.lock:
                gate.check()
                try:
                    yield gate
                except LanherdError as failed:
                    gate.failed = failed
                    raise
        finally:
            gate.waiting.remove(tell)
            if not gate.waiting:
                self._gates.pop(key, None)


def silent(_: BuildProgress) -> None:
    return
