"""Which GPUs of the machine match a constraint. Facts don't change from sample to sample, so each
constraint is looked at once until they do."""

from collections import Counter
from collections.abc import Mapping, Sequence

from lanherd_agent.core.events import GpuCapacity, HostCapacity, ReadingsTaken
from lanherd_protocol.constraint_facts import Facts, card_bytes, instance_bytes, memory_bytes
from lanherd_protocol.constraints import parse
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import GpuUuid

KNOWN_MAX = 20_000
"""Constraints that are remembered: more than a line has of them, or each decision reads all."""
TOLD_MAX = 3
"""Ways of not matching that are told one by one."""


class Matching:
    """The GPUs of one machine by their facts."""

    __slots__ = ("_facts", "_known", "_seen")

    def __init__(self) -> None:
        self._seen: object = None
        self._facts: dict[GpuUuid, Facts] = {}
        self._known: dict[str, frozenset[GpuUuid]] = {}

    def see(self, sample: ReadingsTaken) -> None:
        """Take the facts of a sample, if they are others."""
        static = [
            (gpu.uuid, gpu.index, gpu.name, gpu.total_bytes, gpu.compute_capability, gpu.profile)
            for gpu in sample.gpus
        ]
        seen = (static, sample.facts, sample.host.cpu_cores, sample.host.memory_bytes)
        if seen != self._seen:
            self._seen = seen
            self._known.clear()
            self._facts = {
                gpu.uuid: facts_of(gpu, sample.host) | sample.facts for gpu in sample.gpus
            }

    def matches(self, where: str) -> frozenset[GpuUuid]:
        known = self._known.get(where)
        if known is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            known = self._known[where] = self._matching(where)
        return known

    def _matching(self, where: str) -> frozenset[GpuUuid]:
        """None for what this version can't read: it was taken by one that could, and the run waits
        with the reason, rather than all runs."""
        try:
            constraint = parse(where)
        except LanherdError:
            return frozenset()
        return frozenset(uuid for uuid, facts in self._facts.items() if constraint.matches(facts))

    def why_not(self, where: str, gpus: Sequence[GpuUuid]) -> str:
        """What those of these GPUs that don't match fail, and which models they are, in words."""
        try:
            constraint = parse(where)
        except LanherdError as unread:
            return unread.failure.message
        failing: dict[str, Counter[str]] = {}
        for uuid in gpus:
            facts = self._facts.get(uuid, {})
            misses = constraint.misses(facts)
            if misses:
                # A name that is the reason is told already.
                model = "" if misses[0].fact == "name" else str(facts.get("name") or "")
                failing.setdefault(str(misses[0]), Counter())[model] += 1
        return _in_words(failing)


def _in_words(failing: Mapping[str, Counter[str]]) -> str:
    told = [
        f"{why} ({models})" if (models := _models(gpus)) else why
        for why, gpus in list(failing.items())[:TOLD_MAX]
    ]
    more = len(failing) - len(told)
    return "; ".join([*told, f"and {more} more" if more else ""]).removesuffix("; ")


def _models(gpus: Counter[str]) -> str:
    """Such as '2 × A100, RTX 3090'."""
    return ", ".join(f"{count} × {one}" if count > 1 else one for one, count in gpus.items() if one)


def facts_of(gpu: GpuCapacity, host: HostCapacity) -> dict[str, str | int | float | None]:
    """What constraints can ask of a GPU, but for what only the machine's facts know."""
    capability = gpu.compute_capability
    return {
        "vram": instance_bytes(gpu.profile, gpu.total_bytes)
        if gpu.profile
        else card_bytes(gpu.total_bytes),
        "sm": None if capability is None else capability[0] * 10 + capability[1],
        "name": gpu.name or None,
        "index": gpu.index,
        "uuid": gpu.uuid,
        "mig": gpu.profile or None,
        "cores": host.cpu_cores or None,
        "memory": memory_bytes(host.memory_bytes) or None,
    }
