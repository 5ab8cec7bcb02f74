"""What a run in line wants, as the placement sees it: all that a decision about it depends on.

Runs that want the same are one group of the line, and a decision looks at one of each group. So the
owner's rules are applied here, once: whether it wants a GPU to itself, and whether it waits until
others are gone; and of its tags only those count which a rule or a pause names.
"""

import math

from msgspec import Struct

from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.values import GpuRequest, HostRequest, RunSpec

NO_GPUS = GpuRequest()
NO_HOST = HostRequest()


class Want(Struct, frozen=True, kw_only=True):
    """`count` to `most` GPUs with `vram_bytes` free on each. `ends_s`: it is over by then, if it
    starts now; None: nobody knows."""

    owner: str = ""
    tags: tuple[str, ...] = ()
    count: int = 0
    most: int = 0
    vram_bytes: int = 0
    exclusive: bool = False
    waits: bool = False
    """Until there are no processes of others on the GPU."""
    where: str = ""
    linked: bool = False
    mig: str = ""
    host: HostRequest = NO_HOST
    ends_s: float | None = None

    @property
    def alone(self) -> bool:
        """Whether it shares a GPU with no other run: who declares nothing may use all of it."""
        return self.exclusive or self.vram_bytes == 0


def want_of(
    spec: RunSpec, owner: str, tags: tuple[str, ...], rules: MachineRules, counted: frozenset[str]
) -> Want:
    """`counted`: the tags that a rule or a pause names."""
    gpus = spec.gpus
    some = tuple(sorted(counted.intersection(tags))) if tags and counted else ()
    ends_s = within_s(spec)
    if gpus.count == 0:
        return Want(owner=owner, tags=some, host=spec.host, ends_s=ends_s)
    beside = rules.beside_others if gpus.beside == "rule" else gpus.beside
    return Want(
        owner=owner,
        tags=some,
        count=gpus.count,
        most=max(gpus.count, gpus.count_max),
        vram_bytes=gpus.vram_bytes,
        exclusive=gpus.exclusive or (rules.exclusive_by_default and not gpus.shared),
        waits=beside == "wait",
        where=gpus.where,
        # MIG instances have no links.
        linked=gpus.linked and not gpus.mig,
        mig=gpus.mig,
        host=spec.host,
        ends_s=ends_s,
    )


def within_s(spec: RunSpec) -> float | None:
    """How long an attempt may hold its lease: its limit, and the grace of its stop.

    Limits are counted up to the next of two digits (47 s, 1 h, 2.5 h), as people give them, so that
    odd ones don't make a group each.
    """
    limit_s = spec.time_limit_s
    if limit_s is None:
        return None
    unit_s = 1.0 if limit_s < 120 else 60.0 if limit_s < 7200 else 3600.0
    units = limit_s / unit_s
    grain = 10.0 ** (math.floor(math.log10(units)) - 1)
    return math.ceil(units / grain - 1e-9) * grain * unit_s + spec.stop.grace_s
