"""What can be said against a request before it is sent."""

from dataclasses import replace

from lanherd_client.mirror import MachineView, Unreachable
from lanherd_desktop.state.obstacle import Obstacle, obstacle
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.values import GpuRequest
from tests.support.synthetic_room import GIB, NOW, Card, machine

GONE = Unreachable(NOW, Failure(code=ErrorCode.UNREACHABLE, title="Gone."))
ONE = GpuRequest(count=1, vram_bytes=20 * GIB)


def box(name: str, gib: int, gpus: int = 1) -> MachineView:
    return machine(name, "RTX", gib, (Card(1, 0, 3, 40, 50),) * gpus)[0]


def test_nothing_stands_against_a_request_that_fits_somewhere() -> None:
    assert obstacle(ONE, (box("a", 8), box("b", 24)), None) is None
    assert obstacle(GpuRequest(), (box("a", 8),), None) is None
    assert obstacle(GpuRequest(count=9, mig="1g.10gb"), (box("a", 8),), None) is None
    assert obstacle(ONE, (replace(box("a", 8), facts=None),), None) is None


def test_what_no_machine_has_is_impossible() -> None:
    room = (box("a", 8, gpus=2), box("b", 16))
    assert obstacle(ONE, room, None) == Obstacle("impossible", "", 2, 16 * GIB)
    two = GpuRequest(count=2)
    assert obstacle(two, room, room[1].machine) == Obstacle("impossible", "b", 1, 16 * GIB)
    assert obstacle(two, room, None) is None
    none = machine("c", "RTX", 8, ())[0]
    assert obstacle(ONE, (none,), None) == Obstacle("impossible", "", 0, 0)


def test_a_machine_that_does_not_answer_takes_nothing() -> None:
    silent = replace(box("a", 24), link=GONE)
    assert obstacle(ONE, (), None) == Obstacle("nobody")
    assert obstacle(ONE, (silent,), None) == Obstacle("nobody")
    assert obstacle(ONE, (silent, box("b", 24)), silent.machine) == Obstacle("silent", "a")
