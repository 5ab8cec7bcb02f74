"""What machines, GPUs, projects and runs look like on the wire.

Units end a name. Times are Unix seconds as float. Sizes are bytes. `None` means 'not known' or
'not supported by this machine', never zero. Structs grow at their end, with defaults.
"""

from typing import Literal

from msgspec import Struct

from lanherd_protocol.ids import BlobHash, DeviceId, EnvironmentId, GpuUuid, RunId, SnapshotId

# --- GPUs ---------------------------------------------------------------------------------------

GpuSource = Literal["nvml", "simulated", "none"]


class GpuFacts(Struct, frozen=True, kw_only=True):
    """What does not change while the agent runs. `index` is nvidia-smi's (PCI bus order)."""

    index: int
    uuid: GpuUuid
    name: str
    vram_bytes: int
    pci_address: str | None = None
    compute_capability: tuple[int, int] | None = None
    power_limit_w: float | None = None
    simulated: bool = False


class GpuProcess(Struct, frozen=True, kw_only=True):
    """A process that holds VRAM. `run` is set when it belongs to one of our attempts."""

    pid: int
    vram_bytes: int | None = None
    user: str | None = None
    command: str | None = None
    run: RunId | None = None


class GpuReading(Struct, frozen=True, kw_only=True):
    """One sample of one GPU; `problem` says in a sentence why values are missing."""

    uuid: GpuUuid
    utilisation_percent: float | None = None
    vram_used_bytes: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    processes: tuple[GpuProcess, ...] = ()
    problem: str | None = None
    vram_ours_bytes: int = 0
    """VRAM held by processes of our own attempts; the rest of what is used is not ours."""
    vram_leased_bytes: int = 0
    """VRAM promised to live attempts, whether or not they hold it yet."""


class HostReading(Struct, frozen=True, kw_only=True):
    """One sample of the machine beside its GPUs."""

    cpu_percent: float | None = None
    load_1m: float | None = None
    memory_used_bytes: int | None = None
    disk_free_bytes: int | None = None


class Telemetry(Struct, frozen=True, kw_only=True):
    """One sample of a whole machine, in the order of its GPU facts."""

    at: float
    gpus: tuple[GpuReading, ...] = ()
    host: HostReading = HostReading()


class MachineFacts(Struct, frozen=True, kw_only=True):
    """Who and what a machine is."""

    machine: DeviceId
    name: str
    version: str
    os: str
    cpu_count: int
    memory_bytes: int
    disk_bytes: int
    gpu_source: GpuSource
    gpus: tuple[GpuFacts, ...] = ()
    driver_version: str | None = None
    gpu_problem: str | None = None
    """Why there are no GPUs, where there should be some: the driver's own words."""
    shared_uid: bool = True
    """Runs share the agent's user account (user mode)."""


# --- Projects and environments -------------------------------------------------------------------

EntryKind = Literal["file", "executable", "directory", "link"]


class ManifestEntry(Struct, frozen=True, array_like=True):
    """One path of a snapshot, relative to its root, with `/` between components.

    `blobs` are the hashes of a file's content, 1 MiB each but for the last; `target` is where a
    symbolic link points, inside the tree.
    """

    path: str
    kind: EntryKind
    size_bytes: int = 0
    blobs: tuple[BlobHash, ...] = ()
    target: str = ""


class Manifest(Struct, frozen=True, kw_only=True):
    """A snapshot's content: entries sorted by path, each path once."""

    entries: tuple[ManifestEntry, ...]
    format: int = 1


class NoEnvironment(Struct, frozen=True, tag="none"):
    """The command runs with the machine's own PATH."""


class LockedEnvironment(Struct, frozen=True, tag="lock", kw_only=True):
    """An environment built from a lock file of the snapshot.

    `lock_path` names a hashed requirements file or a `uv.lock` inside the project. `python` is a
    version request such as `3.11`; empty means the machine's default.
    """

    lock_path: str
    lock_hash: BlobHash
    python: str = ""


EnvironmentSpec = NoEnvironment | LockedEnvironment


# --- Runs ----------------------------------------------------------------------------------------


class GpuRequest(Struct, frozen=True, kw_only=True):
    """GPUs that a run needs; `vram_bytes` is promised on each of them (0: whatever is free)."""

    count: int = 0
    vram_bytes: int = 0
    exclusive: bool = False


class RunSpec(Struct, frozen=True, kw_only=True):
    """What to run. `command` is an argument vector; no shell reads it."""

    command: tuple[str, ...]
    name: str = ""
    project: str = ""
    snapshot: SnapshotId | None = None
    environment: EnvironmentSpec = NoEnvironment()
    gpus: GpuRequest = GpuRequest()
    variables: dict[str, str] = {}


class LeasedGpu(Struct, frozen=True, kw_only=True):
    """One GPU's share that an attempt holds."""

    index: int
    uuid: GpuUuid
    vram_bytes: int
    exclusive: bool = False


class Lease(Struct, frozen=True, kw_only=True):
    """The GPU share that an attempt holds; empty for a run without GPUs."""

    gpus: tuple[LeasedGpu, ...] = ()


class Reason(Struct, frozen=True, kw_only=True):
    """Why a run waits or how it ended: a code for programs, a whole sentence for people.

    `data` holds the numbers and names of the sentence, so that another language can say the same.
    """

    code: str
    text: str
    data: dict[str, str | int | float] = {}
    remedy: str = ""


class OutputEntry(Struct, frozen=True, kw_only=True):
    """A file or directory that an attempt left, relative to its outputs directory."""

    path: str
    kind: EntryKind
    size_bytes: int = 0
    modified_at: float = 0.0


class EnvironmentView(Struct, frozen=True, kw_only=True):
    """An environment that a machine has built."""

    environment: EnvironmentId
    python_version: str
    size_bytes: int
    built_at: float
    build_seconds: float
