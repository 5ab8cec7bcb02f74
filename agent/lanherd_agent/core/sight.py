"""What the core was last told of the machine around its GPUs, and what it remembers of them between
two samples. Not kept over a restart."""

from collections.abc import Iterable

from lanherd_agent.core.driver_share import DriverShare
from lanherd_agent.core.events import GpuCapacity, HostCapacity, ReadingsTaken
from lanherd_agent.core.matching import Matching
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.slots import is_crowded, is_used_by_others
from lanherd_protocol.hours import Hours, minutes_until, parse_hours
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.values import GpuLink

COOLER_BY_C = 3.0
"""How far below the owner's ceiling a GPU has to cool down."""


class Sight:
    """The newest sample but for its GPUs, and since when things are as they are."""

    __slots__ = (
        "_used",
        "crowded_until",
        "driver",
        "host",
        "hot",
        "hours",
        "links",
        "local_minute",
        "matching",
        "quiet_from",
        "sample",
    )

    def __init__(self) -> None:
        self.host = HostCapacity()
        self.links: tuple[GpuLink, ...] = ()
        self.local_minute: int | None = None
        self.hours: tuple[Hours, ...] = ()
        self.matching = Matching()
        self.quiet_from: dict[GpuUuid, float] = {}
        """When processes of others were last seen on a GPU."""
        self.crowded_until: dict[GpuUuid, float] = {}
        """The same, of those that take more than a display."""
        self.hot: set[GpuUuid] = set()
        self.driver = DriverShare()
        self.sample: ReadingsTaken | None = None
        self._used: set[GpuUuid] = set()
        """GPUs on which processes of others are now."""

    def see(self, sample: ReadingsTaken, rules: MachineRules, own: Rules, now: float) -> bool:
        """Take a sample; whether anything in it may let a run start, or alter why one waits."""
        before = self.sample
        was_open = self._is_open()
        driver_kept = self.driver.known
        self.sample = sample
        self.host, self.links, self.local_minute = sample.host, sample.links, sample.local_minute
        self.matching.see(sample)
        self._used = {gpu.uuid for gpu in sample.gpus if is_used_by_others(gpu, own)}
        for gpu in sample.gpus:
            if gpu.uuid in self._used:
                self.quiet_from[gpu.uuid] = now
            if is_crowded(gpu, own):
                self.crowded_until[gpu.uuid] = now
        here = {gpu.uuid for gpu in sample.gpus}
        for seen in (self.quiet_from, self.crowded_until):
            for uuid in seen.keys() - here:
                del seen[uuid]
        self.driver.see(sample.gpus, own, now)
        self._feel(sample.gpus, rules)
        return (
            before is None
            or driver_kept != self.driver.known
            or before.gpus != sample.gpus
            or before.host != sample.host
            or before.links != sample.links
            or before.facts != sample.facts
            or before.problem != sample.problem
            or was_open != self._is_open()
        )

    @property
    def only_gpu(self) -> bool:
        """Whether all that was seen last is of one GPU."""
        gpus = self.sample.gpus if self.sample is not None else ()
        return len({gpu.index for gpu in gpus}) == 1

    def obey(self, rules: MachineRules) -> None:
        """Take the owner's rules. Raises ValueError for hours that are none."""
        self.hours = tuple(parse_hours(text) for text in rules.hours)
        self._feel(self.sample.gpus if self.sample is not None else (), rules)

    def quiet_at(self, quiet_s: float, now: float) -> dict[GpuUuid, float]:
        """When GPUs that others have left will count as free of them, as far as they don't yet."""
        return {
            uuid: seen_at + quiet_s
            for uuid, seen_at in self.quiet_from.items()
            if uuid not in self._used and 0 <= now - seen_at < quiet_s
        }

    def _feel(self, gpus: Iterable[GpuCapacity], rules: MachineRules) -> None:
        most = rules.temperature_c_max
        hot: set[GpuUuid] = set()
        for gpu in gpus if most is not None else ():
            degrees = gpu.temperature_c
            assert most is not None
            if gpu.uuid in self.hot:
                cooled = degrees is not None and degrees <= most - COOLER_BY_C
            else:
                cooled = degrees is None or degrees <= most
            if not cooled:
                hot.add(gpu.uuid)
        self.hot = hot

    def _is_open(self) -> bool:
        return self.local_minute is None or not minutes_until(self.hours, self.local_minute)
