"""The kinds of runs that a soak keeps alive, drawn by a seed: what each does and asks for."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from lanherd_protocol.ids import RANDOM_BYTES_PER_ID, RunId, uuid7
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import (
    Dependency,
    DependencyKind,
    GpuRequest,
    LogRule,
    RetryRule,
    RunSpec,
    StopRule,
)
from tests.support.fake_job import command

GIB = 1 << 30
GPUS = 8
SECRET = "s0aked-thr0ugh"
EPOCH_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Asked:
    """What one run is told: its job's options, and more of its spec."""

    options: tuple[str | int | float, ...]
    more: dict[str, Any] = field(default_factory=dict)


def quick(chance: random.Random) -> Asked:
    return Asked(("--bytes", chance.randrange(5000), "--seconds", chance.uniform(0, 0.3)))


def steady(chance: random.Random) -> Asked:
    rate = chance.choice((500, 5_000, 50_000))
    code = chance.choice((0, 0, 0, 3))
    seconds = chance.uniform(4, 30)
    return Asked(("--seconds", seconds, "--rate", rate, "--err-rate", rate / 3, "--exit", code))


def talker(chance: random.Random) -> Asked:
    return Asked(("--seconds", chance.uniform(0.5, 3), "--rate", 2_000_000, "--line-bytes", 400))


def dying(chance: random.Random) -> Asked:
    name = chance.choice(("SEGV", "KILL", "TERM", "ABRT", "INT"))
    return Asked(("--seconds", chance.uniform(0, 6), "--rate", 2_000, "--die", name))


def deaf(chance: random.Random) -> Asked:
    seconds = chance.uniform(2, 10)
    return Asked(("--seconds", seconds, "--rate", 1_000, "--on-term", "ignore"))


def saver(chance: random.Random) -> Asked:
    options = ("--seconds", chance.uniform(3, 12), "--rate", 1_000, "--on-term", "save")
    return Asked((*options, "--save-s", chance.uniform(0, 0.6)))


def leaver(chance: random.Random) -> Asked:
    kinds = ("plain:2", "session", "double", "deaf", "stopped", "clean")
    leaves = ",".join(chance.sample(kinds, chance.randint(1, 3)))
    options = ("--seconds", chance.uniform(0, 5), "--bytes", 500, "--exit", chance.choice((0, 1)))
    return Asked((*options, "--leave", leaves))


def stormy(chance: random.Random) -> Asked:
    options = ("--seconds", chance.uniform(0, 1), "--storm", chance.randint(2, 6))
    return Asked((*options, "--storm-for", 20, "--bytes", 300))


def writer(chance: random.Random) -> Asked:
    return Asked(("--seconds", chance.uniform(0, 4), "--outputs", chance.randint(1, 5)))


def on_gpu(chance: random.Random) -> Asked:
    gpus = GpuRequest(
        count=chance.randint(1, 2),
        vram_bytes=chance.choice((0, 2, 8)) * GIB,
        exclusive=chance.random() < 0.3,
    )
    return Asked(("--seconds", chance.uniform(0.2, 3), "--bytes", 200), {"gpus": gpus})


def retrying(chance: random.Random) -> Asked:
    codes = chance.choice(("1,0", "1,1,0", "1,1,1", "2"))
    rule = RetryRule(
        attempts_max=chance.randint(2, 3),
        exit_codes=(1,),
        on=("failed", "lost"),
        backoff_s=chance.uniform(0, 0.5),
    )
    options = ("--seconds", chance.uniform(0, 1), "--bytes", 3000, "--exit", codes)
    return Asked(options, {"retry": rule})


def limited(chance: random.Random) -> Asked:
    """Its time may be over while nobody is there to end it."""
    options = ("--seconds", chance.uniform(0.5, 6), "--rate", 1_000)
    on_term = ("--on-term", chance.choice(("die", "ignore", "save")))
    limit_s = chance.uniform(0.5, 4)
    retry = RetryRule(attempts_max=chance.randint(1, 2), on=("timed_out",), backoff_s=0.1)
    stop = StopRule(signal=chance.choice(("TERM", "INT")), grace_s=chance.choice((0.0, 0.5)))
    more = {"time_limit_s": limit_s, "stop": stop, "retry": retry}
    return Asked((*options, *on_term), more)


def split(chance: random.Random) -> Asked:
    """stdout and stderr to logs of their own."""
    options = ("--seconds", chance.uniform(0.5, 5), "--rate", 20_000, "--err-rate", 10_000)
    return Asked(options, {"log": LogRule(split=True)})


def staged(chance: random.Random) -> Asked:
    """Something before it, and something after it that is told how it ended."""
    options = ("--seconds", chance.uniform(0, 3), "--bytes", 400, "--exit", chance.choice((0, 4)))
    note = 'echo "${LANHERD_EXIT_CODE-}" >"$FAKE_JOB_TRUTH/$LANHERD_RUN_ID-$LANHERD_ATTEMPT.post"'
    post = ("/bin/sh", "-c", note)
    return Asked(options, {"pre_command": ("/bin/true",), "post_command": post})


def barred(chance: random.Random) -> Asked:
    """What comes before it fails, and so it must not begin."""
    return Asked(("--seconds", 1), {"pre_command": ("/bin/false",)})


def secretive(chance: random.Random) -> Asked:
    """Its secret is read by what comes before it, and may be nowhere else afterwards."""
    name = "SOAKED"
    check = f'grep -q {SECRET} "$LANHERD_SECRETS/{name}"'
    more = {"secrets": (name,), "pre_command": ("/bin/sh", "-c", check)}
    return Asked(("--seconds", chance.uniform(0, 3), "--bytes", 100), more)


def missing(chance: random.Random) -> Asked:
    """It can't be started at all."""
    return Asked(("/nowhere/is/a/program",))


KINDS: dict[Callable[[random.Random], Asked], float] = {
    quick: 4,
    steady: 10,
    talker: 1,
    dying: 3,
    deaf: 2,
    saver: 2,
    leaver: 2,
    stormy: 0.5,
    writer: 1,
    on_gpu: 3,
    retrying: 3,
    limited: 3,
    split: 2,
    staged: 1.5,
    barred: 0.3,
    secretive: 1,
    missing: 0.3,
}


DEPENDENT_SHARE = 0.12
RECENT = 40
DEPENDENCY_KINDS: tuple[DependencyKind, ...] = ("after", "after_ok", "after_any")


class Runs:
    """Makes runs, the same ones for the same seed."""

    def __init__(self, seed: int, truth: Path) -> None:
        self._chance = random.Random(f"runs of {seed}")
        self._truth = truth
        self._made: list[RunId] = []

    def make(self) -> NewRun:
        (kind,) = self._chance.choices(list(KINDS), list(KINDS.values()))
        asked = kind(self._chance)
        words = command(*asked.options)
        if kind is missing:
            words = tuple(map(str, asked.options))
        spec = RunSpec(
            command=words,
            name=kind.__name__,
            variables={"FAKE_JOB_TRUTH": str(self._truth)},
            dependencies=self._dependencies(),
            **asked.more,
        )
        run = self._id()
        self._made.append(run)
        return NewRun(run=run, spec=spec, secrets=dict.fromkeys(spec.secrets, self._secret()))

    def _secret(self) -> str:
        # Not as the check of it says it: that is in the spec.
        return f"{SECRET}-{self._chance.getrandbits(64):016x}"

    def repeat(self, old: NewRun) -> NewRun:
        """What a restart of it makes."""
        spec = msgspec.structs.replace(old.spec, dependencies=(), restart_of=old.run)
        run = self._id()
        self._made.append(run)
        return NewRun(run=run, spec=spec, secrets=old.secrets)

    def _dependencies(self) -> tuple[Dependency, ...]:
        if not self._made or self._chance.random() > DEPENDENT_SHARE:
            return ()
        recent = self._made[-RECENT:]
        others = self._chance.sample(recent, min(self._chance.randint(1, 2), len(recent)))
        return tuple(
            Dependency(run=run, kind=self._chance.choice(DEPENDENCY_KINDS)) for run in others
        )

    def _id(self) -> RunId:
        noise = self._chance.randbytes(RANDOM_BYTES_PER_ID)
        return RunId(uuid7(EPOCH_MS + len(self._made), noise))
