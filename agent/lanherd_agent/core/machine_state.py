"""What the core knows of the machine itself, and keeps over a restart: what a person or a fault
closed, and who has had how much of it."""

from msgspec import Struct

from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import Reason


class Cordon(Struct, frozen=True, kw_only=True):
    """A GPU that takes no run. `by` names the person; a fault has none, and a good probe may lift
    it if `heals`."""

    reason: Reason
    since: float
    by: str = ""
    heals: bool = False


class Failures(Struct, frozen=True, kw_only=True):
    """Runs that failed in a row on one GPU, the newest last, and when each did. An agent that was
    older noted the time of the last alone."""

    runs: tuple[RunId, ...] = ()
    last_at: float = 0.0
    times: tuple[float, ...] = ()


class Usage(Struct, frozen=True, kw_only=True):
    """GPU-seconds that a user has had, decayed up to `at`."""

    gpu_s: float = 0.0
    at: float = 0.0


class Pause(Struct, frozen=True, kw_only=True):
    """No run starts, or none with the tag."""

    since: float
    by: str = ""
    note: str = ""


class MachineState(Struct, frozen=True, kw_only=True):
    """All of it; replaced as a whole, and kept in one row."""

    cordons: dict[GpuUuid, Cordon] = {}
    failures: dict[GpuUuid, Failures] = {}
    usage: dict[str, Usage] = {}
    """By user."""
    pause: Pause | None = None
    """Of the whole line."""
    paused_tags: dict[str, Pause] = {}
