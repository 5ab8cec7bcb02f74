"""What the driver itself keeps of a GPU: learned from samples, and never guessed."""

from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_agent.core.driver_share import SEEN_S, DriverShare
from lanherd_agent.core.events import ForeignProcess, GpuCapacity, RunUse
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Queued, Starting
from lanherd_agent.core.vram_words import gb_below, gb_or_less, vram_size
from lanherd_agent.core.who_holds import hold
from lanherd_protocol.errors import ErrorCode, LanherdError
from tests.simulation.making import GB, NOW, gpu, gpu_spec, new, readings, run_id
from tests.unit.core.machine import Machine, why
from tests.unit.core.scenes import like

MB = 1024**2
IDLE = like(gpu(0), foreign_bytes=420 * MB)
SEEN = ForeignProcess(pid=7, vram_bytes=300 * MB)


def known(*samples: tuple[float, GpuCapacity]) -> dict[str, int]:
    share = DriverShare()
    for at_s, sample in samples:
        share.see([sample], Rules(), NOW + at_s)
    return dict(share.known)


def test_what_no_process_holds_is_the_drivers() -> None:
    a_bit_more = like(IDLE, foreign_bytes=430 * MB)
    assert known((0, a_bit_more), (SEEN_S, IDLE)) == {IDLE.uuid: 420 * MB}
    assert known((0, IDLE), (SEEN_S - 1, IDLE)) == {}


@pytest.mark.parametrize(
    "other",
    [
        {"foreign_bytes": 0},
        {"foreign_bytes": 2 * GB},
        {"foreign": (SEEN,)},
        {"uses": (RunUse(run=run_id(1), vram_bytes=MB),)},
        {"ours_bytes": MB},
        {"utilisation_percent": 3.0},
        {"problem": "Lost."},
        {"total_bytes": 4 * GB},
    ],
)
def test_in_doubt_nothing_is(other: dict[str, Any]) -> None:
    doubtful = like(IDLE, **other)
    assert known((0, doubtful), (SEEN_S, doubtful)) == {}


def test_a_busy_time_tells_nothing() -> None:
    busy = like(IDLE, foreign=(SEEN,), foreign_bytes=720 * MB)
    assert known((0, IDLE), (SEEN_S, busy)) == {}
    assert known((0, IDLE), (30, busy), (SEEN_S, IDLE)) == {IDLE.uuid: 420 * MB}


def test_the_least_that_was_ever_seen_is_it() -> None:
    more = like(IDLE, foreign_bytes=900 * MB)
    assert known((0, IDLE), (SEEN_S, more)) == {IDLE.uuid: 420 * MB}
    assert known((0, more), (SEEN_S, IDLE)) == {IDLE.uuid: 420 * MB}
    assert known((0, IDLE), (SEEN_S, like(IDLE, foreign_bytes=0))) == {}


def test_a_clock_that_was_set_back_begins_anew() -> None:
    assert known((0, IDLE), (-10, IDLE), (SEEN_S - 20, IDLE)) == {}
    assert known((0, IDLE), (-10, IDLE), (SEEN_S - 10, IDLE)) != {}


def test_of_equal_gpus_the_least_is_it() -> None:
    share = DriverShare()
    hidden = like(gpu(1), foreign_bytes=900 * MB)
    other = like(gpu(2, 40), foreign_bytes=800 * MB)
    for at in (NOW, NOW + SEEN_S):
        share.see([IDLE, hidden, other], Rules(), at)
    assert share.known == {IDLE.uuid: 420 * MB, hidden.uuid: 420 * MB, other.uuid: 800 * MB}


def test_what_the_driver_tells_is_known_at_once() -> None:
    share = DriverShare()
    # A process of others is on the one, and the other keeps more than is ever guessed.
    told = like(gpu(1), foreign=(SEEN,), foreign_bytes=9 * GB, reserved_bytes=600 * MB)
    much = like(gpu(2), foreign_bytes=2 * GB, reserved_bytes=2 * GB)
    share.see([IDLE, told, much], Rules(), NOW)
    assert share.known == share.sure == {told.uuid: 600 * MB, much.uuid: 2 * GB}


def test_what_a_single_gpu_shows_may_be_an_idle_process_of_others() -> None:
    one, two = DriverShare(), DriverShare()
    other = like(IDLE, uuid=gpu(1).uuid, index=1)
    for at in (NOW, NOW + SEEN_S):
        one.see([IDLE], Rules(), at)
        two.see([IDLE, other], Rules(), at)
    assert (list(one.known), list(one.sure)) == ([IDLE.uuid], [])
    assert list(two.sure) == [IDLE.uuid, other.uuid]


def test_a_run_is_refused_for_what_the_driver_tells_and_waits_for_what_is_guessed() -> None:
    for driver, refuses in (({}, False), ({"reserved_bytes": 420 * MB}, True)):
        machine = Machine()
        for _ in range(2):
            machine.handle(readings(like(IDLE, **driver)))
            machine.now += SEEN_S
        if refuses:
            with pytest.raises(LanherdError) as refused:
                machine.submit(new(1, gpu_spec(24)))
            assert refused.value.code is ErrorCode.IMPOSSIBLE_REQUEST
            assert refused.value.failure.data["driver_bytes"] == 420 * MB
            machine.submit(new(4, gpu_spec(23)))
            continue
        machine.submit(new(1, gpu_spec(24)), new(2, gpu_spec(20)))
        assert "the driver itself keeps 0.4 GB" in why(machine.state(1)).text
        assert isinstance(machine.state(2), Starting)
        machine.started(2)
        machine.exited(2)
        # It was a process that nobody could see.
        machine.handle(readings(like(IDLE, foreign_bytes=0)))
        assert isinstance(machine.state(1), Starting)


def test_a_driver_that_reserves_much_is_nobody_else() -> None:
    kept = like(gpu(0), foreign_bytes=2 * GB, reserved_bytes=2 * GB)
    machine = Machine()
    machine.handle(readings(kept))
    spec = gpu_spec(20)
    alone = replace(spec, gpus=replace(spec.gpus, exclusive=True, beside="wait"))
    machine.submit(new(1, alone))
    assert isinstance(machine.state(1), Starting)


def test_the_driver_is_told_apart_from_who_can_not_be_seen() -> None:
    kept = like(gpu(0), foreign_bytes=3 * GB, reserved_bytes=2 * GB)
    assert hold(kept) == (
        "the driver itself keeps 2 GB of it, and 1 GB is held by no process that can be seen"
    )
    assert hold(like(kept, foreign_bytes=2 * GB)) == "the driver itself keeps 2 GB of it"
    assert hold(like(kept, foreign=(SEEN,), foreign_bytes=2 * GB + 300 * MB)).endswith(
        "0.3 GB; the driver itself keeps 2 GB"
    )
    unknown = like(kept, foreign=(replace(SEEN, vram_bytes=None),))
    assert hold(unknown).endswith("1 GB; the driver itself keeps 2 GB")


def test_a_run_that_the_driver_leaves_no_room_keeps_nothing_once_that_is_known() -> None:
    machine = Machine()
    machine.handle(readings(IDLE))
    machine.submit(new(1, gpu_spec(24)), new(2, gpu_spec(4)))
    reason = why(machine.state(1))
    assert reason.text.startswith(
        "GPU 0: 23.6 of 24 GB free, needs 24; 0.4 GB of it is held by no process that can be seen."
    )
    assert reason.remedy == "Ask for 23.5 GB or less."
    assert reason.data["most_bytes"] == 24 * GB - 420 * MB
    assert "driver_bytes" not in reason.data
    assert isinstance(machine.state(2), Queued)
    machine.now += SEEN_S
    machine.handle(readings(IDLE))
    # It keeps nothing for itself any more, and is told what is known now.
    assert isinstance(machine.state(2), Starting)
    reason = why(machine.state(1))
    assert reason.text == (
        "GPU 0: 19.6 of 24 GB free, needs 24; run 00000002 holds 4 GB; the driver itself keeps "
        "0.4 GB of it."
    )
    assert reason.data["driver_bytes"] == 420 * MB
    machine.submit(new(3, gpu_spec(24)))
    assert why(machine.state(3)).remedy == "Ask for 23.5 GB or less."


def test_a_tenth_of_a_gb_is_told_as_what_it_is() -> None:
    machine = Machine()
    machine.handle(readings(like(gpu(0), foreign_bytes=MB)))
    machine.submit(new(1, gpu_spec(24)))
    assert why(machine.state(1)).text.startswith(
        "GPU 0: 23.999 of 24 GB free, needs 24; 1 MB of it is held by no process that can be seen."
    )


def test_sizes_are_told_apart_and_rounded_so_that_they_are_there() -> None:
    assert [vram_size(420 * MB), vram_size(20 * MB)] == ["0.4 GB", "20 MB"]
    assert [gb_or_less(24 * GB - 1), gb_or_less(24 * GB), gb_or_less(MB)] == [
        "23.9 GB or less", "24 GB or less", "less",
    ]  # fmt: skip
    assert gb_below(11 * GB, 18 * GB) == "11"
    assert gb_below(24 * GB - 20 * MB, 24 * GB) == "23.98"
    assert gb_below(24 * GB - 1, 24 * GB) == "24"
