"""Who holds VRAM of a GPU that Lanherd did not start, or that was left over, in words."""

from msgspec.structs import replace

from lanherd_agent.core.events import ForeignProcess, GpuCapacity
from lanherd_agent.core.reasons import GIB, gb, plural
from lanherd_agent.core.slots import others_bytes, unlisted_bytes
from lanherd_agent.core.vram_words import vram_size
from lanherd_protocol.ids import short_id
from lanherd_protocol.values import Reason

TOLD_BYTES = GIB // 10
"""Less is rounded to nothing where sizes are told."""


def largest(gpu: GpuCapacity) -> ForeignProcess | None:
    """The process of others that holds most."""
    return max(gpu.foreign, key=lambda one: (one.vram_bytes or 0, -one.pid), default=None)


def hold(gpu: GpuCapacity, driver_bytes: int = 0) -> str:
    """Who holds how much, as far as it is known; `driver_bytes` the driver itself, by a guess where
    it doesn't tell that."""
    process, unlisted, reserved = largest(gpu), unlisted_bytes(gpu), gpu.reserved_bytes or 0
    if process is None:
        if reserved and unlisted >= TOLD_BYTES:
            return (
                f"the driver itself keeps {vram_size(reserved)} of it, and {vram_size(unlisted)} "
                "is held by no process that can be seen"
            )
        if reserved or driver_bytes:
            return f"the driver itself keeps {vram_size(gpu.foreign_bytes)} of it"
        return f"{vram_size(gpu.foreign_bytes)} of it is held by no process that can be seen"
    if any(one.vram_bytes is None for one in gpu.foreign):
        # It may be theirs.
        listed, unlisted = others_bytes(gpu), 0
    else:
        listed = sum(one.vram_bytes or 0 for one in gpu.foreign)
    held = listed if process.vram_bytes is None else process.vram_bytes
    more = len(gpu.foreign) - 1
    rest = f", {gb(listed)} GB with {plural(more, 'other', 'others')}" if more else ""
    if unlisted >= TOLD_BYTES:
        rest += f", and {gb(unlisted)} GB no process that can be seen"
    if reserved >= TOLD_BYTES:
        rest += f"; the driver itself keeps {gb(reserved)} GB"
    return f"{_whose(process)} {gb(held)} GB{rest}"


def _whose(process: ForeignProcess) -> str:
    if process.gone:
        return f"a process that is gone (pid {process.pid}) still holds"
    if process.orphan_of is not None:
        return f"what run {short_id(process.orphan_of)} left behind (pid {process.pid}) holds"
    name = (process.command or "process").split(" ", 1)[0].rsplit("/", 1)[-1]
    whose = f"{process.user}'s {name}" if process.user else f"another's {name}"
    return f"{whose} (pid {process.pid}, not ours) holds"


def with_process(reason: Reason, gpu: GpuCapacity) -> Reason:
    process = largest(gpu)
    if process is None:
        return reason
    more: dict[str, str | int | float] = {
        "pid": process.pid,
        "user": process.user or "",
        "command": process.command or "",
        "process_bytes": process.vram_bytes or 0,
        "processes": len(gpu.foreign),
    }
    left = ""
    if process.gone:
        more["gone"] = 1
        left = "The driver lets go of the VRAM by itself, or with a reset of the GPU."
    elif process.orphan_of is not None:
        more["orphan_of"] = process.orphan_of
        left = f"End what was left behind: 'kill {process.pid}'."
    remedy = " ".join(filter(None, (left, reason.remedy)))
    return replace(reason, data={**reason.data, **more}, remedy=remedy)
