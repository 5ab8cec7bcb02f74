"""Bugs planted into the placement, each with the number of labs within which it has to be found."""

from typing import Any

from lanherd_agent.core import room, slots, wants
from lanherd_agent.core.driver_share import DriverShare
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.matching import Matching
from lanherd_agent.core.quotas import Quotas
from lanherd_agent.core.reservation import Reservation
from lanherd_agent.core.room import Room
from lanherd_agent.core.slots import Closed, Slot
from lanherd_protocol.values import RunSpec
from tests.simulation.mutants import FEW, MANY, Mutant


def _always(*_: object) -> bool:
    return True


def _nothing(*_: object) -> list[Any]:
    return []


def _lacks_nothing(*_: object) -> str:
    return ""


def _finds(first: Any, want: Any, there: Any) -> Any:
    return there.find(want)


def _over_at_once(spec: RunSpec) -> float | None:
    return None if spec.time_limit_s is None else 0.0


def _all_open(scene: Any) -> list[Closed]:
    return ["" for _ in scene.gpus or ()]


def _all_that_is_not_ours(gpu: GpuCapacity) -> int:
    return gpu.foreign_bytes


def _takes_no_vram(slot: Slot, gpu: Any) -> None:
    slot.holders += 1
    slot.exclusive = gpu.exclusive


def _shares_all(slot: Slot, gpu: Any) -> None:
    slot.leased_bytes += gpu.vram_bytes
    slot.used_bytes += gpu.vram_bytes
    slot._count()


class _Everything(frozenset[Any]):
    def __contains__(self, _: object) -> bool:
        return True


def _matches_all(*_: object) -> _Everything:
    return _Everything()


MUTANTS: dict[str, Mutant] = {
    "others are not waited for": Mutant(Slot, "is_left", _always, MANY),
    "the owner's shares don't bind": Mutant(Quotas, "bounds", _nothing, MANY),
    "those behind take what they find": Mutant(Reservation, "lease_for", _finds, MANY),
    "a limit is thought to be over at once": Mutant(wants, "within_s", _over_at_once, MANY),
    "cores and memory are for all": Mutant(Room, "lacks", _lacks_nothing, FEW),
    "slices are given as GPUs": Mutant(Slot, "suits", _always, FEW),
    "GPUs that are lost are used": Mutant(room, "closures", _all_open, FEW),
    "a start takes no VRAM": Mutant(Slot, "take", _takes_no_vram, FEW),
    "an exclusive start is shared": Mutant(Slot, "take", _shares_all, FEW),
    "what the driver reserves is taken for others": Mutant(
        slots, "others_bytes", _all_that_is_not_ours, MANY
    ),
    "what the driver keeps is never learnt": Mutant(DriverShare, "see", _nothing, MANY),
    "constraints are not looked at": Mutant(Matching, "matches", _matches_all, FEW),
}
