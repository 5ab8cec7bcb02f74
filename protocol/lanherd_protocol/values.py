"""What machines, GPUs, projects and runs look like on the wire.

Units end a name. Times are Unix seconds as float. Sizes are bytes. `None` means 'not known' or
'not supported by this machine', never zero. Structs grow at their end, with defaults. What equals a
default is left out where a struct says so: records of runs are kept by the hundred thousand.
"""

from typing import Literal

from msgspec import Struct

from lanherd_protocol.ids import BlobHash, DeviceId, EnvironmentId, GpuUuid, RunId, SnapshotId


class Reason(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a run waits, how it ended, or what is wrong with a machine: a code for programs, and a
    whole sentence for people.

    `data` holds the numbers and names of the sentence, so that another language can say the same.
    """

    code: str
    text: str
    data: dict[str, str | int | float] = {}
    remedy: str = ""


# --- GPUs ---------------------------------------------------------------------------------------

GpuSource = Literal["nvml", "simulated", "none"]


class GpuInstance(Struct, frozen=True, kw_only=True):
    """One MIG instance: a slice of a GPU that is given out as a GPU of its own.

    `index` counts the instances of its GPU as `nvidia-smi -L` does; `profile` is NVIDIA's name of
    the slice (`1g.10gb`).
    """

    index: int
    uuid: GpuUuid
    profile: str
    vram_bytes: int


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
    power_limit_max_w: float | None = None
    persistence: bool | None = None
    ecc: bool | None = None
    mig: bool | None = None
    instances: tuple[GpuInstance, ...] = ()
    """The MIG instances; with MIG on, the GPU itself takes no run."""
    numa_node: int | None = None


class GpuProcess(Struct, frozen=True, kw_only=True):
    """A process that holds VRAM. `run` is set when it belongs to one of our attempts."""

    pid: int
    vram_bytes: int | None = None
    user: str | None = None
    command: str | None = None
    run: RunId | None = None
    container: str | None = None
    """Short id or name of the container that it runs in."""
    orphan: bool = False
    """It should not be there: of an attempt that has ended (`run`), or its pid is gone."""


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
    power_limit_w: float | None = None
    memory_utilisation_percent: float | None = None
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    fan_percent: float | None = None
    ecc_errors: int | None = None
    """Uncorrected ECC errors since the driver was loaded."""
    xid: int | None = None
    """The last Xid that the driver reported for it since the agent was started."""
    instances: tuple["GpuReading", ...] = ()
    """Of its MIG instances, in the order of its facts."""
    cordon: Reason | None = None
    """Why no run is placed on it until a person or a good probe releases it."""
    quiet_at: float | None = None
    """When it will have been quiet for as long as the machine's rules want, if it isn't yet."""
    xids: tuple[int, ...] = ()
    """The codes of its last Xids, the newest last; 64 at most."""
    xids_total: int = 0
    """How many Xids the driver reported for it since the agent was started: a code that comes
    again is told by this."""
    rest: Reason | None = None
    """Why it takes no new run for a while: runs that failed on it in a row, heat."""
    vram_reserved_bytes: int | None = None
    """What of the used VRAM the driver keeps for itself; None: it doesn't tell."""


class HostReading(Struct, frozen=True, kw_only=True):
    """One sample of the machine beside its GPUs."""

    cpu_percent: float | None = None
    load_1m: float | None = None
    memory_used_bytes: int | None = None
    disk_free_bytes: int | None = None
    network_received_bytes_s: float | None = None
    network_sent_bytes_s: float | None = None
    disk_read_bytes_s: float | None = None
    disk_written_bytes_s: float | None = None


class Telemetry(Struct, frozen=True, kw_only=True):
    """One sample of a whole machine, in the order of its GPU facts."""

    at: float
    gpus: tuple[GpuReading, ...] = ()
    host: HostReading = HostReading()
    problems: tuple[Reason, ...] = ()
    """What is wrong with the machine now, beside its GPUs: its disk is low, its records were
    rebuilt, a run's directory can't be trusted."""


LinkKind = Literal[
    "nvlink", "same_board", "pcie_switch", "pcie_switches", "host_bridge", "numa_node", "system"
]


class GpuLink(Struct, frozen=True, kw_only=True):
    """How two GPUs (by index) reach each other, best way first in `LinkKind`; `nvlinks` counts the
    active NVLinks between them."""

    first: int
    second: int
    kind: LinkKind
    nvlinks: int = 0


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
    weak_kill: bool = False
    """The processes of a run are found by their parents and killed one by one, since this machine
    delegates no cgroup to the agent."""
    links: tuple[GpuLink, ...] = ()
    cuda_version: str | None = None
    """The newest CUDA that the driver supports."""


# --- Projects and environments -------------------------------------------------------------------

EntryKind = Literal["file", "executable", "directory", "link"]


class ManifestEntry(Struct, frozen=True, array_like=True, gc=False):
    """One path of a snapshot, relative to its root, with `/` between components.

    `blobs` are the hashes of a file's content, 1 MiB each but for the last; `target` is where a
    symbolic link points, inside the tree. Python's collector looks at none of them: no circle can
    lead through one, and a hundred thousand took most of the time of reading a manifest.
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
    version request such as `3.11`; empty means the machine's default. `extras` and `groups` are
    those of a `uv.lock`. `wheels_only`: nothing is built from source, so no package's code runs.
    """

    lock_path: str
    lock_hash: BlobHash
    python: str = ""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    wheels_only: bool = False


class SourceEnvironment(Struct, frozen=True, tag="source", kw_only=True):
    """An environment whose packages are named, and locked by the machine that builds it.

    `source_path` is a `pyproject.toml` or a requirements file of the snapshot, empty for
    `packages` alone: requirements as PEP 508 writes them, which are added to it. `base` is an
    environment of the machine that this one begins as a copy of. What it is locked to stays so on
    that machine until someone asks for it anew.
    """

    source_path: str = ""
    source_hash: BlobHash | None = None
    packages: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    base: EnvironmentId | None = None
    python: str = ""
    wheels_only: bool = False


class RegisteredEnvironment(Struct, frozen=True, tag="registered", kw_only=True):
    """An interpreter or a virtual environment of the machine that was given this name."""

    name: str


EnvironmentSpec = NoEnvironment | LockedEnvironment | SourceEnvironment | RegisteredEnvironment


# --- Runs ----------------------------------------------------------------------------------------


BesideOthers = Literal["rule", "wait", "share"]
"""Next to processes that Lanherd did not start: as the machine's rules say, wait until they are
gone, or take what they leave."""


class GpuRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """GPUs that a run needs; `vram_bytes` is promised on each of them (0: whatever is free).

    It gets at least `count` of them, and up to `count_max` if that many are free when it starts
    (0: `count`). `where` is a constraint (`constraints.py`). `linked`: of the sets that are free,
    the one whose GPUs reach each other best. `mig`: MIG instances of this profile rather than
    whole GPUs. Neither `exclusive` nor `shared`: as the machine's rules say.
    """

    count: int = 0
    vram_bytes: int = 0
    exclusive: bool = False
    count_max: int = 0
    where: str = ""
    linked: bool = False
    mig: str = ""
    shared: bool = False
    beside: BesideOthers = "rule"


class HostRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run is promised of the machine beside its GPUs; 0: nothing in particular."""

    cpu_cores: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0


class RunGroup(Struct, frozen=True, kw_only=True):
    """The sweep that a run belongs to, and what tells it from the others of it."""

    name: str
    key: str = ""


StopSignal = Literal["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL"]
RetryCause = Literal["failed", "lost", "timed_out"]
DependencyKind = Literal["after", "after_ok", "after_any"]


class StopRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a run is ended: `signal` to its process tree, and SIGKILL once `grace_s` is over."""

    signal: StopSignal = "TERM"
    grace_s: float = 10.0


class RetryRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a run that did not succeed gets another attempt.

    `attempts_max` counts the first; 1 means no retry. Of the failed ones, `exit_codes` and
    `signals` name those that are tried again; if both are empty, all are. Attempt n + 1 waits
    `backoff_s` times `backoff_factor` to the power of n - 1, at most `backoff_s_max`, and up to
    the share `jitter` of that longer, so that many runs that failed together don't come back
    together.
    """

    attempts_max: int = 1
    on: tuple[RetryCause, ...] = ("failed", "lost")
    exit_codes: tuple[int, ...] = ()
    signals: tuple[int, ...] = ()
    backoff_s: float = 10.0
    backoff_factor: float = 2.0
    backoff_s_max: float = 3600.0
    jitter: float = 0.25


class Dependency(Struct, frozen=True, kw_only=True):
    """What a run waits for: that another one of the machine was started (`after`), has succeeded
    (`after_ok`), or has ended in any way (`after_any`)."""

    run: RunId
    kind: DependencyKind = "after_ok"


class LogRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`split`: stderr goes to a log of its own. `bytes_max` caps each log: its head and its tail
    are kept, the middle is given up; None means the machine's own cap."""

    split: bool = False
    bytes_max: int | None = None


class RunSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to run. `command` is an argument vector; no shell reads it.

    `time_limit_s` bounds each attempt, from its start. `directory` is where the command begins:
    a path inside the project, or an absolute one of the machine; empty means the project's root.
    `pre_command` must succeed before the command may begin, `post_command` comes after it in any
    case; both belong to the attempt, its log and its time limit. `secrets` are names: each is a
    file in the folder that LANHERD_SECRETS names. `restart_of` is the run that this one repeats.
    """

    command: tuple[str, ...]
    name: str = ""
    project: str = ""
    snapshot: SnapshotId | None = None
    environment: EnvironmentSpec = NoEnvironment()
    gpus: GpuRequest = GpuRequest()
    variables: dict[str, str] = {}
    time_limit_s: float | None = None
    stop: StopRule = StopRule()
    retry: RetryRule = RetryRule()
    dependencies: tuple[Dependency, ...] = ()
    directory: str = ""
    niceness: int = 0
    pre_command: tuple[str, ...] = ()
    post_command: tuple[str, ...] = ()
    log: LogRule = LogRule()
    secrets: tuple[str, ...] = ()
    restart_of: RunId | None = None
    host: HostRequest = HostRequest()
    group: RunGroup | None = None


class RunSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be changed of a run at any time. A higher `priority` goes first; a `held` run waits
    until it is released; the files of a `pinned` one are never removed by retention."""

    priority: int = 0
    held: bool = False
    tags: tuple[str, ...] = ()
    notes: str = ""
    pinned: bool = False


class LeasedGpu(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One GPU's share that an attempt holds."""

    index: int
    uuid: GpuUuid
    vram_bytes: int
    exclusive: bool = False
    instance: int | None = None
    """The MIG instance of that GPU; `uuid` is the instance's."""


class Lease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The GPU share that an attempt holds; empty for a run without GPUs."""

    gpus: tuple[LeasedGpu, ...] = ()
    host: HostRequest = HostRequest()


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


# --- Retention -----------------------------------------------------------------------------------


class RetentionRule(Struct, frozen=True, kw_only=True):
    """What is kept of ended runs' files; None bounds nothing. `project` empty: all runs of the
    machine; else only those of that project, beside the rule for all."""

    project: str = ""
    age_s_max: float | None = None
    runs_max: int | None = None
    bytes_max: int | None = None


class RetentionRules(Struct, frozen=True, kw_only=True):
    """The rules of a machine. Below `free_bytes_min` of free disk the oldest files go, whatever
    the rules keep; below `low_disk_bytes` no run is started."""

    rules: tuple[RetentionRule, ...] = ()
    free_bytes_min: int | None = None
    low_disk_bytes: int = 2 * 1024**3


class Removal(Struct, frozen=True, kw_only=True):
    """One run whose files are, or would be, removed, and why."""

    run: RunId
    size_bytes: int
    reason: Reason
