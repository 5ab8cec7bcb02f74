"""Who gets which GPU: room, promises, strategies, links, and the owner's rules."""

import pytest

from lanherd_agent.core import reasons
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.placement import decide
from lanherd_agent.core.wants import Want
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.values import Lease, LeasedGpu, Reason
from tests.simulation.making import GB, gpu, run_id
from tests.unit.core.scenes import (
    CPU,
    ledger_of,
    line,
    live,
    placed,
    scene,
    share,
    told,
    want,
    why,
)

STRICT = MachineRules(backfill=False)


def test_the_fullest_gpu_with_room_is_taken_then_the_lowest_index() -> None:
    gpus = [gpu(0, 24), gpu(1, 12), gpu(2, 12)]
    assert placed(gpus, want(10)) == {1: [1]}
    assert placed(gpus, want(6), want(6), want(6)) == {1: [1], 2: [1], 3: [2]}
    assert placed(gpus, want(20)) == {1: [0]}


def test_declared_vram_is_promised_at_once() -> None:
    assert placed([gpu(0, 24)], want(13), want(13)) == {1: [0]}


def test_free_is_total_less_ours_less_foreign() -> None:
    runs = [live(1, share(0, 8))]
    assert placed([gpu(0)], want(16), runs=runs) == {1: [0]}
    assert placed([gpu(0, ours_gb=9)], want(16), runs=runs) == {}
    assert placed([gpu(0, foreign_gb=1)], want(16), runs=runs) == {}
    assert placed([gpu(0, foreign_gb=20)], want(1), runs=runs) == {}


def test_an_exclusive_run_wants_a_gpu_without_others() -> None:
    gpus = [gpu(0), gpu(1)]
    runs = [live(1, share(0, 1))]
    assert placed(gpus, want(2, exclusive=True), want(2), runs=runs) == {1: [1], 2: [0]}
    assert placed([gpu(0, foreign_gb=2)], want(2, exclusive=True)) == {}
    assert placed([gpu(0, foreign_gb=0.5)], want(0, exclusive=True)) == {1: [0]}


def test_a_run_that_declares_nothing_takes_the_emptiest_and_all_of_it() -> None:
    gpus = [gpu(0, 24, foreign_gb=2), gpu(1, 24)]
    (start,) = decide(scene(gpus, want()))
    assert start.lease.gpus == (share(1, 24),)
    assert placed([gpu(0, 24, foreign_gb=13)], want()) == {}
    assert placed([gpu(0)], want(), runs=[live(1, share(0, 1))]) == {}


def test_several_gpus_come_in_index_order() -> None:
    gpus = [gpu(0, 24), gpu(1, 16), gpu(2, 24)]
    assert placed(gpus, want(10, count=2)) == {1: [0, 1]}
    assert placed(gpus, want(20, count=3)) == {}


def test_nothing_passes_a_run_on_gpus_that_it_could_use() -> None:
    gpus = [gpu(0, 24), gpu(1, 24)]
    runs = [live(1, share(0, 20))]
    assert placed(gpus, want(10, count=2), want(2), want(10), runs=runs) == {}
    assert placed(gpus, want(10, count=2), CPU, runs=runs) == {2: []}


def test_a_run_may_pass_on_a_gpu_that_those_ahead_can_not_use() -> None:
    gpus = [gpu(0, 80), gpu(1, 24)]
    runs = [live(1, share(0, 40))]
    assert placed(gpus, want(60), want(10), want(10), runs=runs) == {2: [1], 3: [1]}


def test_a_run_that_waits_for_a_repair_keeps_nothing() -> None:
    gpus = [gpu(0, 80, problem="It is lost."), gpu(1, 24)]
    assert placed(gpus, want(60), want(10)) == {2: [1]}
    assert placed([gpu(0, problem="Lost.")], want(1)) == {}


def test_gpus_that_were_not_read_are_not_given() -> None:
    assert placed(None, want(1), CPU) == {2: []}
    assert placed((), want(1)) == {}


def test_no_more_start_than_may_live() -> None:
    rules = MachineRules(runs_at_once_max=2)
    assert placed((), CPU, CPU, CPU, rules=rules) == {1: [], 2: []}
    assert placed((), CPU, runs=[live(1), live(2)], rules=rules) == {}
    assert placed(()) == {}


NEVER = ("gpu_unavailable", "gpu_missing", "ready")


@pytest.mark.parametrize(
    ("gpus", "leases", "wanted", "code", "text"),
    [
        (
            [gpu(0), gpu(1, foreign_gb=13)],
            [(share(0, 20),)],
            want(18),
            "gpu_vram",
            "GPU 1: 11 of 24 GB free, needs 18; "
            "13 GB of it is held by no process that can be seen.",
        ),
        (
            [gpu(0)],
            [(share(0, 12.5),)],
            want(18),
            "gpu_vram",
            "GPU 0: 11.5 of 24 GB free, needs 18; run 000003e8 holds 12.5 GB.",
        ),
        (
            [gpu(0)],
            [(share(0, 2, exclusive=True),)],
            want(1),
            "gpu_exclusive",
            "GPU 0 is held by run 000003e8, which has it for itself.",
        ),
        (
            [gpu(0)],
            [(share(0, 2),)],
            want(1, exclusive=True),
            "gpu_busy",
            "Needs a GPU for itself; GPU 0 is used by 1 run.",
        ),
        (
            [gpu(0, foreign_gb=3)],
            [(share(0, 1),), (share(0, 1),)],
            want(1, exclusive=True),
            "gpu_busy",
            "Needs a GPU for itself; GPU 0 is used by 2 runs and others, who hold 3 GB.",
        ),
        (
            [gpu(0, foreign_gb=3)],
            [],
            want(1, exclusive=True),
            "gpu_others",
            "It waits until others are gone from GPU 0; "
            "3 GB of it is held by no process that can be seen.",
        ),
        (
            [gpu(0, foreign_gb=0.5)],
            [],
            want(24, exclusive=True),
            "gpu_vram",
            "GPU 0: 23.5 of 24 GB free, needs 24; "
            "0.5 GB of it is held by no process that can be seen.",
        ),
        (
            [gpu(0)],
            [(share(0, 1),)],
            want(),
            "gpu_undeclared",
            "It declares no VRAM and so needs a GPU without other runs, mostly free; "
            "GPU 0: 23 of 24 GB free; run 000003e8 holds 1 GB.",
        ),
        (
            [gpu(0, foreign_gb=20)],
            [],
            want(),
            "gpu_undeclared",
            "It declares no VRAM and so needs a GPU without other runs, mostly free; "
            "GPU 0: 4 of 24 GB free; 20 GB of it is held by no process that can be seen.",
        ),
        (
            [gpu(0), gpu(1)],
            [(share(0, 20),)],
            want(10, count=2),
            "too_few_gpus",
            "1 of the 2 GPUs that it needs are free. GPU 0: 4 of 24 GB free, needs 10; "
            "run 000003e8 holds 20 GB.",
        ),
        (
            [gpu(0, problem="It fell off the bus.")],
            [],
            want(1),
            "gpu_unavailable",
            "GPU 0 can't be used now: It fell off the bus.",
        ),
        ([gpu(0)], [], want(40), "gpu_missing", "Needs 1 GPU with 40 GB; the machine has 0 now."),
        ([gpu(0)], [], want(0, count=2), "gpu_missing", "Needs 2 GPUs; the machine has 1 now."),
        ([gpu(0)], [], want(1), "ready", "Ready to start."),
    ],
)
def test_why_the_first_in_line_waits(
    gpus: list[GpuCapacity],
    leases: list[tuple[LeasedGpu, ...]],
    wanted: Want,
    code: str,
    text: str,
) -> None:
    runs = [live(number, *gpus) for number, gpus in enumerate(leases)]
    (reason,) = told(gpus, wanted, runs=runs)
    text = text if code in NEVER else f"{text} First in line"
    assert reason.code == code and reason.text.startswith(text)
    assert ("First" in reason.text) is (code not in NEVER)


def test_why_those_behind_it_wait() -> None:
    first, second = told([gpu(0)], want(20), want(2), runs=[live(1, share(0, 10))])
    assert first.code == "gpu_vram"
    assert second.text == "GPU 0 has room, but is kept for a run that is ahead in the line."
    assert second.data == {"gpu": 0, "free_bytes": 14 * GB}


def test_reasons_without_numbers_of_gpus() -> None:
    full = [live(number) for number in range(64)]
    assert why([gpu(0)], want(1), runs=full).code == "runs_at_once"
    assert told(None, want(1)) == [reasons.NO_READINGS]


def test_what_is_news() -> None:
    old = reasons.gpu_vram(0, 5 * GB, 24 * GB, 18 * GB, GB)
    step = 256 * 1024**2
    assert not reasons.is_news(old, reasons.gpu_vram(0, 5 * GB + 9, 24 * GB, 18 * GB, GB), step)
    assert reasons.is_news(old, reasons.gpu_vram(0, 6 * GB, 24 * GB, 18 * GB, GB), step)
    assert reasons.is_news(old, reasons.gpu_vram(1, 5 * GB, 24 * GB, 18 * GB, GB), step)
    assert reasons.is_news(old, reasons.READY, step)
    assert not reasons.is_news(old, reasons.NO_READINGS, step)
    more = Reason(code="gpu_vram", text="", data={})
    assert reasons.is_news(old, more, step)


def test_places_are_told_in_words() -> None:
    assert reasons.in_line(1).text == "Waits its turn behind 1 other run."
    assert "after those of 2 other runs" in reasons.unprepared(2).text


def test_the_ledger_refuses_what_can_not_be() -> None:
    ledger = ledger_of(live(0, share(0, 1)))
    with pytest.raises(LanherdError, match="already holds"):
        ledger.take((run_id(1000), 1), Lease())
    with pytest.raises(LanherdError, match="exclusively"):
        ledger.take((run_id(1), 1), Lease(gpus=(share(0, 1, exclusive=True),)))
    with pytest.raises(LanherdError, match="holds no lease"):
        ledger.release((run_id(1), 1))
    ledger.take((run_id(1), 1), Lease(gpus=(share(1, 2, exclusive=True),)))
    with pytest.raises(LanherdError, match="exclusively"):
        ledger.take((run_id(2), 1), Lease(gpus=(share(1, 1),)))
    ledger.take((run_id(3), 1), Lease(gpus=(share(0, 3),)))
    assert ledger.leased_bytes() == {gpu(0).uuid: 4 * GB, gpu(1).uuid: 2 * GB}
    ledger.release((run_id(3), 1))
    ledger.release((run_id(1000), 1))
    assert ledger.leased_bytes() == {gpu(1).uuid: 2 * GB}


def test_the_queue_finds_each_run_where_it_waits() -> None:
    queue = line(want(1), want(2), want(1))
    queue.add_unprepared(4)
    queue.add_unprepared(5)
    assert queue.begin_preparing() == 4
    assert (len(queue), queue.ready_rank(3), queue.unprepared_rank(5)) == (5, 2, 1)
    for ordinal in (1, 4, 5, 2):
        queue.remove(ordinal)
    assert {want: group.places for want, group in queue.groups.items()} == {want(1): [3]}
    assert queue.ready_rank(1) is None and queue.unprepared_rank(3) is None
    with pytest.raises(ValueError, match="not in this line"):
        queue.remove(1)
