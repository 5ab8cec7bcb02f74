"""The run directories, typed: `runs/<run id>/<attempt>/` with spec, start, exit, log and outputs.

The agent writes spec.json, and exit.json if a start was refused; the shim writes start.json and
exit.json (see shim.py for what their presence proves), and what belongs to the logs (see
log_keeper.py); the stages wrapper writes stages.json. Beside the attempts are the run's
settings.json, and its cancel.json if it was cancelled between two: the agent's again. Whatever is
torn, another user's, a link or no plain file is reported and left alone: the directory is in reach
of the run itself.
"""

import contextlib
import enum
import os
import select
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Self, TypeVar

import msgspec

from lanherd_agent.disk import write_all
from lanherd_agent.runs import processes, shim
from lanherd_protocol.ids import EnvironmentId
from lanherd_protocol.values import Lease, RunSettings, RunSpec

RECORD_BYTES_MAX = 64 * 1024
SPEC_BYTES_MAX = shim.RECORD_BYTES_MAX
T = TypeVar("T")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SHUT_DOWN = "The machine was shut down while it ran."
"""What there is to say of an exit with `shutdown`."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Flaw(enum.Enum):
    TORN = "torn"
    FOREIGN = "another user's"
    NOT_PLAIN = "not a plain file"
    TOO_LARGE = "too large"
    INVALID = "invalid"
    UNREADABLE = "unreadable"


class RunDirError(Exception):
    """A file of a run directory that can't be trusted; it is left as it is."""

    def __init__(self, path: Path, flaw: Flaw, detail: str) -> None:
        super().__init__(f"{path}: {flaw.value}: {detail}")
        self.path, self.flaw, self.detail = path, flaw, detail

    @property
    def words(self) -> str:
        """For people, to whom the directory is named beside."""
        return f"{self.path.name} is {self.flaw.value} ({self.detail})"


class RunNote(msgspec.Struct, frozen=True, kw_only=True):
    """What a lost database is rebuilt from. The shim has no use for it."""

    spec: RunSpec
    owner: str
    submitted_at: float
    ordinal: int
    settings: RunSettings = RunSettings()
    lease: Lease = Lease()
    environment: EnvironmentId | None = None


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    log: str = "log"
    err: str | None = None  # the log of stderr; None: it goes to `log`, in its order
    umask: int = 0o022
    niceness: int = 0
    log_bytes_max: int | None = None  # of each log; None: no cap
    time_limit_s: float | None = None
    stop_signal: int = signal.SIGTERM
    stop_grace_s: float = 10.0
    run: RunNote | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True):
    boot_id: str
    pid: int  # of the command; 0: claimed, and the command's pid was not written down
    start_time: int  # clock ticks since boot, as for shim_start_time
    shim_pid: int
    shim_start_time: int
    at: float


class ExitError(msgspec.Struct, frozen=True, kw_only=True):
    kind: str  # exec, cwd, or a refusal's: it never ran; unknown: it ran, and ended as none knows
    errno: int
    text: str


class Rusage(msgspec.Struct, frozen=True, kw_only=True):
    user_s: float
    system_s: float
    rss_max_bytes: int


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    code: int | None = None
    signal: int | None = None
    error: ExitError | None = None
    rusage: Rusage | None = None
    left: int = 0  # processes of the run's tree that could not be killed
    witness: str = "shim"  # launcher: the shim was killed; agent: the start was refused
    timed_out: bool = False  # the shim carried the time limit out, since nobody else did
    stopped: bool = False  # it was asked to stop before it ended
    shutdown: bool = False  # a signal ended it, while the machine ended all that ran on it
    oom_kills: int = 0  # processes of it that the kernel killed for memory, where it counts them
    disk_full: bool = False  # the disk of its log was, while it ran or at its end

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.code, self.signal, self.error)) != 1:
            raise ValueError("exactly one of code, signal and error must be there")

    @property
    def succeeded(self) -> bool:
        return self.code == 0


def unseen(text: str, kind: str = "unknown") -> Exit:
    """What the agent itself says of an end that nobody saw."""
    error = ExitError(kind=kind, errno=0, text=text)
    return Exit(at=time.time(), error=error, witness="agent")


class StageEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a stage ended; with `error` it could not be executed."""

    code: int | None = None
    signal: int | None = None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.code == 0


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """Each stage that there is and that has ended."""

    pre: StageEnd | None = None
    command: StageEnd | None = None
    post: StageEnd | None = None


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """The run was cancelled between two attempts."""

    at: float


@dataclass(frozen=True)
class LogPaths:
    """A log and what belongs to it; the latter two are there only if there was need for them."""

    log: Path
    gap: Path  # JSON {"from": N, "to": M, "problem": text, if there is one}
    times: Path  # records of (u64 offset, f64 Unix time), little-endian


@dataclass(frozen=True)
class AttemptDir:
    path: Path

    @classmethod
    def of(cls, home: Path, run_id: str, attempt: int) -> Self:
        return cls(home / "runs" / run_id / str(attempt))

    @property
    def run_id(self) -> str:
        return self.path.parent.name

    @property
    def attempt(self) -> int:
        return int(self.path.name)

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @cached_property
    def start(self) -> Path:
        return self.path / "start.json"

    @property
    def exit(self) -> Path:
        return self.path / "exit.json"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def err(self) -> Path:
        return self.path / "log.err"

    @property
    def stages(self) -> Path:
        return self.path / "stages.json"

    @cached_property
    def tree(self) -> Path:
        return self.path / "tree"

    @cached_property
    def outputs(self) -> Path:
        return self.path / "outputs"

    def make(self) -> None:
        """Makes the directory with its tree and outputs; what is there stays."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.tree.mkdir(mode=0o700, exist_ok=True)
        self.outputs.mkdir(mode=0o700, exist_ok=True)


@dataclass(frozen=True)
class Scanned:
    """What one run directory says; each part is its value, its flaw, or None if it is missing."""

    directory: AttemptDir
    spec: Spec | RunDirError | None
    start: Start | RunDirError | None
    exit: Exit | RunDirError | None


def read_spec(directory: AttemptDir) -> Spec | None:
    return _read(directory.spec, Spec, SPEC_BYTES_MAX)


def read_start(directory: AttemptDir) -> Start | None:
    return _read(directory.start, Start, RECORD_BYTES_MAX)


def read_exit(directory: AttemptDir) -> Exit | None:
    return _read(directory.exit, Exit, RECORD_BYTES_MAX)


def read_stages(directory: AttemptDir) -> Stages | None:
    if not os.path.lexists(directory.stages):
        return None
    return _read(directory.stages, Stages, RECORD_BYTES_MAX)


def read_settings(home: Path, run_id: str) -> RunSettings | None:
    return _read(settings_path(home, run_id), RunSettings, RECORD_BYTES_MAX)


def read_cancel(home: Path, run_id: str) -> Cancel | None:
    return _read(cancel_path(home, run_id), Cancel, RECORD_BYTES_MAX)


def cancel_path(home: Path, run_id: str) -> Path:
    return home / "runs" / run_id / "cancel.json"


def settings_path(home: Path, run_id: str) -> Path:
    return home / "runs" / run_id / "settings.json"


def log_paths(directory: AttemptDir, stream: Literal["out", "err"] = "out") -> LogPaths:
    """Of stdout (and stderr, unless that is split), or of a split stderr."""
    log = directory.log if stream == "out" else directory.err
    return LogPaths(log, log.with_name(f"{log.name}.gap"), log.with_name(f"{log.name}.times"))


def write_spec(directory: AttemptDir, spec: Spec) -> None:
    """Not fsynced: the run's durable copy is in the store, and a torn spec is never started."""
    _write(directory.spec, msgspec.json.encode(spec))


def write_settings(home: Path, run_id: str, settings: RunSettings) -> bool:
    """Not fsynced, as for the spec. False if the run has no directory: it has no attempt yet, or
    its files were removed."""
    return _write_beside(settings_path(home, run_id), msgspec.json.encode(settings))


def write_cancel(home: Path, run_id: str, at: float) -> bool:
    """As for the settings."""
    return _write_beside(cancel_path(home, run_id), msgspec.json.encode(Cancel(at=at)))


def write_refusal(directory: AttemptDir, error: ExitError) -> None:
    """Of an attempt that nothing was begun of, and never will be. Fsynced, for it must outlast the
    store: a spec alone is queued again by whoever has only the directories."""
    exit_ = Exit(at=time.time(), error=error, witness="agent")
    _write(directory.exit, msgspec.json.encode(exit_), lasting=True)


def _write_beside(path: Path, data: bytes) -> bool:
    try:
        _write(path, data)
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, data: bytes, lasting: bool = False) -> None:
    """By descriptors alone: a Python file costs as much again as all of this."""
    temp = f"{path}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temp, flags, 0o600)
    try:
        try:
            write_all(fd, data)
            if lasting:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temp, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temp)
        raise


def scan(home: Path) -> Iterator[Scanned]:
    """Every run directory of this home, in the order of run ids and attempts."""
    for run in _folders(home / "runs"):
        attempts = [path for path in _folders(run) if path.name.isdecimal()]
        for path in sorted(attempts, key=lambda path: int(path.name)):
            directory = AttemptDir(path)
            yield Scanned(
                directory,
                _or_flaw(directory.spec, Spec, SPEC_BYTES_MAX),
                _or_flaw(directory.start, Start, RECORD_BYTES_MAX),
                _or_flaw(directory.exit, Exit, RECORD_BYTES_MAX),
            )


def boot_id() -> str:
    return BOOT_ID.read_text(encoding="ascii").strip()


def elapsed_s(start: Start) -> float:
    """Since the command began, by a clock that nobody sets (and that counts suspended time)."""
    if start.pid == 0:  # its own start was not written down
        return max(0.0, time.time() - start.at)
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - start.start_time / TICKS_PER_S)


def is_alive(start: Start) -> bool:
    """Whether the attempt's shim or its command is still that very process."""
    if start.boot_id != boot_id():
        return False
    own = (start.pid, start.start_time), (start.shim_pid, start.shim_start_time)
    return any(lives(pid, started) for pid, started in own)


def open_process(pid: int, start_time: int) -> int | None:
    """A pidfd (readable once it ends) of the process with that start time, if it still lives."""
    if pid <= 0:
        return None
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    found = processes.read_stat(pid)
    ended = select.poll()
    ended.register(fd, select.POLLIN)
    if found is not None and found[2] == start_time and not ended.poll(0):
        return fd  # not a zombie: that has ended, whoever its parent is
    os.close(fd)
    return None


def lives(pid: int, start_time: int) -> bool:
    """Whether the process with that start time is alive."""
    fd = open_process(pid, start_time)
    if fd is None:
        return False
    os.close(fd)
    return True


def check_own_folder(path: Path) -> None:
    """Raises RunDirError for a link, or what else is no folder of this user, and OSError."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        is_link = stat.S_ISLNK(status.st_mode)
        detail = "it is a link" if is_link else f"type {stat.filemode(status.st_mode)}"
        raise RunDirError(path, Flaw.NOT_PLAIN, detail)
    if status.st_uid != os.geteuid():
        raise RunDirError(path, Flaw.FOREIGN, f"owner {status.st_uid}")


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return [path / name for name in sorted(names)]


def _or_flaw(path: Path, kind: type[T], bytes_max: int) -> T | RunDirError | None:
    try:
        return _read(path, kind, bytes_max)
    except RunDirError as flaw:
        return flaw


def _read(path: Path, kind: type[T], bytes_max: int) -> T | None:
    data = read_plain(path, bytes_max)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise RunDirError(path, Flaw.INVALID, str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise RunDirError(path, Flaw.TORN, str(error)) from error


def read_plain(path: Path, bytes_max: int) -> bytes | None:
    """The whole of a plain file of our own; None if there is none."""
    try:
        fd = open_plain(path)
    except FileNotFoundError:
        return None
    with open(fd, "rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise RunDirError(path, Flaw.TOO_LARGE, f"more than {bytes_max} bytes")
    return data


def open_plain(path: Path) -> int:
    """Opens a plain file of our own for reading; a link, a pipe or a foreign owner is refused."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        if os.path.islink(path):
            raise RunDirError(path, Flaw.NOT_PLAIN, "it is a link") from error
        raise RunDirError(path, Flaw.UNREADABLE, error.strerror or str(error)) from error
    status = os.fstat(fd)
    plain, own = stat.S_ISREG(status.st_mode), status.st_uid == os.geteuid()
    if plain and own:
        return fd
    os.close(fd)
    detail = f"owner {status.st_uid}, type {stat.filemode(status.st_mode)}"
    raise RunDirError(path, Flaw.FOREIGN if plain else Flaw.NOT_PLAIN, detail)
