"""One GPU, or MIG instance, while a decision is made: what is promised of it and what is left.

What is left is its VRAM less what processes of others hold, less for each of our runs what it was
promised or was measured to hold, whichever is more; and where there are runs already, no more than
the owner's rules let be promised of it.
"""

from collections.abc import Mapping
from typing import Literal

from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.ledger import Holder, Shares
from lanherd_agent.core.rules import MIB, Rules
from lanherd_agent.core.scene import Scene
from lanherd_agent.core.wants import Want
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import LeasedGpu

Closed = Literal["", "problem", "mig", "not_allowed", "cordoned", "hot", "backoff"]
"""Why no run may start on a GPU now, whatever room it has."""
PASSING = ("hot", "backoff")
"""Those that pass by themselves."""
FAILURES_BACK_OFF = 2


TINY_BYTES = 16 * MIB
"""A process that holds less computes nothing: X on a GPU without a display takes 4 MB."""


def is_used_by_others(gpu: GpuCapacity, rules: Rules) -> bool:
    """Whether there are processes of others: some that are listed, or so much VRAM held by none
    that is, that it can't be the driver or a display."""
    listed = any(one.vram_bytes is None or one.vram_bytes >= TINY_BYTES for one in gpu.foreign)
    return listed or unlisted_bytes(gpu) > rules.exclusive_foreign_bytes_max


def others_bytes(gpu: GpuCapacity) -> int:
    """VRAM that is not our runs', without what the driver says that it keeps for itself."""
    return max(0, gpu.foreign_bytes - (gpu.reserved_bytes or 0))


def unlisted_bytes(gpu: GpuCapacity) -> int:
    """VRAM that neither our runs nor any listed process holds: a display's, that of processes which
    can't be seen from here, or the driver's own where it doesn't tell how much that is."""
    return max(0, others_bytes(gpu) - sum(one.vram_bytes or 0 for one in gpu.foreign))


def is_crowded(gpu: GpuCapacity, rules: Rules) -> bool:
    """Whether processes of others take more than a display does, which a run that wants the GPU to
    itself has to suffer."""
    return others_bytes(gpu) > rules.exclusive_foreign_bytes_max


def others_hinder(gpu: GpuCapacity, want: Want, rules: Rules) -> bool:
    """Whether those are there now whom a run that wants this does not suffer beside it."""
    return (want.waits and is_used_by_others(gpu, rules)) or (
        want.exclusive and is_crowded(gpu, rules)
    )


class Slot:
    """What is left of a GPU."""

    __slots__ = (
        "closed",
        "crowded",
        "exclusive",
        "foreign_bytes",
        "free_bytes",
        "gpu",
        "holders",
        "index",
        "is_packed",
        "leased_bytes",
        "measured_bytes",
        "most_bytes",
        "others",
        "promised_max",
        "usable",
        "used_bytes",
        "uses",
        "uuid",
        "working",
    )

    def __init__(self, gpu: GpuCapacity, shares: Shares, scene: Scene, closed: Closed) -> None:
        self.gpu = gpu
        self.index = gpu.index
        self.uuid = gpu.uuid
        self.closed = closed
        self.usable = not closed
        self.working = not closed or closed in PASSING
        """It will take runs again by itself, if it doesn't now."""
        self.most_bytes = gpu.total_bytes - scene.driver_bytes.get(gpu.uuid, 0)
        """What a run could ever have of it."""
        self.holders = len(shares.holders)
        self.exclusive = shares.exclusive
        self.foreign_bytes = gpu.foreign_bytes
        self.others = is_used_by_others(gpu, scene.rules) or not is_quiet(
            scene.quiet_from, gpu.uuid, scene
        )
        self.crowded = is_crowded(gpu, scene.rules) or not is_quiet(
            scene.crowded_until, gpu.uuid, scene
        )
        share_max = scene.owner_rules.vram_share_max
        self.promised_max = gpu.total_bytes if share_max >= 1 else int(gpu.total_bytes * share_max)
        self.leased_bytes = shares.leased_bytes
        self.measured_bytes = gpu.ours_bytes
        self.uses: dict[RunId, int] = {use.run: use.vram_bytes for use in gpu.uses}
        self.used_bytes = self._used(shares)
        self.free_bytes = 0
        self.is_packed = False
        """Less is left than is free, by the owner's rule of how much of a GPU is promised."""
        self._count()

    def _used(self, shares: Shares) -> int:
        if not self.uses:
            return max(self.leased_bytes, self.measured_bytes)
        held = sum(
            max(gpu.vram_bytes, self.uses.get(holder[0], 0))
            for holder, gpu in shares.holders.items()
        )
        return held + max(0, self.measured_bytes - sum(self.uses.values()))

    def _count(self) -> None:
        room = self.gpu.total_bytes - self.used_bytes - self.foreign_bytes
        # What a run has to itself isn't packed.
        most = self.promised_max - self.leased_bytes if self.holders else room
        self.is_packed = most < room
        self.free_bytes = max(0, min(room, most))

    def copy(self) -> "Slot":
        copy = Slot.__new__(Slot)
        for name in Slot.__slots__:
            setattr(copy, name, getattr(self, name))
        return copy

    def take(self, gpu: LeasedGpu) -> None:
        self.holders += 1
        self.exclusive = gpu.exclusive
        self.leased_bytes += gpu.vram_bytes
        self.used_bytes += gpu.vram_bytes
        self._count()

    def untake(self, gpu: LeasedGpu) -> None:
        """As if it had not been taken."""
        self.holders -= 1
        self.exclusive = False
        self.leased_bytes -= gpu.vram_bytes
        self.used_bytes -= gpu.vram_bytes
        self._count()

    def give(self, holder: Holder, gpu: LeasedGpu) -> None:
        """As it will be once the run is over."""
        self.holders -= 1
        self.exclusive = False
        self.leased_bytes -= gpu.vram_bytes
        if self.uses:
            self.used_bytes -= max(gpu.vram_bytes, self.uses.get(holder[0], 0))
        else:
            self.measured_bytes = max(0, self.measured_bytes - gpu.vram_bytes)
            self.used_bytes = max(self.leased_bytes, self.measured_bytes)
        self._count()

    def is_barred(self, want: Want, rules: Rules) -> bool:
        """Whether others keep a run that wants this from it now, if there were no run of ours."""
        if others_hinder(self.gpu, want, rules):
            return True
        least = float(want.vram_bytes)
        if want.vram_bytes == 0 and not want.exclusive:
            least = self.gpu.total_bytes * rules.undeclared_free_share
        return self.gpu.total_bytes - self.foreign_bytes < least

    def is_left(self, want: Want) -> bool:
        """Whether others have left it to a run that wants none, or few, beside it."""
        return not (want.waits and self.others) and not (want.exclusive and self.crowded)

    def suits(self, want: Want) -> bool:
        """Whether it would hold a run that wants this if there were no other on it."""
        if not self.working or self.most_bytes < want.vram_bytes:
            return False
        return self.gpu.profile == want.mig if want.mig else self.gpu.instance is None


def is_quiet(seen: Mapping[GpuUuid, float], uuid: GpuUuid, scene: Scene) -> bool:
    """Whether it was long enough ago, by the owner's rules, that others were seen."""
    seen_at = seen.get(uuid)
    return seen_at is None or not 0 <= scene.now - seen_at < scene.owner_rules.quiet_s


def closures(scene: Scene) -> list[Closed]:
    """Why each GPU of the scene is closed, in their order."""
    gpus = scene.gpus or ()
    sliced = {gpu.index for gpu in gpus if gpu.instance is not None}
    whole = {gpu.index: gpu.uuid for gpu in gpus if gpu.instance is None}
    return [_closure(gpu, sliced, whole.get(gpu.index, gpu.uuid), scene) for gpu in gpus]


def _closure(gpu: GpuCapacity, sliced: set[int], parent: GpuUuid, scene: Scene) -> Closed:
    """`parent` is the GPU of which it is an instance, where that is known, or itself."""
    both = {gpu.uuid, parent}
    allowed, cordons = scene.owner_rules.gpus, scene.machine.cordons
    if allowed is not None and gpu.index not in allowed and both.isdisjoint(allowed):
        return "not_allowed"
    if gpu.problem is not None:
        return "problem"
    if gpu.instance is None and gpu.index in sliced:
        return "mig"
    if not both.isdisjoint(cordons):
        return "cordoned"
    if not both.isdisjoint(scene.hot):
        return "hot"
    if any(scene.now < backs_off_until(uuid, scene) for uuid in both):
        return "backoff"
    return ""


def backs_off_until(uuid: GpuUuid, scene: Scene) -> float:
    """Until when the GPU takes no run, after several in a row failed on it; 0: it does."""
    failures = scene.machine.failures.get(uuid)
    # A clock that was set back must not make the wait longer.
    if failures is None or len(failures.runs) < FAILURES_BACK_OFF or scene.now < failures.last_at:
        return 0.0
    return failures.last_at + scene.owner_rules.failures_backoff_s
