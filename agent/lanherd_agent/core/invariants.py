"""What must hold after every event. Run by the tests and the simulation after each one.

`check(core)` raises with every sentence that does not hold.
"""

from collections.abc import Iterator

from lanherd_agent.core import effects as f
from lanherd_agent.core.books import Books, kill_timer, limit_timer, retry_timer
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.depending import is_met
from lanherd_agent.core.ledger import Holder
from lanherd_agent.core.placement import decide
from lanherd_agent.core.run_states import (
    Preparing,
    Queued,
    Run,
    Running,
    Starting,
    Stopping,
    is_parked,
    is_ready,
    lease_of,
)
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Lease, LeasedGpu


class InvariantBroken(AssertionError):
    """The core holds something that can't be; each argument is one sentence."""


def check(core: AgentCore) -> None:
    broken = list(violations(core))
    if broken:
        raise InvariantBroken(*broken)


def violations(core: AgentCore) -> Iterator[str]:
    """A sentence for each invariant that does not hold."""
    books = core.books
    live: list[Run] = []
    waiting: list[Run] = []
    for run in books.runs.values():
        kind = type(run.state)
        if kind is Queued or kind is Preparing:
            waiting.append(run)
        elif kind is not Ended:
            live.append(run)
    yield from _ledger(books, live)
    yield from _gpus(books)
    yield from _line(books, waiting)
    yield from _dependencies(books)
    yield from _timers(books, live, waiting)
    yield from _attempts(books)
    yield from _live(live)
    yield from _effects(books, live, waiting)
    yield from _numbers(core)


def _ledger(books: Books, live: list[Run]) -> Iterator[str]:
    held: dict[Holder, Lease] = {}
    for run in live:
        lease = lease_of(run.state)
        assert lease is not None
        held[run.holder] = lease
    if held != books.ledger.leases():
        yield "the ledger is not the sum of what the live runs hold"
    if len(held) > books.rules.runs_at_once_max:
        yield f"{len(held)} runs are live, more than the machine takes at once"
    leased: dict[GpuUuid, int] = {}
    for lease in held.values():
        for gpu in lease.gpus:
            leased[gpu.uuid] = leased.get(gpu.uuid, 0) + gpu.vram_bytes
    if leased != books.ledger.leased_bytes():
        yield "the leased bytes of the GPUs are not the sum of the leases"
    promised, hosts = books.ledger.host, [lease.host for lease in held.values()]
    if (promised.memory_bytes, promised.disk_bytes) != (
        sum(host.memory_bytes for host in hosts),
        sum(host.disk_bytes for host in hosts),
    ):
        yield "what is promised beside GPUs is not the sum of the leases"


def _gpus(books: Books) -> Iterator[str]:
    shares: dict[GpuUuid, list[LeasedGpu]] = {}
    for lease in books.ledger.leases().values():
        if len({gpu.uuid for gpu in lease.gpus}) != len(lease.gpus):
            yield "a lease names the same GPU twice"
        for gpu in lease.gpus:
            shares.setdefault(gpu.uuid, []).append(gpu)
    totals = {gpu.uuid: gpu.total_bytes for gpu in books.readings or ()}
    for uuid, held in shares.items():
        if len(held) > 1 and any(gpu.exclusive for gpu in held):
            yield f"GPU {uuid} is shared although it is leased exclusively"
        leased = sum(gpu.vram_bytes for gpu in held)
        if leased > totals.get(uuid, leased):
            yield f"GPU {uuid} has {totals[uuid]} bytes and {leased} are leased"


def _line(books: Books, waiting: list[Run]) -> Iterator[str]:
    queue = books.queue
    if {run.place for run in waiting} != books.waiting.keys() or len(queue) != len(waiting):
        yield "the line is not the set of runs that wait"
    for run in books.waiting.values():
        yield from _place(books, run)
    groups = [group.places for group in queue.groups.values()]
    for line in (*queue.ready.values(), queue.unprepared, *groups):
        if line != sorted(set(line)):
            yield "a line is not in order"
    ready = sorted(place for line in queue.ready.values() for place in line)
    if ready != sorted(place for line in groups for place in line):
        yield "the groups of the line are not the line"
    heads = [head for line in queue.heads.values() for head in line]
    if sorted(place for place, _ in heads) != sorted(line[0] for line in groups if line):
        yield "the heads of the line are not the first of its groups"
    if queue.gate is not None or books.line_moved:
        # Nothing may start; or nobody has looked yet, since no event came after a restart.
        return
    if len(queue.preparing) < books.rules.prepare_ahead_max and queue.unprepared:
        yield "a run could be prepared and is not"
    if decide(books.scene(books.looked_at)):
        yield "a run could start and does not"


def _place(books: Books, run: Run) -> Iterator[str]:
    queue, place, state = books.queue, run.place, run.state
    places = (
        place in queue.preparing,
        place in queue.parked,
        queue.is_ready(place),
        place in queue.unprepared,
    )
    preparing, parked, ready = isinstance(state, Preparing), is_parked(run), is_ready(run)
    if places != (preparing, parked, ready, not (preparing or parked or ready)):
        yield f"run {run.run} is {type(state).__name__}, but waits elsewhere in the line"
    if not isinstance(state, Queued):
        return
    parks = {"held", "waits_for", "backoff"}
    if parked != (state.reason.code in parks):
        yield f"run {run.run} is told that it waits for {state.reason.code}"


def _dependencies(books: Books) -> Iterator[str]:
    named: dict[RunId, set[RunId]] = {}
    for run in books.waiting.values():
        state = run.state
        for dependency in state.waits_for if isinstance(state, Queued) else ():
            named.setdefault(dependency.run, set()).add(run.run)
            other = books.runs.get(dependency.run)
            if other is None or is_met(dependency, other) is not False:
                yield f"run {run.run} waits for run {dependency.run}, which can't be waited for"
            if dependency not in run.spec.dependencies:
                yield f"run {run.run} waits for a run that it never named"
    if named != {run: set(waiters) for run, waiters in books.dependents.items()}:
        yield "the dependents are not those of the runs that wait"
    if books.moved:
        yield "something happened to a run, and who waits for it was not looked at"


def _timers(books: Books, live: list[Run], waiting: list[Run]) -> Iterator[str]:
    limited: set[RunId] = set()
    due: set[str] = set()
    for run in live:
        if isinstance(run.state, Stopping):
            due.add(kill_timer(run))
        elif isinstance(run.state, Running) and run.state.limit_at is not None:
            due.add(limit_timer(run))
            limited.add(run.run)
    for run in waiting:
        if isinstance(run.state, Queued) and run.state.not_before is not None:
            due.add(retry_timer(run))
    if not books.unadopted <= limited:
        yield "a run that has no time limit, or is over, waits to be adopted"
    if due != books.timers.keys():
        yield "the timers are not those of the runs that are stopping, limited or put off"


def _attempts(books: Books) -> Iterator[str]:
    for run in books.runs.values():
        if run.attempt == 1 and not run.earlier:
            continue
        if [one.attempt for one in run.earlier] != list(range(1, run.attempt)):
            yield f"the attempts before attempt {run.attempt} of run {run.run} are not all known"
        if run.attempt > run.spec.retry.attempts_max:
            yield f"run {run.run} has attempt {run.attempt}, more than it may have"
        if any(one.outcome in ("succeeded", "cancelled") for one in run.earlier):
            yield f"run {run.run} was tried again although it was done"


def _live(live: list[Run]) -> Iterator[str]:
    for run in live:
        state = run.state
        if isinstance(state, Running | Stopping) and state.pid <= 0:
            yield f"run {run.run} is alive without a process"
        limited = run.spec.time_limit_s is not None
        if isinstance(state, Running) and (state.limit_at is not None) != limited:
            yield f"run {run.run} has no time limit, or one that it was not given"
        if run.settings.held:
            yield f"run {run.run} is held, and was started"


def _effects(books: Books, live: list[Run], waiting: list[Run]) -> Iterator[str]:
    starting = {f"start:{r.run}:{r.attempt}" for r in live if type(r.state) is Starting}
    preparing = {f"prepare:{r.run}:{r.attempt}" for r in waiting if type(r.state) is Preparing}
    pending = books.pending.values()
    if starting != {effect.id for effect in pending if isinstance(effect, f.StartAttempt)}:
        yield "the pending starts are not those of the runs that are starting"
    if preparing != {effect.id for effect in pending if isinstance(effect, f.PrepareRun)}:
        yield "the pending preparations are not those of the runs that are preparing"
    for effect in pending:
        run = books.runs.get(effect.run)
        over = run is None or isinstance(run.state, Ended)
        if isinstance(effect, f.SignalAttempt) and (
            run is None or over or effect.attempt != run.attempt
        ):
            yield f"a signal is wanted for an attempt of run {effect.run} that is over"
        if isinstance(effect, f.RemoveFiles) and not over:
            yield f"the files of run {effect.run} are removed under it"


def _numbers(core: AgentCore) -> Iterator[str]:
    seen: set[int] = set()
    for run in core.books.runs.values():
        if not 0 < run.seq <= core.seq or run.seq in seen:
            yield f"run {run.run} has the number {run.seq}, which can't be its own"
        seen.add(run.seq)
        if not 0 < run.ordinal <= core.ordinal:
            yield f"run {run.run} has the place {run.ordinal}, which was never given out"
        if run.files_removed_at is not None and type(run.state) is not Ended:
            yield f"run {run.run} is not over, and its files are gone"
