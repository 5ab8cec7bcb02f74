"""What is true in a lab, counted by hand: who holds what, who waits, and what must not happen."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lanherd_agent.core.core import AgentCore
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import Ended, Preparing, Queued, RunView
from lanherd_protocol.values import GpuRequest, Lease, RunSpec
from tests.simulation.making import GB

SLACK_S = 0.001
DISPLAY_GB = 1.0
"""Foreign use up to which a GPU still counts as free for an exclusive run."""


@dataclass
class Card:
    """A GPU, or a MIG instance of one, and what is true of it now."""

    uuid: GpuUuid
    index: int
    total_gb: int
    name: str
    capability: tuple[int, int]
    instance: int | None = None
    profile: str = ""
    foreign_gb: float = 0.0
    driver_gb: float = 0.0
    """What its driver keeps, of which no process tells."""
    driver_tells: bool = False
    """The driver says how much it keeps."""
    problem: str | None = None
    temperature_c: float = 40.0


@dataclass(frozen=True)
class Live:
    """A run that holds its lease since then."""

    run: RunId
    spec: RunSpec
    lease: Lease
    since_s: float

    @property
    def ends_by_s(self) -> float:
        """The latest, by its limit and the grace of its stop."""
        if self.spec.time_limit_s is None:
            return math.inf
        return self.since_s + self.spec.time_limit_s + self.spec.stop.grace_s


class LabTruth:
    """An account that shares no line with the placement."""

    def __init__(
        self,
        cards: list[Card],
        rules: MachineRules,
        cores: int,
        memory_gb: int,
        *,
        calm: bool,
    ) -> None:
        self.cards = {card.uuid: card for card in cards}
        self.rules = rules
        self.cores, self.memory_bytes = cores, memory_gb * GB
        self.calm = calm
        self.asked: dict[RunId, tuple[NewRun, str, float]] = {}
        self.views: dict[RunId, RunView] = {}
        self.live: dict[RunId, Live] = {}
        self.promise: tuple[RunId, float] | None = None
        self.refused = self.started = self.passed = self.kept_promises = self.idle_looks = 0
        self.hopeless = 0

    def seen(self) -> dict[str, int]:
        shared = sum(bool(view.state) for view in self.views.values())
        return {
            "runs": shared,
            "starts": self.started,
            "refused": self.refused,
            "starts ahead of an earlier one": self.passed,
            "promises kept": self.kept_promises,
            "left waiting by the driver": self.hopeless,
        }

    # --- What happens ----------------------------------------------------------------------------

    def submitted(self, new: NewRun, owner: str, now_s: float) -> None:
        self.asked[new.run] = (new, owner, now_s)
        if self.promise is not None and self._key(new.run) < self._key(self.promise[0]):
            self.promises_end()

    def was_refused(self, runs: Iterable[NewRun]) -> None:
        self.refused += 1
        for new in runs:
            del self.asked[new.run]

    def see(self, view: RunView) -> None:
        self.views[view.run] = view

    def ends(self, run: RunId, now_s: float) -> bool:
        """Whether it had not ended yet."""
        return self.live.pop(run, None) is not None

    def starts(self, live: Live, now_s: float) -> None:
        view = self.views[live.run]
        assert live.run not in self.live, "started twice"
        self._check_request(live)
        empty_before = self._empty()
        self.live[live.run] = live
        self.started += 1
        for card in self._cards_of(live):
            self._check_card(card, live)
        self._check_kept_free(view, empty_before)
        self._check_shares(view)
        self._check_host()
        self._check_promise(live, now_s)

    def promises_end(self) -> None:
        """Somebody changed the order, or what there is."""
        self.promise = None

    # --- What must hold --------------------------------------------------------------------------

    def _check_request(self, live: Live) -> None:
        request = live.spec.gpus
        most = max(request.count, request.count_max)
        found = [gpu.uuid for gpu in live.lease.gpus]
        assert request.count <= len(found) <= most, "another number of GPUs than was asked for"
        assert len(set(found)) == len(found), "the same GPU twice"
        for gpu, card in zip(live.lease.gpus, self._cards_of(live), strict=True):
            assert gpu.vram_bytes >= request.vram_bytes, "less VRAM than was asked for"
            assert self.suits(card, request), f"{card} for {request}"

    def suits(self, card: Card, request: GpuRequest) -> bool:
        """Whether it is of the kind that was asked for."""
        if card.profile != request.mig:
            return False
        match request.where:
            case "vram >= 24GB":
                return card.total_gb >= 24
            case "sm >= 80":
                return card.capability >= (8, 0)
            case 'name ~ "A100"':
                return "A100" in card.name
            case where:
                assert not where, where
                return True

    def _check_card(self, card: Card, live: Live) -> None:
        holders = self._holders(card)
        held = self._held_bytes(card)
        foreign = int(card.foreign_gb * GB)
        assert card.problem is None, "a run was put on a GPU that is lost"
        driver = int(card.driver_gb * GB)
        assert held + foreign + driver <= card.total_gb * GB, f"VRAM was promised twice on {card}"
        assert len(holders) < 2 or not any(self.is_exclusive(one.spec.gpus) for one in holders), (
            "an exclusive GPU is shared"
        )
        most = self.rules.vram_share_max * card.total_gb * GB
        assert len(holders) < 2 or held <= most + 1, "packed above the owner's share"
        ceiling = self.rules.temperature_c_max
        assert ceiling is None or card.temperature_c <= ceiling, "a run was put on a hot GPU"
        if self.waits_for_others(live.spec.gpus):
            assert card.foreign_gb == 0, "it was to wait until others are gone"
        if self.is_exclusive(live.spec.gpus):
            others_gb = card.foreign_gb + (0 if card.driver_tells else card.driver_gb)
            assert others_gb <= DISPLAY_GB, "an exclusive run beside others"

    def _check_kept_free(self, view: RunView, empty_before: set[int]) -> None:
        empty = self._empty()
        if len(empty) == len(empty_before):
            return
        owed = sum(
            max(0, rule.gpus_min - self._gpus_of(user))
            for user, rule in self.rules.users.items()
            if user != view.owner
        )
        assert len(empty) >= self.rules.keep_free + owed, "what is kept free was taken"

    def _check_shares(self, view: RunView) -> None:
        assert len(self.live) <= self.rules.runs_at_once_max, "too many runs at once"
        mine = self.rules.users.get(view.owner)
        if mine is not None and mine.gpus_max is not None and view.spec.gpus.count:
            assert self._gpus_of(view.owner) <= mine.gpus_max, "more GPUs than its user may have"
        for tag in view.settings.tags:
            rule = self.rules.tags.get(tag)
            if rule is not None and rule.gpus_max is not None and view.spec.gpus.count:
                assert self._gpus_with(tag) <= rule.gpus_max, "more GPUs than its tag may have"

    def _check_host(self) -> None:
        hosts = [live.spec.host for live in self.live.values()]
        assert sum(host.cpu_cores for host in hosts) <= self.cores, "cores were promised twice"
        held = sum(host.memory_bytes for host in hosts)
        assert held <= self.memory_bytes, "memory was promised twice"

    # --- Who stands first ------------------------------------------------------------------------

    def look_at_first(self, core: AgentCore, now_s: float) -> None:
        """In a calm lab, when a run comes to stand first, note by when it must have started."""
        if not self.calm:
            return
        first = self._first()
        if first is None or (self.promise is not None and self.promise[0] == first):
            return
        self.promise = (first, self._earliest_s(first, now_s))

    def _check_promise(self, live: Live, now_s: float) -> None:
        if not self.calm:
            return
        earlier = [run for run in self.waiting_runs() if self._key(run) < self._key(live.run)]
        self.passed += any(run != live.run for run in earlier)
        if self.promise is not None and self.promise[0] == live.run:
            by = self.promise[1]
            assert now_s <= by + SLACK_S, f"it stood first and was passed: {now_s} > {by}"
            self.kept_promises += math.isfinite(by)
            self.promise = None

    def _first(self) -> RunId | None:
        return min(self.waiting_runs(), key=self._key, default=None)

    def _key(self, run: RunId) -> tuple[float, RunId]:
        new, _, at = self.asked[run]
        return at - new.settings.priority * self.rules.ageing_s, run

    def _earliest_s(self, run: RunId, now_s: float) -> float:
        """When there is room for it at the latest, if nothing else starts."""
        spec = self.asked[run][0].spec
        times = sorted({now_s, *(live.ends_by_s for live in self.live.values())})
        for at in times:
            left = [live for live in self.live.values() if live.ends_by_s > at]
            if self._has_room(spec, left):
                return at
        return math.inf

    def _has_room(self, spec: RunSpec, left: list[Live]) -> bool:
        hosts = [spec.host, *(live.spec.host for live in left)]
        if sum(host.cpu_cores for host in hosts) > self.cores:
            return False
        if sum(host.memory_bytes for host in hosts) > self.memory_bytes:
            return False
        if len(left) >= self.rules.runs_at_once_max:
            return False
        fitting = sum(self._fits(card, spec.gpus, left) for card in self.cards.values())
        return fitting >= spec.gpus.count

    def _fits(self, card: Card, request: GpuRequest, left: list[Live]) -> bool:
        shares = [gpu for live in left for gpu in live.lease.gpus if gpu.uuid == card.uuid]
        if not self.suits(card, request) or any(gpu.exclusive for gpu in shares):
            return False
        if shares and (self.is_exclusive(request) or not request.vram_bytes):
            return False
        held = sum(gpu.vram_bytes for gpu in shares) + request.vram_bytes
        most = self.rules.vram_share_max if shares else 1.0
        return held <= most * card.total_gb * GB

    # --- Counting --------------------------------------------------------------------------------

    def is_exclusive(self, request: GpuRequest) -> bool:
        return request.exclusive or (self.rules.exclusive_by_default and not request.shared)

    def waits_for_others(self, request: GpuRequest) -> bool:
        if request.beside == "rule":
            return self.rules.beside_others == "wait"
        return request.beside == "wait"

    def used_gb(self, card: Card) -> float:
        return self._held_bytes(card) / GB

    def waiting_runs(self) -> list[RunId]:
        return [
            run
            for run, view in self.views.items()
            if isinstance(view.state, Queued | Preparing) and run not in self.live
        ]

    def is_open(self) -> bool:
        """Whether there is a run that has to end."""
        return any(
            not isinstance(view.state, Ended) and not self._is_hopeless(view.spec.gpus)
            for view in self.views.values()
        )

    def _is_hopeless(self, request: GpuRequest) -> bool:
        """Whether no driver leaves it as much, of which the agent could not know at submit."""
        large = [
            card
            for card in self.cards.values()
            if self.suits(card, request)
            and (card.total_gb - card.driver_gb) * GB >= request.vram_bytes
        ]
        return len(large) < request.count

    def judge_end(self) -> None:
        self.hopeless = sum(not isinstance(view.state, Ended) for view in self.views.values())
        assert self.views.keys() == self.asked.keys(), "a run was forgotten"
        assert not self.live, "a run is live that has ended"

    def told_of_waiting(self, core: AgentCore) -> str:
        waiting = [self.views[run] for run in self.waiting_runs()]
        reasons = [v.state.reason.text for v in waiting if isinstance(v.state, Queued)]
        return f"starved: {reasons} with {len(self.live)} live"

    def _cards_of(self, live: Live) -> Iterator[Card]:
        return (self.cards[gpu.uuid] for gpu in live.lease.gpus)

    def _holders(self, card: Card) -> list[Live]:
        return [one for one in self.live.values() if card in self._cards_of(one)]

    def _held_bytes(self, card: Card) -> int:
        leases = (live.lease.gpus for live in self.live.values())
        return sum(gpu.vram_bytes for gpus in leases for gpu in gpus if gpu.uuid == card.uuid)

    def _empty(self) -> set[int]:
        """GPUs, by index, that work and on which no run of ours is."""
        held = {card.index for live in self.live.values() for card in self._cards_of(live)}
        broken = {card.index for card in self.cards.values() if card.problem}
        return {card.index for card in self.cards.values()} - held - broken

    def _gpus_of(self, user: str) -> int:
        return self._count(run for run in self.live if self.views[run].owner == user)

    def _gpus_with(self, tag: str) -> int:
        return self._count(run for run in self.live if tag in self.views[run].settings.tags)

    def _count(self, runs: Iterable[RunId]) -> int:
        """GPUs that they hold together; one that they share, or hold slices of, counts once."""
        return len({card.index for run in runs for card in self._cards_of(self.live[run])})
