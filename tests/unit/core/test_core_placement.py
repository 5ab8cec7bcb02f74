"""Who gets which GPU, and the sentence for each that waits."""

from collections.abc import Sequence

import pytest

from lanherd_agent.core import reasons
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.placement import decide, explain
from lanherd_agent.core.queue import Queue, Shape, shape_of
from lanherd_agent.core.rules import Rules
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.values import Lease, LeasedGpu, Reason
from tests.simulation.making import GB, gpu, gpu_spec, run_id

RULES = Rules()


def shape(vram_gb: float = 0, count: int = 1, exclusive: bool = False) -> Shape:
    return shape_of(gpu_spec(vram_gb, count, exclusive).gpus)


def share(index: int, vram_gb: float, exclusive: bool = False) -> LeasedGpu:
    return LeasedGpu(
        index=index, uuid=gpu(index).uuid, vram_bytes=int(vram_gb * GB), exclusive=exclusive
    )


def ledger_of(*leases: tuple[LeasedGpu, ...]) -> Ledger:
    ledger = Ledger()
    for number, gpus in enumerate(leases):
        ledger.take((run_id(1000 + number), 1), Lease(gpus=gpus))
    return ledger


def line(*shapes: Shape) -> Queue:
    queue = Queue()
    for ordinal, one in enumerate(shapes, 1):
        queue.add_ready(ordinal, one)
    return queue


def placed(
    gpus: Sequence[GpuCapacity] | None,
    *shapes: Shape,
    ledger: Ledger | None = None,
    rules: Rules = RULES,
) -> dict[int, list[int]]:
    """Place of each run that starts → indexes of its GPUs."""
    starts = decide(line(*shapes), ledger or Ledger(), gpus, rules)
    return {start.place: [gpu.index for gpu in start.lease.gpus] for start in starts}


def told(gpus: Sequence[GpuCapacity], *shapes: Shape, ledger: Ledger | None = None) -> list[Reason]:
    return explain(shapes, ledger or Ledger(), gpus, RULES)


def test_the_fullest_gpu_with_room_is_taken_then_the_lowest_index() -> None:
    gpus = [gpu(0, 24), gpu(1, 12), gpu(2, 12)]
    assert placed(gpus, shape(10)) == {1: [1]}
    assert placed(gpus, shape(6), shape(6), shape(6)) == {1: [1], 2: [1], 3: [2]}
    assert placed(gpus, shape(20)) == {1: [0]}


def test_declared_vram_is_promised_at_once() -> None:
    assert placed([gpu(0, 24)], shape(13), shape(13)) == {1: [0]}


def test_free_is_total_less_ours_less_foreign() -> None:
    ledger = ledger_of((share(0, 8),))
    assert placed([gpu(0)], shape(16), ledger=ledger) == {1: [0]}
    assert placed([gpu(0, ours_gb=9)], shape(16), ledger=ledger) == {}
    assert placed([gpu(0, foreign_gb=1)], shape(16), ledger=ledger) == {}
    assert placed([gpu(0, foreign_gb=20)], shape(1), ledger=ledger) == {}


def test_an_exclusive_run_wants_a_gpu_without_others() -> None:
    gpus = [gpu(0), gpu(1)]
    ledger = ledger_of((share(0, 1),))
    assert placed(gpus, shape(2, exclusive=True), shape(2), ledger=ledger) == {1: [1], 2: [0]}
    assert placed([gpu(0, foreign_gb=2)], shape(2, exclusive=True)) == {}
    assert placed([gpu(0, foreign_gb=0.5)], shape(0, exclusive=True)) == {1: [0]}


def test_a_run_that_declares_nothing_takes_the_emptiest_and_all_of_it() -> None:
    gpus = [gpu(0, 24, foreign_gb=2), gpu(1, 24)]
    (start,) = decide(line(shape()), Ledger(), gpus, RULES)
    assert start.lease.gpus == (share(1, 24),)
    assert placed([gpu(0, 24, foreign_gb=13)], shape()) == {}
    assert placed([gpu(0)], shape(), ledger=ledger_of((share(0, 1),))) == {}


def test_several_gpus_come_in_index_order() -> None:
    gpus = [gpu(0, 24), gpu(1, 16), gpu(2, 24)]
    assert placed(gpus, shape(10, count=2)) == {1: [0, 1]}
    assert placed(gpus, shape(20, count=3)) == {}


def test_nothing_passes_a_run_on_gpus_that_it_could_use() -> None:
    gpus = [gpu(0, 24), gpu(1, 24)]
    ledger = ledger_of((share(0, 20),))
    assert placed(gpus, shape(10, count=2), shape(2), shape(10), ledger=ledger) == {}
    assert placed(gpus, shape(10, count=2), shape(0, count=0), ledger=ledger) == {2: []}


def test_a_run_may_pass_on_a_gpu_that_those_ahead_can_not_use() -> None:
    gpus = [gpu(0, 80), gpu(1, 24)]
    ledger = ledger_of((share(0, 40),))
    assert placed(gpus, shape(60), shape(10), shape(10), ledger=ledger) == {2: [1], 3: [1]}


def test_a_run_that_waits_for_a_repair_keeps_nothing() -> None:
    gpus = [gpu(0, 80, problem="It is lost."), gpu(1, 24)]
    assert placed(gpus, shape(60), shape(10)) == {2: [1]}
    assert placed([gpu(0, problem="Lost.")], shape(1)) == {}


def test_gpus_that_were_not_read_are_not_given() -> None:
    assert placed(None, shape(1), shape(0, count=0)) == {2: []}
    assert placed((), shape(1)) == {}


def test_no_more_start_than_may_live() -> None:
    rules = Rules(runs_at_once_max=2)
    cpu = shape(0, count=0)
    assert placed((), cpu, cpu, cpu, rules=rules) == {1: [], 2: []}
    assert placed((), cpu, ledger=ledger_of((), ()), rules=rules) == {}
    assert placed(()) == {}


@pytest.mark.parametrize(
    ("gpus", "leases", "wanted", "code", "text"),
    [
        (
            [gpu(0), gpu(1, foreign_gb=13)],
            [(share(0, 20),)],
            shape(18),
            "gpu_vram",
            "GPU 1: 11 of 24 GB free, needs 18; processes that Lanherd did not start hold 13 GB.",
        ),
        (
            [gpu(0)],
            [(share(0, 12.5),)],
            shape(18),
            "gpu_vram",
            "GPU 0: 11.5 of 24 GB free, needs 18.",
        ),
        (
            [gpu(0)],
            [(share(0, 2, exclusive=True),)],
            shape(1),
            "gpu_exclusive",
            "GPU 0 is held by a run that has it for itself.",
        ),
        (
            [gpu(0)],
            [(share(0, 2),)],
            shape(1, exclusive=True),
            "gpu_busy",
            "Needs a GPU for itself; GPU 0 is used by 1 run.",
        ),
        (
            [gpu(0, foreign_gb=3)],
            [(share(0, 1),), (share(0, 1),)],
            shape(1, exclusive=True),
            "gpu_busy",
            "Needs a GPU for itself; GPU 0 is used by 2 runs and processes that "
            "Lanherd did not start (3 GB).",
        ),
        (
            [gpu(0, foreign_gb=3)],
            [],
            shape(1, exclusive=True),
            "gpu_busy",
            "Needs a GPU for itself; GPU 0 is used by processes that Lanherd did not start (3 GB).",
        ),
        (
            [gpu(0, foreign_gb=0.5)],
            [],
            shape(24, exclusive=True),
            "gpu_vram",
            "GPU 0: 23.5 of 24 GB free, needs 24; "
            "processes that Lanherd did not start hold 0.5 GB.",
        ),
        (
            [gpu(0)],
            [(share(0, 1),)],
            shape(),
            "gpu_undeclared",
            "It declares no VRAM and so needs a GPU without other runs, mostly free; "
            "GPU 0: 23 of 24 GB free, used by 1 run.",
        ),
        (
            [gpu(0, foreign_gb=20)],
            [],
            shape(),
            "gpu_undeclared",
            "It declares no VRAM and so needs a GPU without other runs, mostly free; "
            "GPU 0: 4 of 24 GB free.",
        ),
        (
            [gpu(0), gpu(1)],
            [(share(0, 20),)],
            shape(10, count=2),
            "too_few_gpus",
            "1 of the 2 GPUs that it needs are free. GPU 0: 4 of 24 GB free, needs 10.",
        ),
        (
            [gpu(0, problem="It fell off the bus.")],
            [],
            shape(1),
            "gpu_unavailable",
            "GPU 0 can't be used now: It fell off the bus.",
        ),
        ([gpu(0)], [], shape(40), "gpu_missing", "Needs 1 GPU with 40 GB; the machine has 0 now."),
        ([gpu(0)], [], shape(0, count=2), "gpu_missing", "Needs 2 GPUs; the machine has 1 now."),
        ([gpu(0)], [], shape(1), "ready", "Ready to start."),
    ],
)
def test_why_the_first_in_line_waits(
    gpus: list[GpuCapacity],
    leases: list[tuple[LeasedGpu, ...]],
    wanted: Shape,
    code: str,
    text: str,
) -> None:
    (reason,) = told(gpus, wanted, ledger=ledger_of(*leases))
    assert (reason.code, reason.text) == (code, text)


def test_why_those_behind_it_wait() -> None:
    first, second = told([gpu(0)], shape(20), shape(2), ledger=ledger_of((share(0, 10),)))
    assert first.code == "gpu_vram"
    assert second.text == "GPU 0 has room, but is kept for a run that is ahead in the line."
    assert second.data == {"gpu": 0, "free_bytes": 14 * GB}


def test_reasons_without_numbers_of_gpus() -> None:
    full = ledger_of(*[()] * 64)
    assert explain([shape(1)], full, [gpu(0)], RULES)[0].code == "runs_at_once"
    assert explain([shape(1)], Ledger(), None, RULES) == [reasons.NO_READINGS]


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
    ledger = ledger_of((share(0, 1),))
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
    queue = line(shape(1), shape(2), shape(1))
    queue.add_unprepared(4)
    queue.add_unprepared(5)
    assert queue.begin_preparing() == 4
    assert (len(queue), queue.ready_rank(3), queue.unprepared_rank(5)) == (5, 2, 1)
    for ordinal in (1, 4, 5, 2):
        queue.remove(ordinal)
    assert queue.ready_by_shape == {shape(1): [3]}
    with pytest.raises(ValueError, match="not in this line"):
        queue.remove(1)
