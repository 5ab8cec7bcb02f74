"""Run directories made by hand, as agent, shim and time would leave them."""

import os
from pathlib import Path

import msgspec

from lanherd_agent.runs import rundir
from lanherd_agent.runs.rundir import AttemptDir, Exit, ExitError, RunNote, Spec, Start
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import Lease, LeasedGpu, RunSettings, RunSpec
from tests.simulation.making import NOW, PLAIN, run_id

OTHER_BOOT = "0" * 36
LEASE = Lease(gpus=(LeasedGpu(index=0, uuid=GpuUuid("GPU-0"), vram_bytes=1, exclusive=True),))
GONE_PID = 1 << 22
"""Above any pid of Linux."""


def started(pid: int = GONE_PID, boot: str | None = None, at: float = NOW + 1) -> Start:
    """By default: in this boot, by processes that are gone."""
    return Start(
        boot_id=rundir.boot_id() if boot is None else boot,
        pid=pid,
        start_time=1,
        shim_pid=GONE_PID,
        shim_start_time=1,
        at=at,
    )


def alive() -> Start:
    """By this very process."""
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    return Start(
        boot_id=rundir.boot_id(),
        pid=os.getpid(),
        start_time=int(ticks),
        shim_pid=GONE_PID,
        shim_start_time=1,
        at=NOW + 1,
    )


def exited(code: int | None = 0, at: float = NOW + 5, **more: object) -> Exit:
    return msgspec.convert({"at": at, "code": code, **more}, Exit)


def failed_to_begin(kind: str = "exec") -> Exit:
    return Exit(at=NOW + 2, error=ExitError(kind=kind, errno=2, text="No such file or directory"))


def lay_out(
    home: Path,
    number: int,
    *,
    attempt: int = 1,
    spec: RunSpec = PLAIN,
    settings: RunSettings | None = None,
    lease: Lease | None = None,
    start: Start | None = None,
    exit_: Exit | None = None,
    ordinal: int | None = None,
) -> AttemptDir:
    directory = AttemptDir.of(home, run_id(number), attempt)
    directory.make()
    note = RunNote(
        spec=spec,
        owner="ann",
        submitted_at=NOW,
        ordinal=number if ordinal is None else ordinal,
        settings=settings or RunSettings(),
        lease=lease or Lease(),
    )
    rundir.write_spec(directory, Spec(argv=spec.command, cwd="/", env={}, run=note))
    if start is not None:
        directory.start.write_bytes(msgspec.json.encode(start))
    if exit_ is not None:
        directory.exit.write_bytes(msgspec.json.encode(exit_))
    return directory
