import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace as with_values

from lanherd_client.choosing import (
    choose,
    choose_for,
    find_machine,
    find_machines,
    free_vram_by_gpu,
    require_online,
    require_some_online,
)
from lanherd_client.mirror import Connecting, MachineView, Online, Unreachable
from lanherd_protocol.errors import ErrorCode, LanherdError, MisuseError, error
from lanherd_protocol.ids import DeviceId, GpuUuid
from lanherd_protocol.values import (
    GpuFacts,
    GpuInstance,
    GpuProcess,
    GpuReading,
    GpuRequest,
    HostRequest,
    Reason,
)
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
    with pytest.raises(LanherdError) as caught:
        choose(machines, want(vram=80))
    assert caught.value.code is ErrorCode.IMPOSSIBLE_REQUEST
    assert caught.value.failure.message.splitlines() == [
        "box has 2 × 24.0 GB; none suits. GPU 0, 1: vram is 24.0 GB, needs 80.0 GB.",
        "attic has no GPU.",
    ]


def refused(machines: Sequence[MachineView], request: GpuRequest, host: HostRequest) -> list[str]:
    """What is said of each machine."""
    with pytest.raises(LanherdError) as caught:
        choose(machines, request, host)
    assert caught.value.code is ErrorCode.IMPOSSIBLE_REQUEST
    return caught.value.failure.message.splitlines()


def fitted(view: MachineView, *gpus: GpuFacts, **more: Any) -> MachineView:
    """The machine with other GPUs, and other readings of the first."""
    assert view.facts is not None and view.telemetry is not None
    sample = view.telemetry
    if more:
        first, *rest = sample.gpus
        sample = with_values(sample, gpus=(with_values(first, **more), *rest))
    known = with_values(view.facts, gpus=gpus or view.facts.gpus)
    return dataclasses.replace(view, facts=known, telemetry=sample)


def kind(view: MachineView, sm: tuple[int, int] | None, name: str) -> MachineView:
    assert view.facts is not None
    gpus = [with_values(gpu, compute_capability=sm, name=name) for gpu in view.facts.gpus]
    return fitted(view, *gpus)


def test_constraints_are_looked_at_before_a_machine_is_taken() -> None:
    old = kind(machine("box", gpus=2), (7, 5), "Tesla T4")
    new = kind(machine("attic", used=20), (8, 0), "A100")
    odd = kind(machine("cellar"), None, "Unknown")
    request = GpuRequest(count=1, where="sm >= 80")
    assert choose([old, new, odd], request).machine.name == "attic"
    several = with_values(request, count=2)
    assert refused([old, new, odd], several, HostRequest()) == [
        "box has 2 × 24.0 GB; none suits. GPU 0, 1: sm is 75, needs >= 80.",
        "attic has 1 × 24.0 GB; 2 are needed.",
        "cellar has 1 × 24.0 GB; none suits. GPU 0: sm is not known, needs >= 80.",
    ]
    assert old.facts is not None
    first, second = old.facts.gpus
    mixed = fitted(old, first, with_values(second, compute_capability=(9, 0)))
    assert refused([mixed, odd], several, HostRequest())[0] == (
        "box has 2 × 24.0 GB; 1 of 2 that are needed suit. GPU 0: sm is 75, needs >= 80."
    )
    with pytest.raises(LanherdError) as caught:
        choose([old, new], GpuRequest(count=1, where="sm >="))
    assert caught.value.code is ErrorCode.INVALID_REQUEST


def test_many_reasons_are_cut() -> None:
    view = machine("box", gpus=5)
    assert view.facts is not None
    gpus = [
        with_values(gpu, compute_capability=(5, number))
        for number, gpu in enumerate(view.facts.gpus)
    ]
    request = GpuRequest(count=1, where="sm >= 80")
    [told, _] = refused([fitted(view, *gpus), machine("x", gpus=0)], request, HostRequest())
    assert told.endswith("GPU 2: sm is 52, needs >= 80; and 2 more.")


def test_a_machine_with_too_little_of_anything_else_is_passed_over() -> None:
    machines = [machine("box", gpus=0), machine("attic", gpus=0)]
    view = machines[0]
    assert view.facts is not None
    big = dataclasses.replace(
        view, facts=with_values(view.facts, cpu_count=1000, memory_bytes=1 << 50)
    )
    silent = dataclasses.replace(machine("cellar"), facts=None)
    request = GpuRequest()
    assert choose([machines[1], big], request, HostRequest(cpu_cores=500)).machine.name == "box"
    told = refused([*machines, silent], request, HostRequest(cpu_cores=2000.5))
    assert told[1].endswith("CPU cores, 2000.5 are needed.")
    assert told[2] == "cellar has not said yet what it has."
    assert (
        " of memory, 4.00 TB are needed"
        in refused(machines, request, HostRequest(memory_bytes=1 << 42))[0]
    )
    assert " of disk, " in refused(machines, request, HostRequest(disk_bytes=1 << 60))[0]


def test_the_one_that_can_start_at_once_comes_before_one_with_a_line() -> None:
    busy = machine("box", used=0, waiting=2)
    assert choose([busy, machine("attic", used=15)], want()).machine.name == "attic"
    assert choose([busy, machine("attic", used=24)], want()).machine.name == "box"


def test_an_elastic_run_goes_where_it_gets_the_most() -> None:
    machines = [machine("box", used=2), machine("attic", used=15, gpus=4)]
    request = GpuRequest(count=1, count_max=4, vram_bytes=2 * GIB)
    assert choose(machines, request).machine.name == "attic"
    assert choose(machines, with_values(request, count_max=0)).machine.name == "box"


def test_what_is_held_or_closed_is_not_free() -> None:
    held = fitted(machine("box"), vram_leased_bytes=GIB)
    other = machine("attic", used=20)
    exclusive = GpuRequest(count=1, vram_bytes=2 * GIB, exclusive=True)
    assert choose([held, other], with_values(exclusive, exclusive=False)).machine.name == "box"
    assert choose([held, other], exclusive).machine.name == "attic"
    closed = fitted(machine("box"), cordon=Reason(code="person", text="It is closed."))
    assert choose([closed, other], want()).machine.name == "attic"
    process = GpuProcess(pid=1, vram_bytes=GIB)
    shared = fitted(machine("box"), processes=(process,))
    assert choose([shared, other], want()).machine.name == "box"
    alone = with_values(want(), beside="wait")
    assert choose([shared, other], alone).machine.name == "attic"
    blind = dataclasses.replace(machine("box"), telemetry=None)
    assert choose([blind, other], want()).machine.name == "attic"


def test_slices_are_found_and_counted() -> None:
    view = machine("box")
    assert view.facts is not None
    slices = tuple(
        GpuInstance(index=n, uuid=GpuUuid(f"MIG-{n}"), profile="1g.10gb", vram_bytes=10 * GIB)
        for n in range(2)
    )
    gpu = with_values(view.facts.gpus[0], mig=True, instances=slices)
    readings = tuple(GpuReading(uuid=one.uuid, vram_used_bytes=0) for one in slices)
    sliced, plain = fitted(view, gpu, instances=readings), machine("attic")
    request = GpuRequest(count=2, mig="1g.10gb")
    assert choose([plain, sliced], request).machine.name == "box"
    assert choose([plain, sliced], want()).machine.name == "attic"
    assert refused([plain, sliced], with_values(request, count=3), HostRequest()) == [
        "attic has no MIG instances, 1g.10gb is needed.",
        "box has 2 × 1g.10gb; 3 are needed.",
    ]
    assert refused([plain, sliced], with_values(request, mig="2g.20gb"), HostRequest())[1] == (
        "box has only 1g.10gb, 2g.20gb is needed."
    )
    assert refused([machine("x", gpus=0), sliced], want(), HostRequest())[1] == (
        "box gives its GPUs as MIG instances only (1g.10gb)."
    )
    small = with_values(request, vram_bytes=20 * GIB)
    assert "GPU 0:0, 0:1: vram is 10.0 GB" in refused([plain, sliced], small, HostRequest())[1]
    unread = fitted(view, gpu, instances=())
    assert "no machine has room now" in choose([plain, unread], request).reason


def test_what_a_machine_has_is_told_as_it_is() -> None:
    view = machine("box", gpus=5)
    assert view.facts is not None
    big, other, small, cut, uncut = view.facts.gpus
    slices = tuple(
        GpuInstance(index=n, uuid=GpuUuid(f"MIG-{n}"), profile=profile, vram_bytes=5 * GIB)
        for n, profile in enumerate(("1g.5gb", "1g.5gb", "2g.10gb"))
    )
    box = fitted(
        view,
        with_values(big, vram_bytes=40 * GIB),
        with_values(other, vram_bytes=40 * GIB),
        small,
        with_values(cut, vram_bytes=40 * GIB, mig=True, instances=slices),
        with_values(uncut, mig=True),
    )
    has = (
        "box has 2 × 40.0 GB, 1 × 24.0 GB, 2 × 1g.5gb (MIG), 1 × 2g.10gb (MIG) and"
        " 1 in MIG mode without instances"
    )
    empty = machine("attic", gpus=0)
    assert refused([box, empty], want(2, 6), HostRequest())[0] == (
        f"{has}; 6 whole GPUs are needed."
    )
    assert refused([box, empty], want(30, 3), HostRequest())[0] == (
        f"{has}; 2 of 3 that are needed suit. GPU 2: vram is 24.0 GB, needs 30.0 GB."
    )


def test_any_of_several_that_are_named() -> None:
    box, attic, cellar = machine("box"), machine("attic", used=9), machine("cellar", used=4)
    every = [box, attic, cellar]
    named = find_machines(every, ["att", "cellar", "attic"])
    assert named == (attic, cellar)
    assert find_machines(every, None) == ()
    for empty in ("", [], ["box", ""]):
        with pytest.raises(MisuseError, match="names no machine"):
            find_machines(every, empty)
    nothing = HostRequest()
    assert choose_for(every, named, (), want(), nothing).machine is cellar
    assert choose_for(every, (), (), want(), nothing).machine is box
    one = choose_for(every, find_machines(every, "att"), (), want(), nothing)
    assert (one.machine, one.reason) == (attic, "attic: it was named.")
    assert "waits for a run there" in choose_for(every, named, [attic], want(), nothing).reason
    for chosen, homes in ((named, [box]), ((box,), [attic]), ((), [box, attic])):
        with pytest.raises(LanherdError, match="only for runs of its own machine"):
            choose_for(every, chosen, homes, want(), nothing)


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


def free(view: MachineView) -> tuple[int, ...]:
    return tuple(free_vram_by_gpu(view).values())


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
    assert free(view) == (9 * GIB,)
    sick = with_values(sample, gpus=(with_values(reading, problem="It is lost."),))
    assert free(MachineView(view.machine, "box", ONLINE, view.facts, sick)) == ()
    unknown = with_values(sample, gpus=())
    assert free(MachineView(view.machine, "box", ONLINE, view.facts, unknown)) == ()
    assert free(MachineView(view.machine, "box", ONLINE)) == ()


def test_what_takes_no_run_is_not_free_and_a_cut_gpu_has_what_its_slices_have() -> None:
    view = machine("box")
    assert free(fitted(view, cordon=Reason(code="person", text="It is closed."))) == ()
    assert view.facts is not None
    slices = tuple(
        GpuInstance(index=n, uuid=GpuUuid(f"MIG-{n}"), profile="1g.10gb", vram_bytes=10 * GIB)
        for n in range(3)
    )
    gpu = with_values(view.facts.gpus[0], mig=True, instances=slices)
    closed = Reason(code="person", text="It is closed.")
    readings = (
        GpuReading(uuid=slices[0].uuid, vram_used_bytes=4 * GIB),
        GpuReading(uuid=slices[1].uuid, vram_used_bytes=0),
        GpuReading(uuid=slices[2].uuid, vram_used_bytes=0, cordon=closed),
    )
    assert free(fitted(view, gpu, instances=readings)) == (16 * GIB,)
    assert free(fitted(view, with_values(gpu, instances=()))) == ()


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
