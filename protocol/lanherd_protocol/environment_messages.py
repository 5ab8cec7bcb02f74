"""The bodies of the calls about environments. Append-only, as `messages.py` is."""

from typing import Literal

from msgspec import Struct

from lanherd_protocol.ids import BlobHash, CommandId, EnvironmentId, RunId, SnapshotId
from lanherd_protocol.values import EnvironmentSpec, EnvironmentView

EnvironmentState = Literal["building", "waiting", "ready", "failed", "damaged", "registered"]


class EnvironmentPackage(Struct, frozen=True, kw_only=True):
    """One installed distribution, as its metadata names it."""

    name: str
    version: str
    size_bytes: int = 0


class EnvironmentDetails(Struct, frozen=True, kw_only=True):
    """An environment with what is in it.

    `own_bytes` is what removing it would free: files that uv's cache or another environment shares
    are not in it, while `view.size_bytes` counts all. `used_at` is in seconds since 1970, None when
    no run has used it. `runs` need it now: they wait or are live; of very many only the first are
    named. `source` is what a person gave (a lock's name, a package list). `interpreter` is a path
    on that machine. `from_source` are the packages that had no wheel, so that their code ran while
    it was built.
    """

    view: EnvironmentView
    state: EnvironmentState
    name: str = ""
    source: str = ""
    interpreter: str = ""
    own_bytes: int = 0
    used_at: float | None = None
    runs: tuple[RunId, ...] = ()
    packages: tuple[EnvironmentPackage, ...] = ()
    problem: str = ""
    from_source: tuple[str, ...] = ()


class ShowEnvironments(Struct, frozen=True, kw_only=True):
    """All environments of a machine with their state, without their packages; also those that are
    being built, that failed, and the registered ones."""

    limit: int = 1000


class EnvironmentsShown(Struct, frozen=True, kw_only=True):
    environments: tuple[EnvironmentDetails, ...]
    cache_bytes: int = 0


class InspectEnvironment(Struct, frozen=True, kw_only=True):
    """`environment` is an id, or its beginning, or a registered name."""

    environment: str


class BuildEnvironment(Struct, frozen=True, kw_only=True):
    """Build it now, before any run asks for it. The download is the build log as it grows. What
    failed before is only tried again with `retry`. With `renew` the packages that are named without
    a version get today's, and every later request for the same gets these."""

    spec: EnvironmentSpec
    snapshot: SnapshotId | None = None
    retry: bool = False
    renew: bool = False


class EnvironmentBuilt(Struct, frozen=True, kw_only=True):
    """`built` is False where it was there already."""

    environment: EnvironmentDetails
    built: bool


class ReadBuildLog(Struct, frozen=True, kw_only=True):
    """Download of a build log from `offset` on; `follow`: until the build is over."""

    environment: str
    offset: int = 0
    follow: bool = False


class BuildLogEnd(Struct, frozen=True, kw_only=True):
    size_bytes: int
    state: EnvironmentState


class FreezeEnvironment(Struct, frozen=True, kw_only=True):
    """Download of the environment's lock: a requirements file with hashes."""

    environment: str


class EnvironmentFrozen(Struct, frozen=True, kw_only=True):
    lock_hash: BlobHash


class RegisterEnvironment(Struct, frozen=True, kw_only=True):
    """Give an interpreter or a virtual environment of the machine a name; it is never changed."""

    command: CommandId
    name: str
    path: str


class RemoveEnvironment(Struct, frozen=True, kw_only=True):
    """Remove what was built, or forget a registered name; CONFLICT while a run needs it."""

    command: CommandId
    environment: str


class EnvironmentRemoved(Struct, frozen=True, kw_only=True):
    bytes_freed: int


class CollectEnvironments(Struct, frozen=True, kw_only=True):
    """Remove what no run needs: unused for `age_s`, or the longest unused until all of them take
    no more than `size_bytes`."""

    command: CommandId
    age_s: float | None = None
    size_bytes: int | None = None
    dry_run: bool = False


class EnvironmentsCollected(Struct, frozen=True, kw_only=True):
    environments: tuple[EnvironmentId, ...]
    bytes_freed: int


class RepairEnvironment(Struct, frozen=True, kw_only=True):
    """Compare its files with the RECORD of each distribution; what is damaged is installed again.
    `dry_run`: only say."""

    command: CommandId
    environment: str
    dry_run: bool = False


class EnvironmentRepaired(Struct, frozen=True, kw_only=True):
    files: int
    damaged: tuple[str, ...]
    repaired: bool
