"""The JSON of `--json` is a promise: these are all its keys."""

import pytest
from msgspec.structs import replace

from lanherd_client.attempts import attempts_of
from lanherd_client.cli import machine_shapes, shapes, words
from lanherd_client.mirror import Connecting, MachineView, Online, Refused, RunRecord, Unreachable
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import BlobHash, GpuUuid
from lanherd_protocol.machine_messages import PauseView
from lanherd_protocol.messages import AgentStatus, OutputList
from lanherd_protocol.states import (
    AttemptEnd,
    Ended,
    Preparing,
    Running,
    RunState,
    RunView,
    Starting,
    Stopping,
    state_name,
)
from lanherd_protocol.values import (
    GpuRequest,
    Lease,
    LeasedGpu,
    LockedEnvironment,
    OutputEntry,
    Reason,
    RunSpec,
)
from tests.support.scripted_agent import (
    DONE,
    GIB,
    MACHINE,
    WAITS,
    ended,
    facts,
    queued,
    run_id,
    running,
    telemetry,
)

PROBLEM = error(ErrorCode.UNREACHABLE, "Off.", "It is.", "Switch it on.").failure
LEASE = Lease(gpus=(LeasedGpu(index=1, uuid=GpuUuid("GPU-1"), vram_bytes=GIB),))


def record(state: RunState) -> RunRecord:
    spec = RunSpec(
        command=("python", "train.py"),
        name="train",
        environment=LockedEnvironment(lock_path="uv.lock", lock_hash=BlobHash("b" * 64)),
        gpus=GpuRequest(count=1, vram_bytes=GIB),
        variables={"A": "1"},
    )
    view = RunView(run=run_id(1), spec=spec, owner="me", submitted_at=1.0, state=state, seq=1)
    return RunRecord(MACHINE, view)


def test_a_machine_that_is_known_and_one_that_never_answered() -> None:
    online = MachineView(
        MACHINE, "box", Online(1.0, "admin", "0.1.0", "10.0.0.1"), facts(), telemetry(1.0, GIB)
    )
    never = MachineView(MACHINE, "box", Unreachable(1.0, PROBLEM))
    assert set(machine_shapes.machine_shape(online)) == set(machine_shapes.machine_shape(never))
    assert set(machine_shapes.machine_shape(online)) == {
        *("machine", "name", "link", "since", "problem", "role", "address", "version", "os"),
        *("driver_version", "gpu_source", "gpu_problem", "simulated", "gpus", "cpu_count"),
        *("cpu_percent", "load_1m", "memory_bytes", "memory_used_bytes", "disk_bytes"),
        *("disk_free_bytes", "runs_live", "runs_waiting", "runs_total", "problems"),
        *("pauses", "shared_uid", "weak_kill", "cuda_version"),
    }
    assert machine_shapes.machine_shape(online)["simulated"] is True
    assert machine_shapes.machine_shape(never)["link"] == "unreachable"
    assert machine_shapes.machine_shape(never)["problem"] == {
        "code": "unreachable",
        "title": "Off.",
        "message": "It is.",
        "remedy": "Switch it on.",
    }
    connecting = MachineView(MACHINE, "box", Connecting(1.0))
    assert machine_shapes.machine_shape(connecting)["problem"] is None


def test_a_gpu_with_and_without_a_reading() -> None:
    link = Connecting(1.0)
    read, unread = (
        machine_shapes.gpu_shapes(MachineView(MACHINE, "box", link, facts(), sample))[0]
        for sample in (telemetry(1.0, 4 * GIB), None)
    )
    assert set(read) == set(unread)
    assert set(read) == {
        *("machine", "machine_name", "index", "uuid", "name", "simulated", "vram_bytes"),
        *("vram_free_bytes", "power_limit_w", "compute_capability", "vram_used_bytes"),
        *("vram_ours_bytes", "vram_leased_bytes", "utilisation_percent", "temperature_c"),
        *("power_w", "problem", "processes", "cordon", "ecc_errors", "xid", "xids"),
        *("xids_total", "number", "power_limit_max_w", "power_limit_now_w", "pci_address"),
        *("persistence", "ecc", "mig", "numa_node", "driver_version", "cuda_version"),
        *("memory_utilisation_percent", "sm_clock_mhz", "memory_clock_mhz", "fan_percent"),
        *("rest", "quiet_at", "allowed", "links", "instances", "vram_reserved_bytes"),
    }
    assert (read["vram_free_bytes"], unread["vram_free_bytes"]) == (20 * GIB, None)
    assert (read["vram_ours_bytes"], unread["vram_ours_bytes"]) == (0, None)
    assert read["simulated"] is True


KEYS = {
    *("run", "short", "machine", "machine_name", "name", "project", "command", "variables"),
    *("owner", "state", "outcome", "reason", "submitted_at", "started_at", "ended_at"),
    *("exit_code", "signal", "pid", "attempt", "gpus_requested", "vram_requested_bytes"),
    *("simulated", "exclusive", "gpus", "snapshot", "environment_lock", "time_limit_s"),
    "environment",
    *("stop_signal", "stop_grace_s", "retry", "dependencies", "directory", "niceness"),
    *("pre_command", "post_command", "split_log", "log_cap_bytes", "secrets", "restart_of"),
    *("sweep", "warning"),
    *("gpus_max", "where", "linked", "mig", "shared", "beside_others", "cpus"),
    *("memory_requested_bytes", "disk_requested_bytes"),
    *("priority", "held", "tags", "notes", "pinned", "attempts", "not_before", "limit_at"),
    *("files_removed_at", "kill_at", "stopping_as"),
    *("preparing", "preparing_detail"),
}
STATES: list[tuple[RunState, str, str, str, float | None]] = [
    (queued(), "queued", "waiting", WAITS.text, None),
    (Preparing(since=1.0, step="environment"), "preparing", "preparing", "", None),
    (Starting(since=1.0, lease=LEASE), "starting", "starting", "", None),
    (running(), "running", "running", "", 2.0),
    (
        Stopping(since=3.0, started_at=2.0, pid=7, lease=LEASE, kill_at=9.0, outcome="cancelled"),
        "stopping",
        "stopping",
        "",
        2.0,
    ),
    (ended(), "ended", "succeeded", "", 2.0),
    (ended("timed_out"), "ended", "timed out", DONE.text, 2.0),
]


@pytest.mark.parametrize(("state", "name", "word", "why", "started_at"), STATES)
def test_a_run_in_each_of_its_states(
    state: RunState, name: str, word: str, why: str, started_at: float | None
) -> None:
    shape = shapes.run_shape(record(state), "box")
    assert set(shape) == KEYS
    assert shape["state"] == name
    assert shape["started_at"] == started_at
    assert words.state_word(state) == word
    assert words.reason_text(state) == why
    assert (shape["reason"] is not None) == (name in ("queued", "ended"))
    assert shape["warning"] is None
    assert (shape["outcome"] is not None) == isinstance(state, Ended)
    assert len(shape["gpus"]) == (1 if isinstance(state, Starting | Stopping) else 0)


@pytest.mark.parametrize("state", [state for state, *_ in STATES if not isinstance(state, Ended)])
def test_the_attempt_under_way_has_the_shape_of_one_that_ended(state: RunState) -> None:
    (over,) = attempts_of(record(ended()).view)
    shape = shapes.current_attempt_shape(record(state).view)
    assert set(shape) == set(shapes.attempt_shape(over))
    assert (shape["state"], shape["attempt"]) == (state_name(state), 1)
    assert (shape["outcome"], shape["ended_at"]) == (None, None)
    assert shape["started_at"] == shapes.started_at(state)


def test_the_gpus_of_an_attempt_are_told_apart_also_where_they_are_slices() -> None:
    slices = tuple(
        LeasedGpu(index=3, uuid=GpuUuid(f"MIG-{n}"), vram_bytes=1, instance=n) for n in (0, 2)
    )
    lease = Lease(gpus=(LeasedGpu(index=1, uuid=GpuUuid("GPU-1"), vram_bytes=1), *slices))
    told = {
        "gpus": [1, 3, 3],
        "gpu_numbers": ["1", "3:0", "3:2"],
        "gpu_uuids": ["GPU-1", "MIG-0", "MIG-2"],
    }
    state = Running(since=2.0, pid=7, lease=lease)
    shape = shapes.current_attempt_shape(record(state).view)
    assert {key: shape[key] for key in told} == told
    end = AttemptEnd(attempt=1, at=3.0, outcome="failed", reason=DONE, lease=lease)
    assert {key: shapes.attempt_shape(end)[key] for key in told} == told


def test_outputs_and_status() -> None:
    entry = OutputEntry(path="a/b", kind="file", size_bytes=3, modified_at=4.0)
    listing = OutputList(attempt=2, entries=(entry,))
    assert shapes.outputs_shape("r", listing) == {
        "run": "r",
        "attempt": 2,
        "truncated": False,
        "unlisted": 0,
        "outputs": [{"path": "a/b", "kind": "file", "size_bytes": 3, "modified_at": 4.0}],
    }
    status = AgentStatus(
        machine=MACHINE,
        name="box",
        version="0.1.0",
        pid=5,
        port=6,
        addresses=("10.0.0.1",),
        started_at=7.0,
        live_runs=8,
        queued_runs=9,
    )
    view = MachineView(MACHINE, "box", Connecting(1.0))
    told = machine_shapes.status_shape(view, status, None)
    assert (told["pid"], told["addresses"], told["problem"]) == (5, ["10.0.0.1"], None)
    assert told["pauses"] is None
    assert machine_shapes.status_shape(view, None, PROBLEM)["problem"] is not None
    pause = PauseView(since=1.0, tag="night", by="ada", note="Later")
    shown = [{"since": 1.0, "tag": "night", "by": "ada", "note": "Later"}]
    assert machine_shapes.status_shape(view, status, None, (pause,))["pauses"] == shown
    assert machine_shapes.machine_shape(view, (pause,))["pauses"] == shown
    assert machine_shapes.machine_shape(view, ())["pauses"] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59.9, "59 s"), (200, "3 m 20 s"), (7260, "2 h 1 m"), (90_000, "1 d 1 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_how_long_a_run_ran() -> None:
    assert words.run_time(record(queued()).view, 10.0) == ""
    assert words.run_time(record(running()).view, 10.0) == "8 s"
    assert words.run_time(record(ended()).view, 10.0) == "1 s"


def test_requests_and_links_in_words() -> None:
    assert words.gpu_request(GpuRequest()) == "none"
    assert words.gpu_request(GpuRequest(count=2)) == "2"
    full = GpuRequest(count=2, vram_bytes=20 * GIB, exclusive=True)
    assert words.gpu_request(full) == "2 × 20.0 GB, exclusive"
    links = (
        Connecting(1.0),
        Unreachable(1.0, PROBLEM),
        Refused(1.0, PROBLEM),
        Online(1.0, "user", "0.1.0", "x"),
    )
    views = [MachineView(MACHINE, "box", link) for link in links]
    shown = [(words.link_word(view), words.link_problem(view)) for view in views]
    assert shown == [
        ("connecting", ""),
        ("unreachable", "Off."),
        ("refused", "Off."),
        ("online", ""),
    ]
    sick = replace(facts(), gpu_problem="No driver.")
    box = MachineView(MACHINE, "box", Connecting(1.0), sick)
    assert words.link_problem(box) == words.driver_problem(box, ()) == "No driver."
    told = (Reason(code="x", text="There is: No driver."),)
    assert words.driver_problem(box, told) == ""
