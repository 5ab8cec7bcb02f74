"""A seeded lab around the core: mixed GPUs, people with wishes, processes of others, faults.

`Lab(seed).run()` lets one machine live from its first submit until all is done. What starts is held
against an account of its own (`lab_truth.py`): no VRAM is promised twice, nothing is shared that is
exclusive, nothing that the owner keeps free is taken, nobody starves, and who stands first starts
no later than the limits of those that run let expect. Where `World` lets the agent die, this one
lets the machine be difficult. The same seed gives the same trace.
"""

import hashlib
import heapq
import random

from msgspec import msgpack
from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import check
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.step import Kept
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import GpuLink, GpuRequest, HostRequest, RunSettings, RunSpec
from tests.simulation.lab_truth import Card, LabTruth, Live
from tests.simulation.making import GB, NOW, change, run_id

USERS = ("ada", "grace", "mary")
TAGS = ("night", "paper")
SETTLE_STEPS_MAX = 20_000
READ_EVERY_S = 5.0
MODELS = (
    ("NVIDIA GeForce RTX 3090", 24, (8, 6)),
    ("NVIDIA A100-SXM4-80GB", 80, (8, 0)),
    ("Tesla V100-SXM2-32GB", 32, (7, 0)),
    ("NVIDIA H100 PCIe", 80, (9, 0)),
    ("NVIDIA GeForce GTX 1080 Ti", 11, (6, 1)),
)
SLICES = (("1g.10gb", 10), ("2g.20gb", 20), ("3g.40gb", 40))


class Lab:
    """One machine. A `calm` one has no faults and nobody else on it, so that promises bind."""

    def __init__(self, seed: int, submits: int = 40) -> None:
        self.random = random.Random(f"lab {seed}")
        self.calm = self.random.random() < 0.4
        self.submits = submits
        self.now_s = 0.0
        self.number = 0
        self.cards = self._cards()
        if not self.calm and self.random.random() < 0.3:
            for card in self.cards:
                card.driver_gb = 0.4
            if random.Random(f"drivers of lab {seed}").random() < 0.5:
                for card in self.cards:
                    card.driver_gb, card.driver_tells = 1.5, True
        self.cores, self.memory_gb = self.random.choice((8, 32, 128)), 256
        self.rules = self._rules()
        self.truth = LabTruth(self.cards, self.rules, self.cores, self.memory_gb, calm=self.calm)
        self.core = AgentCore(Kept(), Rules(explained_max=3))
        self.due: list[tuple[float, int, e.Event]] = []
        self.timers: dict[str, int] = {}
        self.trace = hashlib.sha256()
        self._take(e.RulesChanged(rules=self.rules))
        self._read()

    @property
    def simulated_s(self) -> float:
        return self.now_s

    def run(self) -> str:
        """The lab's whole life; the trace's hash."""
        at = 0.0
        for _ in range(self.submits):
            at += self.random.expovariate(1 / self.random.choice((5, 60)))
            self._live_until(at)
            self._act()
        self._settle()
        self.truth.judge_end()
        return self.trace.hexdigest()

    # --- What it is made of ----------------------------------------------------------------------

    def _cards(self) -> list[Card]:
        cards: list[Card] = []
        some = self.random.sample(MODELS, self.random.randint(1, 2))
        for index in range(self.random.randint(1, 10)):
            name, total_gb, capability = self.random.choice(some)
            if total_gb == 80 and self.random.random() < 0.2:
                cards += self._slices(index, name, capability)
            else:
                uuid = GpuUuid(f"GPU-{index}")
                cards.append(Card(uuid, index, total_gb, name, capability))
        return cards

    def _slices(self, index: int, name: str, capability: tuple[int, int]) -> list[Card]:
        made: list[Card] = []
        left_gb = 80
        while left_gb >= 10:
            profile, size_gb = self.random.choice([one for one in SLICES if one[1] <= left_gb])
            left_gb -= size_gb
            uuid = GpuUuid(f"MIG-{index}-{len(made)}")
            made.append(Card(uuid, index, size_gb, name, capability, len(made), profile))
        return made

    def _rules(self) -> MachineRules:
        chance = self.random.random
        whole = len({card.index for card in self.cards if card.instance is None})
        rules = MachineRules(
            strategy=self.random.choice(("pack", "spread", "coolest", "most_free")),
            exclusive_by_default=chance() < 0.2,
            vram_share_max=self.random.choice((1.0, 1.0, 0.9)),
            fair_share=not self.calm and chance() < 0.7,
            backfill=chance() < 0.8,
            quiet_s=self.random.choice((0.0, 10.0)),
            beside_others=self.random.choice(("share", "wait")),
            runs_at_once_max=64,
        )
        if self.calm or chance() < 0.4:
            return rules
        return replace(
            rules,
            keep_free=self.random.choice((0, 1)) if whole > 2 else 0,
            runs_at_once_max=self.random.choice((2, 64)),
            users={"ada": ShareRule(gpus_min=1 if whole > 3 else 0, gpus_max=3)},
            tags={"night": ShareRule(gpus_max=self.random.choice((1, 2)))},
            temperature_c_max=self.random.choice((None, 80.0)),
        )

    # --- What happens ----------------------------------------------------------------------------

    def _act(self) -> None:
        choice = self.random.random()
        if self.calm or choice < 0.6:
            self._submit()
        elif choice < 0.7:
            self._others_come_and_go()
        elif choice < 0.78:
            card = self.random.choice(self.cards)
            card.problem = None if card.problem else "it fell off the bus"
            self._read()
        elif choice < 0.84:
            self.random.choice(self.cards).temperature_c = self.random.choice((40.0, 79.0, 90.0))
            self._read()
        elif choice < 0.92:
            self._change_one()
        else:
            self._submit()
            self._submit()

    def _submit(self) -> None:
        runs = tuple(self._new() for _ in range(self.random.choice((1, 1, 1, 4))))
        owner = self.random.choice(USERS)
        for new in runs:
            self.truth.submitted(new, owner, self.now_s)
        try:
            self._take(e.RunsSubmitted(owner=owner, runs=runs))
        except LanherdError as refused:
            if refused.code is not ErrorCode.IMPOSSIBLE_REQUEST:
                raise
            self.truth.was_refused(runs)

    def _new(self) -> NewRun:
        self.number += 1
        chance = self.random
        takes_s = chance.choice((5.0, 30.0, 120.0, 600.0))
        limit_s = None if chance.random() < 0.3 else takes_s * chance.choice((0.5, 1.1, 2.0))
        spec = RunSpec(
            command=("true",),
            name=f"{takes_s}",
            gpus=self._request(),
            time_limit_s=limit_s,
            host=self._host(),
        )
        tags = (chance.choice(TAGS),) if chance.random() < 0.4 else ()
        priority = chance.choice((0, 0, 0, 10, -5))
        return NewRun(
            run=run_id(self.number), spec=spec, settings=RunSettings(priority=priority, tags=tags)
        )

    def _request(self) -> GpuRequest:
        chance = self.random
        if chance.random() < 0.15:
            return GpuRequest()
        count = chance.choice((1, 1, 1, 1, 2, 4))
        vram_gb = chance.choice((0, 2, 8, 10, 20, 40))
        if any(card.driver_gb for card in self.cards) and chance.random() < 0.1:
            vram_gb = chance.choice(self.cards).total_gb
        mig = chance.choice(SLICES)[0] if chance.random() < 0.15 else ""
        where = chance.choice(("", "", "", "vram >= 24GB", "sm >= 80", 'name ~ "A100"'))
        exclusive = chance.random() < 0.25
        return GpuRequest(
            count=1 if mig else count,
            count_max=count * 2 if not mig and chance.random() < 0.2 else 0,
            vram_bytes=0 if mig else vram_gb * GB,
            exclusive=exclusive,
            shared=not exclusive and chance.random() < 0.2,
            where="" if mig else where,
            linked=count > 1 and chance.random() < 0.5 and not mig,
            mig=mig,
            beside=chance.choice(("rule", "wait", "share")),
        )

    def _host(self) -> HostRequest:
        if self.random.random() < 0.7:
            return HostRequest()
        return HostRequest(
            cpu_cores=float(self.random.choice((1, 4, 16))),
            memory_bytes=self.random.choice((8, 64, 200)) * GB,
        )

    def _others_come_and_go(self) -> None:
        card = self.random.choice(self.cards)
        # Others take what is really free: what is promised and not used yet, too.
        most_gb = max(0, card.total_gb - card.driver_gb - self.truth.used_gb(card))
        card.foreign_gb = self.random.choice((0.0, 0.0, min(2.0, most_gb), most_gb / 2))
        self._read()

    def _change_one(self) -> None:
        waiting = self.truth.waiting_runs()
        if not waiting:
            return
        self.number += 1
        number = self.random.choice(waiting)
        request = change(0, self.number, priority=self.random.choice((-10, 0, 10)))
        self._take(e.ChangeRequested(owner=None, request=replace(request, run=number)))
        self.truth.promises_end()

    def _read(self) -> None:
        gpus = tuple(self._capacity(card) for card in self.cards)
        host = e.HostCapacity(
            cpu_cores=self.cores,
            memory_bytes=self.memory_gb * GB,
            disk_free_bytes=1000 * GB,
        )
        self._take(e.ReadingsTaken(gpus=gpus, links=self._links(), host=host))

    def _capacity(self, card: Card) -> e.GpuCapacity:
        foreign: tuple[e.ForeignProcess, ...] = ()
        if card.foreign_gb:
            held = int(card.foreign_gb * GB)
            foreign = (e.ForeignProcess(pid=4242, vram_bytes=held, user="eve", command="python"),)
        return e.GpuCapacity(
            index=card.index,
            uuid=card.uuid,
            total_bytes=card.total_gb * GB,
            foreign_bytes=int(card.foreign_gb * GB) + int(card.driver_gb * GB),
            foreign=foreign,
            reserved_bytes=int(card.driver_gb * GB) if card.driver_tells else None,
            problem=card.problem,
            name=card.name,
            compute_capability=card.capability,
            instance=card.instance,
            profile=card.profile,
            temperature_c=card.temperature_c,
        )

    def _links(self) -> tuple[GpuLink, ...]:
        whole = sorted({card.index for card in self.cards if card.instance is None})
        return tuple(
            GpuLink(first=first, second=second, kind="nvlink", nvlinks=4)
            if first // 2 == second // 2
            else GpuLink(first=first, second=second, kind="system")
            for place, first in enumerate(whole)
            for second in whole[place + 1 :]
        )

    # --- Time ------------------------------------------------------------------------------------

    def _live_until(self, at: float) -> None:
        while self.due and self.due[0][0] <= at:
            self._next()
        self.now_s = max(self.now_s, at)

    def _next(self) -> None:
        at, number, event = heapq.heappop(self.due)
        if isinstance(event, e.TimerFired) and self.timers.get(event.timer) != number:
            return
        self.now_s = max(self.now_s, at)
        if isinstance(event, e.AttemptExited) and not self.truth.ends(event.run, self.now_s):
            return
        self._take(event)

    def _settle(self) -> None:
        """Others go, faults are mended, and all that was asked for is done."""
        for card in self.cards:
            card.problem, card.foreign_gb, card.temperature_c = None, 0.0, 40.0
        self.truth.promises_end()
        self._read()
        for _ in range(SETTLE_STEPS_MAX):
            if not self.truth.is_open():
                return
            if not self.due:
                self.now_s += READ_EVERY_S
                self._read()
                if not self.due and not self.truth.is_open():
                    return
                self.truth.idle_looks += 1
                assert self.truth.idle_looks < 100, self.truth.told_of_waiting(self.core)
                continue
            self._next()
        raise AssertionError(self.truth.told_of_waiting(self.core))

    def _expect(self, at: float, event: e.Event) -> int:
        self.number += 1
        heapq.heappush(self.due, (at, self.number, event))
        return self.number

    def _take(self, event: e.Event) -> None:
        step = self.core.handle(event, NOW + self.now_s)
        check(self.core)
        for told in step.told:
            self.trace.update(msgpack.encode(told.view))
            self.truth.see(told.view)
        for effect in step.effects:
            self._do(effect)
        self.truth.look_at_first(self.core, self.now_s)

    def _do(self, effect: f.Effect) -> None:
        match effect:
            case f.StartAttempt():
                self._start(effect)
            case f.SetTimer():
                at = max(self.now_s, effect.at - NOW)
                self.timers[effect.timer] = self._expect(at, e.TimerFired(timer=effect.timer))
            case f.CancelTimer():
                self.timers.pop(effect.timer, None)
            case f.SignalAttempt(run=run, attempt=attempt):
                at = self.now_s + 0.5
                exited = e.AttemptExited(run=run, attempt=attempt, at=NOW + at, signal=15)
                self._expect(at, exited)
            case f.NoteSettings(run=run, settings=settings):
                self._expect(self.now_s, e.SettingsNoted(run=run, settings=settings))
            case _:
                raise AssertionError(f"nobody asked for {effect}")

    def _start(self, effect: f.StartAttempt) -> None:
        takes_s = float(effect.spec.name)
        self.truth.starts(Live(effect.run, effect.spec, effect.lease, self.now_s), self.now_s)
        run, attempt = effect.run, effect.attempt
        at = NOW + self.now_s
        self._expect(self.now_s, e.AttemptStarted(run=run, attempt=attempt, pid=7, at=at))
        ended = self.now_s + takes_s
        self._expect(ended, e.AttemptExited(run=run, attempt=attempt, at=NOW + ended, code=0))
