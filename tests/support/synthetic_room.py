"""A room of machines as a person could have it, for pictures and for tests of the pages."""

import math
from collections.abc import Sequence
from functools import cache

from msgspec.structs import replace

from lanherd_client.discovery import Sighting
from lanherd_client.mirror import GpuPoint, LinkState, MachineView, Online, Unreachable
from lanherd_desktop.state.room import RoomUpdate, RunKey
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.ids import (
    BlobHash,
    DeviceId,
    GpuUuid,
    RunId,
    SnapshotId,
    short_id,
    uuid7,
)
from lanherd_protocol.states import (
    AttemptEnd,
    Ended,
    Outcome,
    Preparing,
    Queued,
    Running,
    RunState,
    RunView,
    Stopping,
    is_live,
)
from lanherd_protocol.values import (
    Dependency,
    GpuRequest,
    HostReading,
    Lease,
    LeasedGpu,
    LockedEnvironment,
    LogRule,
    MachineFacts,
    Reason,
    RetryRule,
    RunGroup,
    RunSettings,
    RunSpec,
    Telemetry,
)
from tests.support.synthetic_gpus import (
    CLOSED_BY_ADA,
    GIB,
    XID_79,
    Card,
    facts_of,
    gpu_id,
    links_of,
    reading_of,
)

__all__ = ["GIB", "Card", "gpu_id"]

NOW = 1_790_000_000.0
ONLINE = Online(since=NOW - 8000, role="admin", version="0.1.0", address="127.0.0.1")
GONE = Unreachable(
    since=NOW - 40,
    failure=Failure(
        code=ErrorCode.UNREACHABLE,
        title="herschel can't be reached.",
        message="Nothing answers at 192.0.2.14 port 47470.",
        remedy="Its runs go on. Check its power and its cable.",
    ),
)


def machine_id(name: str) -> DeviceId:
    return DeviceId((name.encode().hex() * 64)[:64])


def run_id(number: int) -> RunId:
    return RunId(uuid7(int(NOW) * 1000 + number, number.to_bytes(10, "big")))


@cache
def wave(index: int, level: float) -> tuple[GpuPoint, ...]:
    """A minute of utilisation around a level."""
    return tuple(
        GpuPoint(
            at=NOW - 60 + second,
            utilisation_percent=max(0.0, min(100.0, level + 6 * math.sin(second / 3 + index)))
            if level
            else 0.0,
            vram_used_bytes=0,
        )
        for second in range(60)
    )


def machine(
    name: str,
    model: str,
    vram_gib: int,
    cards: Sequence[Card],
    link: LinkState = ONLINE,
    simulated: bool = False,
    load: float = 1.0,
    problems: tuple[Reason, ...] = (),
) -> tuple[MachineView, dict[GpuUuid, tuple[GpuPoint, ...]]]:
    """A machine and the last minute of its GPUs."""
    facts = MachineFacts(
        machine=machine_id(name),
        name=name,
        version="0.1.0",
        os="Debian GNU/Linux 12",
        cpu_count=32,
        memory_bytes=128 * GIB,
        disk_bytes=2000 * GIB,
        weak_kill=simulated,
        gpu_source="simulated" if simulated else "nvml",
        driver_version=None if simulated else "570.86",
        cuda_version=None if simulated else "12.8",
        gpus=tuple(
            facts_of(name, index, model, vram_gib, simulated) for index in range(len(cards))
        ),
        links=links_of(len(cards)),
    )
    readings = tuple(reading_of(name, index, card) for index, card in enumerate(cards))
    view = MachineView(
        machine=machine_id(name),
        name=name,
        link=link,
        facts=facts,
        telemetry=Telemetry(
            at=NOW - 1,
            gpus=readings,
            host=HostReading(
                cpu_percent=31.0,
                load_1m=load,
                memory_used_bytes=57 * GIB,
                disk_free_bytes=412 * GIB,
                network_received_bytes_s=31e6,
                network_sent_bytes_s=2.4e6,
            ),
            problems=problems,
        ),
        problems=problems,
    )
    history = {gpu_id(name, i): wave(i, card.percent) for i, card in enumerate(cards)}
    return view, history


def lease(name: str, index: int, vram_gib: int) -> Lease:
    return Lease(
        gpus=(LeasedGpu(index=index, uuid=gpu_id(name, index), vram_bytes=vram_gib * GIB),)
    )


def run(number: int, name: str, command: str, state: RunState, vram_gib: int = 20) -> RunView:
    return RunView(
        run=run_id(number),
        spec=RunSpec(
            command=tuple(command.split()),
            name=name,
            project="spirals",
            snapshot=SnapshotId("ab" * 32),
            environment=LockedEnvironment(
                lock_path="requirements.txt", lock_hash=BlobHash("cd" * 32)
            ),
            gpus=GpuRequest(count=1, vram_bytes=vram_gib * GIB),
            group=RunGroup(name="lr grid", key=name) if name.startswith("train lr") else None,
        ),
        owner="ada",
        submitted_at=NOW - 9000 + number,
        state=state,
        seq=number,
    )


def ended(outcome: Outcome, seconds: float, reason: Reason, code: int | None = 0) -> Ended:
    return Ended(
        at=NOW - 100,
        outcome=outcome,
        reason=reason,
        started_at=NOW - 100 - seconds,
        exit_code=code,
    )


def waiting(gib_free: float, needs: int) -> Queued:
    return Queued(
        since=NOW - 300,
        prepared=True,
        reason=Reason(
            code="gpu_vram",
            text=f"GPU 1: {gib_free:g} of 80 GB free, needs {needs}.",
            data={
                "gpu": 1,
                "free_bytes": int(gib_free * GIB),
                "total_bytes": 80 * GIB,
                "needs_bytes": needs * GIB,
                "foreign_bytes": 0,
            },
        ),
    )


def first_in_line(state: Queued, in_s: float) -> Queued:
    reason = state.reason
    more = {"first": 1, "expected_at": NOW + in_s, "expected_about_s": in_s}
    text = f"{reason.text} First in line; expected in about {in_s / 60:.0f} min."
    return replace(state, reason=replace(reason, text=text, data={**reason.data, **more}))


FAILED = Reason(
    code="exit_code",
    text="Ended with exit code 1.",
    data={"exit_code": 1},
    remedy="Look at the end of its log.",
)
OUT_OF_VRAM = Reason(
    code="out_of_vram",
    text="The GPU's memory ran out when it tried to allocate 2.50 GiB.",
    data={
        "tried": "2.50 GiB",
        "lines": '  File "train.py", line 118, in forward\n    x = self.mix(torch.cat(parts))\n'
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total "
        "capacity of 23.65 GiB of which 1.91 GiB is free.",
        "offset": 9_120,
        "stream": "out",
        "exit_code": 1,
    },
    remedy="Use a smaller batch or model, or declare more VRAM, so that it is placed where there "
    "is as much.",
)
FINE = Reason(code="succeeded", text="Ended with exit code 0.", data={"exit_code": 0})
LOW_DISK = Reason(
    code="low_disk",
    text="The machine's disk has 1.4 GB free; no run is started below 2 GB.",
    data={"free_bytes": int(1.4 * GIB), "low_bytes": 2 * GIB},
    remedy="Remove files of old runs or others; runs start again once there is room.",
)
REBUILT = Reason(
    code="records_rebuilt",
    text="The agent's records were damaged and were made anew from the directories of 12 runs. At "
    "least 3 runs are no longer known.",
    data={"runs": 12, "held": 2, "forgotten": 3, "file": "agent.sqlite.corrupt-20261121T093000Z"},
    remedy="Pair controllers again, and submit again what had not been started. Rules of "
    "retention, closed GPUs and pauses are gone: set them again. Release 2 runs that would have "
    "been tried again. The damaged file is kept as agent.sqlite.corrupt-20261121T093000Z in the "
    "agent's home.",
)
HELD = Reason(
    code="held", text="It is held back.", remedy="Release it, and it waits its turn again."
)
STOPPED = Reason(code="stopped", text="Stopped as asked.")


def first_runs() -> dict[RunKey, RunView]:
    kepler, tycho, brahe = machine_id("kepler"), machine_id("tycho"), machine_id("brahe")
    live = Running(since=NOW - 8040, pid=4711, lease=lease("kepler", 0, 20), limit_at=NOW + 2_400)
    states: tuple[tuple[DeviceId, str, str, RunState], ...] = (
        (kepler, "train lr=3e-4 seed=0", "python train.py --lr 3e-4 --seed 0", live),
        (
            kepler,
            "train lr=1e-4 seed=0",
            "python train.py --lr 1e-4 --seed 0",
            Running(since=NOW - 8040, pid=4712, lease=lease("kepler", 1, 20)),
        ),
        (tycho, "eval full", "python eval.py", first_in_line(waiting(19, 80), 2_400)),
        (
            kepler,
            "train lr=3e-5 seed=0",
            "python train.py --lr 3e-5",
            Preparing(since=NOW - 4, step="environment", detail="installing numpy"),
        ),
        (
            kepler,
            "train lr=1e-2 seed=0",
            "python train.py --lr 1e-2",
            ended("failed", 720, OUT_OF_VRAM, 1),
        ),
        (brahe, "prepare data", "python prepare.py", ended("succeeded", 240, FINE)),
        (
            kepler,
            "train lr=1e-1 seed=0",
            "python train.py --lr 1e-1",
            ended("cancelled", 60, STOPPED, None),
        ),
        (
            tycho,
            "sweep 17",
            "python sweep.py --row 17",
            Stopping(
                since=NOW - 2,
                started_at=NOW - 2460,
                pid=99,
                lease=lease("tycho", 0, 61),
                kill_at=NOW + 8,
                outcome="cancelled",
            ),
        ),
    )
    count = len(states) + RUNS_WITH_A_LIFE
    return {
        (where, run_id(count - i)): run(
            count - i, name, command, state, 80 if isinstance(state, Queued) else 20
        )
        for i, (where, name, command, state) in enumerate(states)
    }


RUNS_WITH_A_LIFE = 4


def runs_with_a_life() -> dict[RunKey, RunView]:
    """Tried again, held, waiting for another, and without its files."""
    kepler = machine_id("kepler")
    again = replace(
        run(4, "finetune seed=1", "python finetune.py --seed 1", backoff()),
        attempt=3,
        earlier=earlier(),
        settings=RunSettings(
            priority=10,
            tags=("sweep", "seed 1"),
            notes="Diverged once with fp16; the loss scale starts lower now.",
        ),
    )
    again = replace(
        again,
        spec=replace(
            again.spec,
            time_limit_s=6 * 3600.0,
            retry=RetryRule(attempts_max=4, backoff_s=60.0),
            pre_command=("sh", "fetch_data.sh"),
            secrets=("WANDB_API_KEY",),
            log=LogRule(split=True, bytes_max=2 * GIB),
        ),
    )
    held = replace(
        run(3, "ablation", "python ablate.py", Queued(since=NOW - 900, reason=HELD)),
        settings=RunSettings(
            held=True, priority=-5, pinned=True, tags=("paper", "camera-ready", "rebuttal")
        ),
    )
    first = next(view for (where, _), view in first_runs().items() if where == kepler)
    waits = run(2, "report", "python report.py", Queued(since=NOW - 60, reason=after(first.run)))
    waits = replace(waits, spec=replace(waits.spec, dependencies=(Dependency(run=first.run),)))
    gone = replace(
        run(1, "old sweep 3", "python sweep.py --row 3", ended("failed", 90, FAILED, 1)),
        files_removed_at=NOW - 50,
    )
    return {(kepler, view.run): view for view in (again, held, waits, gone)}


def runs() -> dict[RunKey, RunView]:
    return {**first_runs(), **runs_with_a_life()}


def earlier() -> tuple[AttemptEnd, ...]:
    return (
        AttemptEnd(
            attempt=1,
            at=NOW - 4000,
            outcome="failed",
            reason=FAILED,
            started_at=NOW - 7600,
            exit_code=1,
            lease=lease("kepler", 2, 20),
        ),
        AttemptEnd(
            attempt=2,
            at=NOW - 30,
            outcome="lost",
            reason=Reason(
                code="lost_reboot",
                text="The machine was restarted while it ran.",
                data={"why": ""},
                remedy="Look at what it printed and left; restart it if its work is not done.",
            ),
            started_at=NOW - 3900,
            lease=lease("kepler", 2, 20),
        ),
    )


def backoff() -> Queued:
    return Queued(
        since=NOW - 30,
        not_before=NOW + 95,
        prepared=True,
        reason=Reason(
            code="backoff",
            text="Waits a while before attempt 3 of 4, since the last one was lost.",
            data={"attempt": 3, "attempts_max": 4, "outcome": "lost", "at": NOW + 95},
        ),
    )


def after(run: RunId) -> Reason:
    return Reason(
        code="waits_for",
        text=f"Waits for run {short_id(run)} to succeed.",
        data={"run": run, "kind": "after_ok", "runs": 1},
    )


def room() -> RoomUpdate:
    """The room of the drawings: busy, free, sick, unreachable, found and simulated machines."""
    made = (
        machine(
            "kepler",
            "RTX 4090",
            24,
            (
                Card(18.2, 0, 97, 71, 402),
                Card(18.1, 0, 94, 69, 396),
                Card(6.4, 12.9, 63, 62, 281),
                Card(0, 0, 0, 34, 21),
            ),
            load=6.1,
        ),
        machine(
            "tycho", "A100", 80, (Card(61, 0, 88, 58, 311), Card(61, 0, 86, 57, 305)),
            problems=(REBUILT, LOW_DISK),
        ),
        machine("brahe", "RTX 3090", 24,
            (Card(0, 0, 0, 38, 24), Card(0, 6, 0, 37, 22, cordon=CLOSED_BY_ADA, orphan=run_id(7))),
            load=0.3),
        machine(
            "galle",
            "RTX 6000 Ada",
            48,
            (Card(0, 0, 0, 83, 61, "The GPU fell off the bus. Reboot the machine.", XID_79),),
            load=3.4,
        ),
        machine(
            "herschel",
            "RTX 2080 Ti",
            11,
            (Card(7, 0, 52, 66, 210), Card(7, 0, 55, 67, 214)),
            link=GONE,
        ),
        machine(
            "this machine", "Simulated GPU", 24, (Card(2, 0, 71, 55, 190), Card(0, 0, 0, 33, 20)),
            simulated=True,
        ),
    )  # fmt: skip
    known = runs()
    machines = {}
    for view, _ in made:
        mine = [v for (where, _), v in known.items() if where == view.machine]
        machines[view.machine] = MachineView(
            machine=view.machine,
            name=view.name,
            link=view.link,
            facts=view.facts,
            telemetry=view.telemetry,
            runs_live=sum(is_live(v.state) for v in mine),
            runs_waiting=sum(isinstance(v.state, Queued | Preparing) for v in mine),
            runs_total=len(mine),
            problems=view.problems,
        )
    return RoomUpdate(
        machines=machines,
        histories={view.machine: history for view, history in made},
        runs=known,
        sightings=(
            Sighting(
                machine=machine_id("messier"),
                name="messier",
                version="0.1.0",
                addresses=("127.0.0.1",),
                port=47470,
                source="local",
                socket="agent.sock",
                simulated=False,
            ),
        ),
    )
