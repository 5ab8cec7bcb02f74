"""A whole fleet over TLS on loopback, against agents that a test can bring into any state."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_client import Fleet, blocking
from lanherd_client import fleet as fleet_module
from lanherd_client.changes import (
    MachineChanged,
    RunChanged,
    RunsChanged,
    SightingsChanged,
    TelemetryChanged,
)
from lanherd_client.discovery import Sighting
from lanherd_client.discovery import local as local_module
from lanherd_client.machines import MachineBook
from lanherd_client.mirror import Online, Refused, Unreachable
from lanherd_client.submitting import Progress
from lanherd_protocol.aio.identity import load_or_create_identity
from lanherd_protocol.errors import ErrorCode, LanherdError, MisuseError, NotFoundError
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import CALLS_IN_FLIGHT_MAX
from lanherd_protocol.states import Ended
from lanherd_protocol.values import GpuRequest, Reason, RetentionRule, RetentionRules
from tests.support.scripted_agent import GPU, ended, eventually, queued, run_id, running, telemetry
from tests.support.scripted_listener import ListeningAgent, listening_agent


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are read again at once instead of once a second."""
    monkeypatch.setattr(local_module, "POLL_S", 0.005)
    monkeypatch.setattr(fleet_module, "BOOK_POLL_S", 0.005)


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@asynccontextmanager
async def paired(folder: Path, name: str = "box") -> AsyncIterator[tuple[Fleet, ListeningAgent]]:
    async with listening_agent(folder, name) as agent, Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        yield fleet, agent


def link_of(fleet: Fleet, agent: ListeningAgent) -> object:
    view = fleet.machine(agent.device)
    assert view is not None
    return view.link


async def until_link(fleet: Fleet, agent: ListeningAgent, kind: type) -> None:
    await eventually(lambda: isinstance(link_of(fleet, agent), kind))


async def test_sees_pairs_and_knows_it_again(folder: Path) -> None:
    async with listening_agent(folder) as agent:
        async with Fleet.open() as fleet:
            (sighting,) = fleet.sightings()
            assert (sighting.name, sighting.simulated) == ("box", True)
            view = await fleet.pair(sighting)
            assert view.name == "box"
            await fleet.settled()
            assert isinstance(link_of(fleet, agent), Online)
            assert fleet.sightings() == ()
            assert len(fleet.sightings(unpaired_only=False)) == 1
            assert agent.paired.keys() == {fleet.device}
        async with Fleet.open() as fleet:
            await fleet.settled()
            (machine,) = fleet.machines()
            assert machine.online
            assert machine.simulated
            assert machine.link.role == "admin"
            assert (await fleet.status(machine.machine)).pid == os.getpid()
            assert await fleet.environments(machine.machine) == ()


async def test_an_observer_begins_with_everything_and_is_told_what_changes(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        with fleet.changes() as changes:
            assert await changes.batch() == [
                SightingsChanged(),
                MachineChanged(agent.device),
                RunsChanged(agent.device),
            ]
            await eventually(lambda: len(agent.feeds) == 2)
            agent.change(run_id(1), queued())
            agent.sample(telemetry(50.0, 7))
            told: set[object] = set()
            async with asyncio.timeout(10):
                while len(told) < 3:
                    told.update(await changes.batch())
            assert told == {
                MachineChanged(agent.device),
                RunChanged(agent.device, run_id(1)),
                TelemetryChanged(agent.device),
            }
        assert fleet.history(agent.device, GPU)[-1].vram_used_bytes == 7
        (record,) = fleet.runs()
        assert record.view == fleet.run_view(agent.device, run_id(1)) == agent.runs[run_id(1)]


async def test_closing_the_fleet_ends_observations(folder: Path) -> None:
    async with Fleet.open() as fleet:
        changes = fleet.changes()
        await changes.batch()
    assert await changes.batch() == []


async def test_runs_are_newest_first_over_all_machines(folder: Path) -> None:
    async with paired(folder) as (fleet, box), listening_agent(folder, "attic") as attic:
        await fleet.pair_socket(attic.socket)
        await fleet.settled()
        for number in (1, 2, 3):
            (box if number % 2 else attic).change(run_id(number), queued())
        attic.seq += 10
        attic.change(run_id(4), running())
        await eventually(lambda: len(fleet.runs()) == 4)
        assert fleet.runs()[0].view.run == run_id(4)
        assert {record.machine for record in fleet.runs(box.device)} == {box.device}
        assert [view.name for view in fleet.machines()] == ["attic", "box"]
        assert (await fleet.run("0004")).machine == attic.device
        page = await fleet.list_runs(box.device, limit=1)
        assert (page.runs[0].run, page.more) == (run_id(3), True)


async def test_an_agent_that_comes_back_on_another_port_is_found(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        await agent.close()
        await until_link(fleet, agent, Unreachable)
        agent.port = 0
        await agent.open()
        await until_link(fleet, agent, Online)
        (known,) = MachineBook(fleet.home).load()
        assert known.port == agent.port


async def test_an_impostor_at_the_address_is_refused(folder: Path) -> None:
    async with (
        paired(folder) as (fleet, agent),
        listening_agent(folder, "x", opened=False) as other,
    ):
        agent.advertises = other.advertises = False
        await agent.close()
        await until_link(fleet, agent, Unreachable)
        other.port = agent.port
        await other.open()
        fleet.reconnect(agent.device)
        await until_link(fleet, agent, Refused)
        link = link_of(fleet, agent)
        assert isinstance(link, Refused)
        assert link.failure.code is ErrorCode.WRONG_IDENTITY
        assert other.calls == []
        with pytest.raises(LanherdError) as caught:
            await fleet.submit(command=["true"])
        assert caught.value.code is ErrorCode.WRONG_IDENTITY
        # The real one comes back: a person may ask at once.
        await other.close()
        await agent.open()
        fleet.reconnect()
        await until_link(fleet, agent, Online)


async def test_a_revoked_device_is_told_and_may_be_paired_again(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        agent.revoke(fleet.device)
        await until_link(fleet, agent, Unreachable | Refused)
        fleet.reconnect()
        await until_link(fleet, agent, Refused)
        await fleet.pair_socket(agent.socket)
        await until_link(fleet, agent, Online)


async def test_a_viewer_is_not_allowed_to_submit(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        agent.set_role("viewer")
        await agent.close()
        await agent.open()
        await until_link(fleet, agent, Online)
        await eventually(lambda: getattr(link_of(fleet, agent), "role", "") == "viewer")
        with pytest.raises(LanherdError) as caught:
            await fleet.submit(command=["true"])
        assert caught.value.code is ErrorCode.NOT_ALLOWED


async def test_forgets_and_lets_nobody_wait(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        agent.change(run_id(1), running())
        await eventually(lambda: len(fleet.runs()) == 1)
        run = fleet.run_at(agent.device, run_id(1))

        async def wait() -> ErrorCode:
            with pytest.raises(LanherdError) as caught:
                await run.wait()
            return caught.value.code

        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(wait())
            await asyncio.sleep(0)
            await fleet.forget(agent.device)
            assert await waiting is ErrorCode.NOT_FOUND
        assert fleet.machines() == ()
        assert fleet.runs() == ()
        for question in (fleet.forget(agent.device), fleet.status(agent.device)):
            with pytest.raises(NotFoundError):
                await question
        with pytest.raises(NotFoundError):
            fleet.run_at(agent.device, run_id(1))


async def test_pairings_made_and_dropped_by_another_program_are_seen(folder: Path) -> None:
    async with listening_agent(folder) as agent, Fleet.open() as window, Fleet.open() as shell:
        await shell.pair_socket(agent.socket)
        await eventually(lambda: [view.online for view in window.machines()] == [True])
        await shell.forget(agent.device)
        await eventually(lambda: window.machines() == ())


@pytest.mark.expects_logs("can't be used", reason="the list of machines is broken on purpose")
async def test_a_list_that_breaks_meanwhile_takes_no_machine_away(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        path = MachineBook(fleet.home).path
        await asyncio.to_thread(path.write_text, "{")
        aside = path.with_name("machines.broken-1.json")
        await eventually(lambda: aside.exists() and isinstance(link_of(fleet, agent), Online))


async def test_only_agents_of_this_machine_are_paired_through_a_socket(folder: Path) -> None:
    elsewhere = Sighting(DeviceId("e" * 64), "far", "0.1.0", ("10.0.0.9",), 1, "mdns")
    async with Fleet.open() as fleet:
        with pytest.raises(LanherdError, match="not on this machine"):
            await fleet.pair(elsewhere)


async def test_an_agent_that_lies_about_its_certificate_is_not_kept(folder: Path) -> None:
    async with listening_agent(folder) as agent, Fleet.open() as fleet:
        other = await asyncio.to_thread(load_or_create_identity, folder / "other")
        agent.claims = other.certificate_pem
        with pytest.raises(LanherdError, match="isn't its own") as caught:
            await fleet.pair_socket(agent.socket)
        assert caught.value.code is ErrorCode.WRONG_IDENTITY
        assert fleet.machines() == ()


async def test_another_users_socket_is_not_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening_agent(folder) as agent, Fleet.open() as fleet:
        monkeypatch.setattr(os, "getuid", lambda: 4711)
        await asyncio.to_thread(os.chown, agent.socket, 4712, -1)
        with pytest.raises(LanherdError, match="another user") as caught:
            await fleet.pair_socket(agent.socket)
        assert caught.value.code is ErrorCode.NOT_ALLOWED


# --- submit --------------------------------------------------------------------------------------


async def test_submits_without_a_project(folder: Path) -> None:
    stages: list[Progress] = []
    async with paired(folder) as (fleet, agent):
        run = await fleet.submit(
            command=["echo", "hello"],
            gpus=1,
            vram="2GB",
            exclusive=True,
            name="greeting",
            variables={"A": "1"},
            progress=stages.append,
        )
        spec = agent.runs[run.id].spec
        assert spec.command == ("echo", "hello")
        assert spec.gpus == GpuRequest(count=1, vram_bytes=2 << 30, exclusive=True)
        assert (spec.name, spec.variables) == ("greeting", {"A": "1"})
        assert run.view is not None
        assert run.view.spec == spec
        await eventually(lambda: run.view == agent.runs[run.id])
        assert stages == [Progress("submit", 0, 0)]
        assert (await fleet.run("greeting")).id == run.id
        with pytest.raises(LanherdError, match="is not a size"):
            await fleet.submit(command=["true"], vram="much")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_agent_that_is_lost_during_a_submit_takes_it_once(when: str, folder: Path) -> None:
    async with paired(folder) as (fleet, agent):

        def lose(method: str, count: int) -> None:
            if method == "runs.submit" and count == 1:
                if when == "before":
                    agent.runs.clear()
                    agent.events.clear()
                agent.cut(fleet.device)

        agent.before_answer = lose
        run = await fleet.submit(command=["true"])
        assert agent.calls.count("runs.submit") == 2
        assert list(agent.runs) == [run.id]


async def test_a_fleet_may_be_left_while_a_connection_is_being_lost(folder: Path) -> None:
    async with paired(folder) as (_, agent):
        for turns in range(10):
            async with asyncio.timeout(10), Fleet.open() as other:
                await other.settled()
                agent.cut(other.device)
                for _ in range(turns):
                    await asyncio.sleep(0)


async def test_the_same_id_is_the_same_run(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        identifier = fleet.new_run_id()
        first = await fleet.submit(command=["true"], run=identifier)
        second = await fleet.submit(command=["true"], run=identifier)
        assert first.id == second.id == identifier
        assert list(agent.runs) == [identifier]


async def test_questions_to_a_machine_take_its_name(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        agent.change(run_id(1), queued())
        for named in ("box", "bo", agent.device):
            assert [view.run for view in (await fleet.list_runs(named)).runs] == [run_id(1)]
            assert (await fleet.status(named)).pid == os.getpid()
        wrong: Any = {"states": ("foo",)}
        with pytest.raises(MisuseError, match=r"states are some .* 'foo' .* queued"):
            await fleet.list_runs("box", **wrong)
        text: Any = {"tags": "night"}
        assert (await fleet.list_runs("box", **text)).runs == ()
        number: Any = 5
        with pytest.raises(MisuseError, match="notes is a text"):
            await fleet.run_at(agent.device, run_id(1)).note(number)
        with pytest.raises(NotFoundError, match="No machine is called 'attic'"):
            await fleet.list_runs("attic")


async def test_a_machine_that_was_named_is_taken_or_the_reason_told(folder: Path) -> None:
    async with paired(folder) as (fleet, box), listening_agent(folder, "attic") as attic:
        await fleet.pair_socket(attic.socket)
        await fleet.settled()
        run = await fleet.submit(command=["true"], machine="box")
        assert run.machine == box.device
        assert fleet.choose(GpuRequest(), "attic").reason == "attic: it was named."
        await attic.close()
        await until_link(fleet, attic, Unreachable)
        with pytest.raises(LanherdError) as caught:
            await fleet.submit(command=["true"], machine="attic")
        assert caught.value.code in (ErrorCode.UNREACHABLE, ErrorCode.SHUTTING_DOWN)
        assert (await fleet.submit(command=["true"])).machine == box.device


async def test_waits_for_a_run_over_an_agents_restart(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        run = await fleet.submit(command=["true"])
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(run.wait())
            await agent.close()
            agent.change(run.id, ended())
            await agent.open()
            assert (await waiting).state == ended()


async def test_more_is_asked_at_once_than_a_connection_holds(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        count = CALLS_IN_FLIGHT_MAX + 500
        submits = (fleet.submit(command=["true"], name=str(n)) for n in range(count))
        runs = await asyncio.gather(*submits)
        assert len({run.id for run in runs}) == count
        assert isinstance(link_of(fleet, agent), Online)


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ({"command": "python train.py"}, "sequence of words"),
        ({"gpus": "two"}, "whole number"),
        ({"vram": 1.5}, "number of bytes"),
    ],
)
async def test_the_slips_of_a_script_are_named(slip: dict[str, Any], words: str) -> None:
    async with Fleet.open() as fleet:
        with pytest.raises(MisuseError, match=words):
            await fleet.submit(**({"command": ["true"]} | slip))


async def test_a_fleet_that_is_closed_says_so(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        run = await fleet.submit(command=["true"])
    for question in (fleet.submit(command=["true"]), fleet.run(run.id), fleet.status(agent.device)):
        with pytest.raises(MisuseError, match="The fleet is closed"):
            await question


def test_the_blocking_fleet_that_is_closed_says_so() -> None:
    with blocking.open() as fleet:
        assert fleet.machines() == ()
    with pytest.raises(MisuseError, match="The fleet is closed"):
        fleet.machines()


def test_a_script_that_never_leaves_its_block_ends_all_the_same(folder: Path) -> None:
    script = (
        "from lanherd_client import blocking\n"
        "opened = blocking.open()\n"
        "fleet = opened.__enter__()\n"
        "print(len(fleet.machines()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


async def test_a_clock_before_1970_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: -1.0)
    with pytest.raises(MisuseError, match="stands before 1970"):
        async with Fleet.open():
            raise AssertionError("a fleet was opened before its time")


async def test_a_submit_that_is_sent_again_late_shows_the_run_as_it_is(folder: Path) -> None:
    """Its reply is the run as it was taken, though nothing more is told of it by itself."""
    async with listening_agent(folder) as agent, Fleet.open() as fleet:
        agent.change(run_id(9), ended())
        agent.snapshot_runs_max = 0
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        assert fleet.runs() == ()
        run = await fleet.submit(command=["true"], run=run_id(9))
        assert run.view == agent.runs[run.id]
        assert isinstance((await run.wait()).state, Ended)


async def test_retention_and_problems_of_a_machine(folder: Path) -> None:
    async with paired(folder) as (fleet, agent):
        rules = RetentionRules(rules=(RetentionRule(runs_max=1),))
        for number in (1, 2):
            agent.change(run_id(number), ended())
        assert (await fleet.plan_retention(agent.device)).runs == 0
        assert (await fleet.plan_retention(agent.device, rules)).runs == 1
        assert (await fleet.set_retention(agent.device, rules)).rules == rules
        assert (await fleet.retention(agent.device)).rules == rules
        assert (await fleet.apply_retention(agent.device)).removals[0].run == run_id(2)
        low = Reason(code="low_disk", text="The disk is nearly full.")
        agent.sample(replace(telemetry(60.0), problems=(low,)))
        await eventually(lambda: fleet.machines()[0].problems == (low,))
        await fleet.status(agent.device)
        assert fleet.machines()[0].problems == ()
