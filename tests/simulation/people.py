"""The people of a simulated machine: what they submit, stop, change and send again."""

import random
from typing import Any

from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_protocol.ids import RunId
from lanherd_protocol.messages import ChangeRun, NewRun, RemoveRunFiles, RestartRun, StopRun
from lanherd_protocol.values import (
    Dependency,
    DependencyKind,
    RetryCause,
    RetryRule,
    RunSettings,
    RunSpec,
    StopRule,
    StopSignal,
)
from tests.simulation.machine import Machine
from tests.simulation.making import GB, PLAIN, PROJECT, command_id, gpu_spec, run_id
from tests.simulation.truth import Truth

GRACES_S = (0.0, 1.0, 5.0)
SIGNALS: tuple[StopSignal, ...] = ("TERM", "INT", "KILL")
CAUSES: tuple[RetryCause, ...] = ("failed", "lost", "timed_out")
KINDS: tuple[DependencyKind, ...] = ("after", "after_ok", "after_any")


class People:
    """Makes requests; which of them were taken is the world's to remember."""

    def __init__(self, chance: random.Random, machine: Machine, truth: Truth) -> None:
        self.random = chance
        self._machine = machine
        self._truth = truth
        self._numbers = 0
        self._commands = 0

    def submit(self) -> e.RunsSubmitted:
        ids = [self._new_id() for _ in range(self.random.choice((1, 1, 1, 2, 5)))]
        runs = tuple(
            NewRun(run=run, spec=self._spec(ids[:at]), settings=self._settings())
            for at, run in enumerate(ids)
        )
        return e.RunsSubmitted(owner="ann", runs=tuple(self._shuffled(list(runs))))

    def stop(self) -> e.StopRequested | None:
        alive = self._machine.alive()
        asked = self.random.choice(alive)[0] if alive and self._often(0.5) else self._known()
        if asked is None:
            return None
        signal = self.random.choice((None, None, *SIGNALS))
        request = StopRun(
            command=command_id(self._new_command()),
            run=asked,
            grace_s=self.random.choice(GRACES_S),
            signal=signal,
        )
        return e.StopRequested(owner=None, request=request)

    def change(self) -> e.ChangeRequested | None:
        run = self._known()
        if run is None:
            return None
        wanted: dict[str, Any] = self.random.choice(
            (
                {"held": True},
                {"held": True},
                {"held": False},
                {"priority": self.random.randint(-2, 2)},
                {"priority": self.random.randint(-2, 2)},
                {"pinned": self.random.random() < 0.5},
                {"tags": ("a",), "notes": f"note {self._commands}"},
            )
        )
        return self.settle(run, **wanted)

    def settle(self, run: RunId, **wanted: Any) -> e.ChangeRequested:
        request = ChangeRun(command=command_id(self._new_command()), run=run, **wanted)
        return e.ChangeRequested(owner=None, request=request)

    def restart(self) -> e.RestartRequested | None:
        run = self._known()
        if run is None:
            return None
        request = RestartRun(run=run, new_run=self._new_id())
        return e.RestartRequested(owner=None, caller="ann", request=request)

    def remove_files(self) -> e.FilesRemovalRequested | None:
        run = self._known()
        if run is None:
            return None
        request = RemoveRunFiles(command=command_id(self._new_command()), run=run)
        return e.FilesRemovalRequested(owner=None, request=request)

    # --- Chance ----------------------------------------------------------------------------------

    def _spec(self, together: list[RunId]) -> RunSpec:
        largest = max((gpu.total_bytes for gpu in self._machine.gpus), default=0) / GB
        if not largest or self._often(0.3):
            spec = self.random.choice((PLAIN, PROJECT))
        else:
            spec = gpu_spec(
                self.random.choice((0, 2, 6, 12, largest)),
                exclusive=self._often(0.2),
                prepared=self._often(0.3),
            )
        wanted: dict[str, Any] = {}
        if self._often(0.3):
            wanted["time_limit_s"] = self.random.choice((2.0, 10.0, 60.0))
        if self._often(0.4):
            wanted["retry"] = self._retry()
        if self._often(0.3):
            wanted["dependencies"] = self._dependencies(together)
        if self._often(0.1):
            wanted["pre_command"] = ("true",)
        if self._often(0.1):
            wanted["post_command"] = ("true",)
        if self._often(0.2):
            grace_s = self.random.choice(GRACES_S)
            wanted["stop"] = StopRule(signal=self.random.choice(SIGNALS), grace_s=grace_s)
        return replace(spec, **wanted)

    def _retry(self) -> RetryRule:
        return RetryRule(
            attempts_max=self.random.randint(1, 4),
            on=tuple(cause for cause in CAUSES if self._often(0.7)),
            exit_codes=(75,) if self._often(0.3) else (),
            signals=(9,) if self._often(0.2) else (),
            backoff_s=self.random.choice((0.0, 1.0, 10.0)),
            backoff_factor=self.random.choice((1.0, 2.0)),
            backoff_s_max=15.0,
            jitter=self.random.choice((0.0, 0.5)),
        )

    def _dependencies(self, together: list[RunId]) -> tuple[Dependency, ...]:
        known = sorted({*list(self._truth.acknowledged)[-6:], *together})
        named = self.random.sample(known, min(len(known), self.random.randint(1, 2)))
        return tuple(Dependency(run=run, kind=self.random.choice(KINDS)) for run in named)

    def _settings(self) -> RunSettings:
        if self._often(0.8):
            return RunSettings()
        return RunSettings(priority=self.random.randint(-2, 2), held=self._often(0.3))

    def _known(self) -> RunId | None:
        known = list(self._truth.acknowledged)
        return self.random.choice(known[-12:] if self._often(0.7) else known) if known else None

    def _new_id(self) -> RunId:
        self._numbers += 1
        return run_id(self._numbers)

    def _new_command(self) -> int:
        self._commands += 1
        return self._commands

    def _often(self, share: float) -> bool:
        return self.random.random() < share

    def _shuffled(self, runs: list[NewRun]) -> list[NewRun]:
        self.random.shuffle(runs)
        return runs
