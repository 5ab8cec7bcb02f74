"""Each invariant sees the bug that it is there for."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import InvariantBroken, check
from lanherd_agent.core.run_states import Queued, Running
from lanherd_protocol.values import Dependency, HostRequest, Lease, LeasedGpu, Reason, RunSettings
from tests.simulation.making import (
    GB,
    NOW,
    PLAIN,
    PROJECT,
    after,
    gpu,
    gpu_spec,
    new,
    readings,
    run_id,
    stop,
    tried,
)


def busy_core() -> AgentCore:
    """1 and 2 share a GPU, 3 is stopping, 4 waits, 5 to 12 are prepared, 13 after them; 14 waits
    for 4, 15 for its next attempt, 16 has a time limit, 17 is over and 18 is held."""
    core = AgentCore()
    core.handle(readings(gpu(0)), NOW)
    runs = [new(1, gpu_spec(8)), new(2, gpu_spec(8)), new(3), new(4, gpu_spec(20))]
    runs += [new(number, PROJECT) for number in range(5, 14)]
    runs += [new(14, after(4)), new(15, tried(2)), new(16, replace(PLAIN, time_limit_s=60))]
    runs += [new(17), new(18, PLAIN, RunSettings(held=True))]
    core.handle(e.RunsSubmitted(owner="ann", runs=tuple(runs)), NOW)
    for number in (2, 3):
        core.handle(e.AttemptStarted(run=run_id(number), attempt=1, pid=number, at=NOW), NOW)
    core.handle(e.StopRequested(owner=None, request=stop(3)), NOW)
    core.handle(e.AttemptStarted(run=run_id(16), attempt=1, pid=16, at=NOW), NOW)
    core.handle(e.AttemptExited(run=run_id(15), attempt=1, at=NOW, code=1), NOW)
    core.handle(e.AttemptExited(run=run_id(17), attempt=1, at=NOW, code=0), NOW)
    check(core)
    return core


def lose_lease(core: AgentCore) -> None:
    core.books.ledger.release((run_id(1), 1))


def allow_fewer(core: AgentCore) -> None:
    core.books.rules = type(core.rules)(runs_at_once_max=2)


def miscount(core: AgentCore) -> None:
    core.books.ledger.shares(gpu(0).uuid).leased_bytes += 1


def promise_nobody(core: AgentCore) -> None:
    core.books.ledger._host[run_id(99), 1] = HostRequest(memory_bytes=1)


def exclusive(vram_gb: int) -> LeasedGpu:
    return LeasedGpu(index=0, uuid=gpu(0).uuid, vram_bytes=vram_gb * GB, exclusive=True)


def give(core: AgentCore, number: int, *gpus: LeasedGpu) -> None:
    lease = Lease(gpus=gpus)
    run = core.books.runs[run_id(number)]
    run.state = Running(since=NOW, pid=1, lease=lease)
    core.books.ledger._leases[run.holder] = lease


def same_gpu_twice(core: AgentCore) -> None:
    give(core, 2, exclusive(1), exclusive(1))


def share_exclusive(core: AgentCore) -> None:
    give(core, 2, exclusive(1))


def overcommit(core: AgentCore) -> None:
    give(core, 2, exclusive(100))


def place(core: AgentCore, number: int) -> int:
    return core.books.runs[run_id(number)].place


def forget_waiting(core: AgentCore) -> None:
    del core.books.waiting[place(core, 4)]


def wait_elsewhere(core: AgentCore) -> None:
    core.books.queue.remove(place(core, 4))
    core.books.queue.add_unprepared(place(core, 4))


def disorder(core: AgentCore) -> None:
    core.books.queue.unprepared += [place(core, 13)]


def split_groups(core: AgentCore) -> None:
    core.books.queue.groups.clear()


def lose_a_head(core: AgentCore) -> None:
    core.books.queue.heads.clear()


def prepare_less(core: AgentCore) -> None:
    core.books.rules = type(core.rules)(prepare_ahead_max=9)


def start_less(core: AgentCore) -> None:
    core.books.readings = (gpu(0, 80),)


def drop(effect: str) -> Callable[[AgentCore], None]:
    def dropping(core: AgentCore) -> None:
        del core.books.pending[effect]

    return dropping


def no_kill_timer(core: AgentCore) -> None:
    core.books.timers.clear()


def signal_the_dead(core: AgentCore) -> None:
    ghost = f.SignalAttempt(run=run_id(99), attempt=1, signal=15)
    core.books.pending[ghost.id] = ghost


def number_twice(core: AgentCore) -> None:
    core.books.runs[run_id(1)].seq = core.books.runs[run_id(2)].seq


def place_from_nowhere(core: AgentCore) -> None:
    core._requests.ordinal = 1


def no_process(core: AgentCore) -> None:
    state = core.books.runs[run_id(2)].state
    assert isinstance(state, Running)
    core.books.runs[run_id(2)].state = Running(since=NOW, pid=0, lease=state.lease)


def tell(core: AgentCore, number: int, reason: Reason) -> None:
    run = core.books.runs[run_id(number)]
    assert isinstance(run.state, Queued)
    run.state = replace(run.state, reason=reason)


def tell_otherwise(core: AgentCore) -> None:
    tell(core, 18, reasons.IN_LINE)


def wait_for_the_dead(core: AgentCore) -> None:
    run = core.books.runs[run_id(14)]
    assert isinstance(run.state, Queued)
    run.state = replace(run.state, waits_for=(Dependency(run=run_id(17)),))


def wait_for_nobody(core: AgentCore) -> None:
    core.books.dependents.clear()


def look_away(core: AgentCore) -> None:
    core.books.moved.append(core.books.runs[run_id(4)])


def adopt_the_dead(core: AgentCore) -> None:
    core.books.unadopted.add(run_id(17))


def forget_an_attempt(core: AgentCore) -> None:
    core.books.runs[run_id(15)].earlier = ()


def try_too_often(core: AgentCore) -> None:
    core.books.runs[run_id(17)].attempt = 2


def try_a_success_again(core: AgentCore) -> None:
    run = core.books.runs[run_id(15)]
    run.earlier = (replace(run.earlier[0], outcome="succeeded"),)


def lose_limit(core: AgentCore) -> None:
    run = core.books.runs[run_id(16)]
    assert isinstance(run.state, Running)
    run.state = replace(run.state, limit_at=None)


def start_the_held(core: AgentCore) -> None:
    core.books.runs[run_id(2)].settings = RunSettings(held=True)


def signal_an_earlier_attempt(core: AgentCore) -> None:
    ghost = f.SignalAttempt(run=run_id(2), attempt=0, signal=15)
    core.books.pending[ghost.id] = ghost


def remove_under_it(core: AgentCore) -> None:
    effect = f.RemoveFiles(run=run_id(2))
    core.books.pending[effect.id] = effect


def remove_too_early(core: AgentCore) -> None:
    core.books.runs[run_id(2)].files_removed_at = NOW


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (tell_otherwise, "is told that it waits for in_line"),
        (wait_for_the_dead, "which can't be waited for"),
        (wait_for_the_dead, "that it never named"),
        (wait_for_nobody, "the dependents are not"),
        (look_away, "was not looked at"),
        (adopt_the_dead, "waits to be adopted"),
        (forget_an_attempt, "are not all known"),
        (try_too_often, "more than it may have"),
        (try_a_success_again, "although it was done"),
        (lose_limit, "has no time limit"),
        (start_the_held, "is held, and was started"),
        (signal_an_earlier_attempt, "that is over"),
        (remove_under_it, "are removed under it"),
        (remove_too_early, "and its files are gone"),
        (lose_lease, "not the sum of what the live runs hold"),
        (allow_fewer, "more than the machine takes at once"),
        (miscount, "not the sum of the leases"),
        (promise_nobody, "beside GPUs is not the sum"),
        (same_gpu_twice, "names the same GPU twice"),
        (share_exclusive, "is shared although"),
        (overcommit, "bytes and"),
        (forget_waiting, "not the set of runs that wait"),
        (wait_elsewhere, "waits elsewhere"),
        (disorder, "not in order"),
        (split_groups, "groups of the line"),
        (lose_a_head, "heads of the line"),
        (prepare_less, "could be prepared"),
        (start_less, "could start"),
        (drop(f"start:{run_id(1)}:1"), "pending starts"),
        (drop(f"prepare:{run_id(5)}:1"), "pending preparations"),
        (no_kill_timer, "the timers are not"),
        (signal_the_dead, "that is over"),
        (number_twice, "can't be its own"),
        (place_from_nowhere, "never given out"),
        (no_process, "without a process"),
    ],
)
def test_a_planted_bug_is_seen(plant: Callable[[AgentCore], None], sentence: str) -> None:
    core = busy_core()
    plant(core)
    with pytest.raises(InvariantBroken) as broken:
        check(core)
    assert any(sentence in said for said in broken.value.args), broken.value.args
