"""Ids, specs and machines for the tests of core, store and shell."""

from typing import Any

from msgspec.structs import replace

from lanherd_agent.core.events import GpuCapacity, ReadingsTaken
from lanherd_protocol.ids import BlobHash, CommandId, GpuUuid, RunId, SnapshotId, uuid7
from lanherd_protocol.messages import ChangeRun, NewRun, RemoveRunFiles, RestartRun, StopRun
from lanherd_protocol.values import (
    Dependency,
    DependencyKind,
    GpuRequest,
    LockedEnvironment,
    NoEnvironment,
    RetryRule,
    RunSettings,
    RunSpec,
    StopSignal,
)

GB = 1024**3
NOW = 1_700_000_000.0
SNAPSHOT = SnapshotId("5" * 64)
LOCKED = LockedEnvironment(lock_path="requirements.txt", lock_hash=BlobHash("6" * 64))
USUAL = RunSettings()
PLAIN = RunSpec(command=("true",))
PROJECT = RunSpec(command=("python", "train.py"), snapshot=SNAPSHOT, environment=LOCKED)


def run_id(number: int) -> RunId:
    """Ids in the order of their numbers."""
    return RunId(uuid7(1_700_000_000_000 + number, number.to_bytes(10, "big")))


def command_id(number: int) -> CommandId:
    return CommandId(uuid7(1_800_000_000_000 + number, number.to_bytes(10, "big")))


def gpu_spec(
    vram_gb: float = 0, count: int = 1, exclusive: bool = False, prepared: bool = False
) -> RunSpec:
    """A run for GPUs; `prepared`: it needs a preparation first."""
    return RunSpec(
        command=("python", "train.py"),
        snapshot=SNAPSHOT if prepared else None,
        environment=LOCKED if prepared else NoEnvironment(),
        gpus=GpuRequest(count=count, vram_bytes=int(vram_gb * GB), exclusive=exclusive),
    )


def new(number: int, spec: RunSpec = PLAIN, settings: RunSettings = USUAL) -> NewRun:
    return NewRun(run=run_id(number), spec=spec, settings=settings)


def after(*numbers: int, kind: DependencyKind = "after_ok", spec: RunSpec = PLAIN) -> RunSpec:
    """A run that waits for these."""
    named = tuple(Dependency(run=run_id(number), kind=kind) for number in numbers)
    return replace(spec, dependencies=named)


def tried(attempts_max: int = 3, spec: RunSpec = PLAIN, **rule: Any) -> RunSpec:
    """A run that gets more attempts."""
    return replace(spec, retry=RetryRule(attempts_max=attempts_max, **rule))


def stop(
    run: int, command: int = 1, grace_s: float = 10.0, signal: StopSignal | None = None
) -> StopRun:
    return StopRun(command=command_id(command), run=run_id(run), grace_s=grace_s, signal=signal)


def change(run: int, command: int = 1, **settings: Any) -> ChangeRun:
    return ChangeRun(command=command_id(command), run=run_id(run), **settings)


def remove_files(run: int, command: int = 1) -> RemoveRunFiles:
    return RemoveRunFiles(command=command_id(command), run=run_id(run))


def restart(run: int, new_run: int) -> RestartRun:
    return RestartRun(run=run_id(run), new_run=run_id(new_run))


def gpu(
    index: int,
    total_gb: float = 24,
    foreign_gb: float = 0,
    ours_gb: float = 0,
    problem: str | None = None,
) -> GpuCapacity:
    return GpuCapacity(
        index=index,
        uuid=GpuUuid(f"GPU-{index}"),
        total_bytes=int(total_gb * GB),
        foreign_bytes=int(foreign_gb * GB),
        ours_bytes=int(ours_gb * GB),
        problem=problem,
    )


def readings(*gpus: GpuCapacity) -> ReadingsTaken:
    return ReadingsTaken(gpus=gpus)
