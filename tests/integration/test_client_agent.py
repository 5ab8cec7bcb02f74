"""The client against a real agent in a process of its own: runs that really run."""

import asyncio
import os
import textwrap
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest

from lanherd_client import Fleet, Run, blocking
from lanherd_client.mirror import Online
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.states import Ended, RunView
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.scripted_agent import eventually

TRAIN = """
import os, pathlib, time
print("gpus", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
for step in range(5):
    print(f"step {step}", flush=True)
    time.sleep(0.02)
outputs = pathlib.Path(os.environ["LANHERD_OUTPUTS"])
(outputs / "losses.csv").write_text("step,loss\\n0,1.0\\n")
"""


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        yield running


@pytest.fixture
def project(folder: Path) -> Path:
    project = folder / "project"
    project.mkdir()
    (project / "train.py").write_text(TRAIN)
    return project


def outcome(view: RunView) -> str:
    assert isinstance(view.state, Ended)
    return view.state.outcome


async def test_a_project_is_pushed_run_and_its_outputs_fetched(
    agent: AgentProcess, project: Path, folder: Path
) -> None:
    async with Fleet.open() as fleet:
        (sighting,) = fleet.sightings()
        await fleet.pair(sighting)
        await fleet.settled()
        run = await fleet.submit(
            command=["python3", "train.py"], project=project, gpus=1, vram="2GB", name="train"
        )
        lines = [line async for line in run.lines()]
        assert lines[1:] == [f"step {step}" for step in range(5)]
        assert lines[0].startswith("gpus SIM-")
        view = await run.wait()
        assert (outcome(view), view.spec.project) == ("succeeded", "project")
        assert [entry.path for entry in (await run.outputs()).entries] == ["losses.csv"]
        fetched = await run.fetch("losses.csv", folder)
        assert await asyncio.to_thread(fetched.read_text) == "step,loss\n0,1.0\n"
        (machine,) = fleet.machines()
        assert machine.simulated
        assert machine.facts is not None
        await eventually(
            lambda: len(fleet.history(machine.machine, machine.facts.gpus[0].uuid)) > 0
        )
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_log_is_followed_over_an_agents_restart(agent: AgentProcess) -> None:
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        script = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.05; done"
        run = await fleet.submit(command=["sh", "-c", script])
        lines: list[str] = []
        async for line in run.lines():
            lines.append(line)
            if len(lines) == 5:
                await asyncio.to_thread(agent.kill)
                await asyncio.to_thread(agent.start)
        assert lines == [f"line {number}" for number in range(40)]
        assert outcome(await run.wait()) == "succeeded"
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_submit_to_an_agent_that_is_killed_is_taken_once(agent: AgentProcess) -> None:
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()

        async def kill_and_start() -> None:
            await asyncio.to_thread(agent.kill)
            await asyncio.to_thread(agent.start)

        async with asyncio.TaskGroup() as tasks:
            taken = [
                tasks.create_task(fleet.submit(command=["true"], name=str(number)))
                for number in range(20)
            ]
            tasks.create_task(kill_and_start())
        runs = [task.result() for task in taken]
        for run in runs:
            assert outcome(await run.wait()) == "succeeded"
        page = await fleet.list_runs(runs[0].machine, limit=1000)
        assert sorted(view.run for view in page.runs) == sorted(run.id for run in runs)
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_stops_a_run_and_a_queue(agent: AgentProcess) -> None:
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        running = await fleet.submit(command=["sleep", "600"], gpus=2, exclusive=True)
        await running.wait_started()
        waiting = await fleet.submit(command=["true"], gpus=1, exclusive=True)
        await waiting.stop()
        assert outcome(await waiting.wait()) == "cancelled"
        await running.stop(grace_s=5.0)
        assert outcome(await running.wait()) == "cancelled"
        assert [chunk async for chunk in waiting.follow()] == []
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_more_than_the_machine_has_is_refused_with_what_it_has(agent: AgentProcess) -> None:
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        with pytest.raises(LanherdError, match="the machine has 2 GPUs") as caught:
            await fleet.submit(command=["true"], gpus=9)
        assert caught.value.code is ErrorCode.IMPOSSIBLE_REQUEST
        assert fleet.runs() == ()
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_device_that_was_never_paired_is_refused(agent: AgentProcess, folder: Path) -> None:
    async with Fleet.open(folder / "one") as one:
        await one.pair_socket(agent.socket)
        await one.settled()
        assert isinstance(one.machines()[0].link, Online)
    # The same list of machines with another key.
    (folder / "two").mkdir()
    machines = await asyncio.to_thread((folder / "one" / "machines.json").read_bytes)
    await asyncio.to_thread((folder / "two" / "machines.json").write_bytes, machines)
    async with Fleet.open(folder / "two") as two:
        await two.settled()
        with pytest.raises(LanherdError) as caught:
            await two.submit(command=["true"])
        assert caught.value.code is ErrorCode.NOT_PAIRED
    await asyncio.get_running_loop().shutdown_default_executor()


def test_the_documented_example_runs(
    agent: AgentProcess,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with blocking.open() as fleet:
        fleet.pair_socket(agent.socket)
    monkeypatch.chdir(project)
    # The machine has a `python3`; that it has a `python` too isn't sure.
    monkeypatch.setattr(
        blocking, "__doc__", (blocking.__doc__ or "").replace('"python"', '"python3"')
    )
    exec(compile(documented_example(), "the documented example", "exec"), {})
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "['box']"
    assert shown[-2:] == ["step 4", "succeeded"]
    assert (project / "losses.csv").read_text() == "step,loss\n0,1.0\n"


def documented_example() -> str:
    """The indented block of the module's docstring."""
    documentation = blocking.__doc__ or ""
    block = [line for line in documentation.splitlines() if line.startswith("    ") or not line]
    code = textwrap.dedent("\n".join(block)).strip()
    assert 8 <= len([line for line in code.splitlines() if line]) <= 11
    return code


def verbs(face: type) -> set[str]:
    return {name for name in dir(face) if not name.startswith("_")}


def test_the_blocking_face_has_every_verb() -> None:
    async_only = {"open", "changes", "choose", "new_run_id", "run_view"}
    assert verbs(Fleet) - async_only <= verbs(blocking.Fleet) | {"device", "home"}
    assert verbs(Run) <= verbs(blocking.Run) | {"machine_name"}
    for name in verbs(Run) & verbs(blocking.Run) - {"view"}:
        said = signature(getattr(Run, name)).parameters
        assert said.keys() == signature(getattr(blocking.Run, name)).parameters.keys()


def test_the_blocking_face(agent: AgentProcess, folder: Path) -> None:
    with blocking.open(folder / "mine") as fleet:
        assert fleet.machines() == ()
        (sighting,) = fleet.sightings()
        view = fleet.pair(sighting)
        fleet.settled()
        machine = fleet.machine(view.machine)
        assert machine is not None
        assert machine.online
        assert fleet.status(view.machine).pid == agent.pid
        assert fleet.environments(view.machine) == ()
        run = fleet.submit(command=["sh", "-c", "echo one; echo two; sleep 600"], name="long")
        assert repr(run) == f"<Run {run.id[-8:]} on box>"
        run.wait_started()
        for line in run.lines():
            if line == "two":
                break
        assert [chunk.data for chunk in (run.read_log(4),)] == [b"two\n"]
        assert fleet.run("long").id == run.id == fleet.run_at(run.machine, run.id).id
        assert run.view == run.refresh()
        run.stop(grace_s=1.0)
        assert outcome(run.wait()) == "cancelled"
        assert b"".join(chunk.data for chunk in run.follow()) == b"one\ntwo\n"
        assert run.outputs().entries == ()
        assert [record.view.run for record in fleet.runs()] == [run.id]
        assert fleet.list_runs(view.machine).runs[0].run == run.id
        with pytest.raises(LanherdError) as caught:
            run.read_output("nothing")
        assert caught.value.code is ErrorCode.NOT_FOUND
        with pytest.raises(LanherdError):
            run.fetch("nothing", folder)
        fleet.reconnect()
        fleet.forget(view.machine)
        assert fleet.machines() == ()


def test_a_home_that_is_unusable_is_said_by_the_blocking_face(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(LanherdError) as caught, blocking.open(folder / "file" / "home"):
        raise AssertionError("a fleet was opened in a file")
    assert caught.value.code is ErrorCode.HOME_UNUSABLE
