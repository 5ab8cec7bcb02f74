from collections.abc import Sequence

import pytest
from msgspec.structs import replace as with_values

from lanherd_client.choosing import (
    choose,
    find_machine,
    free_vram,
    require_online,
    require_some_online,
)
from lanherd_client.mirror import Connecting, MachineView, Online, Unreachable
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.values import GpuRequest
from tests.support.scripted_agent import GIB, facts, telemetry

OFF = Unreachable(1.0, error(ErrorCode.UNREACHABLE, "It doesn't answer.").failure)
ONLINE = Online(1.0, "admin", "0.1.0", "10.0.0.1")


def machine(
    name: str,
    *,
    used: int = 0,
    gpus: int = 1,
    waiting: int = 0,
    live: int = 0,
    link: Online | Unreachable | Connecting = ONLINE,
) -> MachineView:
    identifier = DeviceId(name[0] * 64)
    return MachineView(
        identifier,
        name,
        link,
        facts(identifier, name, gpus),
        telemetry(1.0, used * GIB, gpus),
        live,
        waiting,
    )


def want(vram: int = 2, count: int = 1) -> GpuRequest:
    return GpuRequest(count=count, vram_bytes=vram * GIB)


def code_of(machines: Sequence[MachineView], request: GpuRequest) -> ErrorCode:
    with pytest.raises(LanherdError) as caught:
        choose(machines, request)
    return caught.value.code


def test_the_only_machine_is_taken_even_when_it_is_small() -> None:
    assert choose([machine("box")], want(vram=400)).reason == "box: the only paired machine."
    two = [machine("box"), machine("attic", link=OFF)]
    assert choose(two, want()).reason == "box: the only one connected."


def test_the_most_free_vram_that_fits() -> None:
    choice = choose([machine("box", used=10), machine("attic", used=4)], want())
    assert choice.machine.name == "attic"
    assert choice.reason == "attic: it has the most free VRAM that fits (20.0 GB)."


def test_several_gpus_are_counted_together() -> None:
    choice = choose([machine("box", used=0, gpus=1), machine("attic", used=9, gpus=2)], want(2, 2))
    assert choice.machine.name == "attic"


def test_where_nothing_has_room_the_shortest_queue_is_taken() -> None:
    full = [machine("box", used=24, waiting=3), machine("attic", used=24, waiting=1)]
    choice = choose(full, want())
    assert choice.machine.name == "attic"
    assert "fewest runs waiting" in choice.reason


def test_a_run_without_gpus_goes_where_the_least_is_done() -> None:
    choice = choose([machine("box", live=3), machine("attic", live=1, waiting=1)], GpuRequest())
    assert choice.machine.name == "attic"


def test_what_no_machine_has_is_refused_with_what_they_have() -> None:
    machines = [machine("box", gpus=2), machine("attic", gpus=0)]
    with pytest.raises(LanherdError, match=r"box has 2 × 24\.0 GB; attic has no GPU") as caught:
        choose(machines, want(vram=80))
    assert caught.value.code is ErrorCode.IMPOSSIBLE_REQUEST


def test_nobody_is_there() -> None:
    assert code_of([], want()) is ErrorCode.NOT_FOUND
    assert code_of([machine("box", link=OFF)], want()) is ErrorCode.UNREACHABLE
    off = [machine("box", link=OFF), machine("attic", link=Connecting(1.0))]
    with pytest.raises(LanherdError, match="None of the paired machines answers: box, attic"):
        choose(off, want())
    with pytest.raises(LanherdError, match="None of the paired machines answers"):
        require_some_online(off)
    assert require_some_online([]) == ()


def test_a_machine_that_is_not_connected_says_why() -> None:
    with pytest.raises(LanherdError, match="doesn't answer"):
        require_online(machine("box", link=OFF))
    with pytest.raises(LanherdError, match="has not answered yet"):
        require_online(machine("box", link=Connecting(1.0)))
    assert require_online(machine("box")).name == "box"


def test_foreign_memory_and_leases_are_not_free() -> None:
    view = machine("box")
    assert view.telemetry is not None
    reading = with_values(
        view.telemetry.gpus[0],
        vram_used_bytes=10 * GIB,
        vram_ours_bytes=4 * GIB,
        vram_leased_bytes=9 * GIB,
    )
    sample = with_values(view.telemetry, gpus=(reading,))
    view = MachineView(view.machine, "box", ONLINE, view.facts, sample)
    # 6 are foreign and 9 are promised, though only 4 of those are held yet.
    assert free_vram(view) == (9 * GIB,)
    sick = with_values(view.telemetry, gpus=(with_values(reading, problem="It is lost."),))
    assert free_vram(MachineView(view.machine, "box", ONLINE, view.facts, sick)) == ()
    unknown = with_values(view.telemetry, gpus=())
    assert free_vram(MachineView(view.machine, "box", ONLINE, view.facts, unknown)) == ()
    assert free_vram(MachineView(view.machine, "box", ONLINE)) == ()


def test_finds_a_machine_by_what_a_person_writes() -> None:
    machines = [machine("box"), machine("attic"), machine("basement")]
    assert find_machine(machines, "box").name == "box"
    assert find_machine(machines, "att").name == "attic"
    assert find_machine(machines, "aaaa").name == "attic"
    with pytest.raises(LanherdError, match="'b' names 2 machines") as caught:
        find_machine(machines, "b")
    assert caught.value.code is ErrorCode.CONFLICT
    with pytest.raises(LanherdError, match="No machine is called 'cellar'") as caught:
        find_machine(machines, "cellar")
    assert caught.value.code is ErrorCode.NOT_FOUND
    with pytest.raises(LanherdError, match="Known machines: none"):
        find_machine([], "box")
