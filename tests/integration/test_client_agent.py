"""The client against a real agent in a process of its own: runs that really run."""

import asyncio
import os
import textwrap
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest

from lanherd_client import Fleet, Run, blocking, order
from lanherd_client.log_reading import LogBytes
from lanherd_client.mirror import Online
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.states import Ended, RunView
from lanherd_protocol.values import RetentionRule, RetentionRules
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.scripted_agent import eventually

TRAIN = """
import os, pathlib
print("gpus", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
for step in range(5):
    print(f"step {step}", flush=True)
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
        gpu = machine.facts.gpus[0].uuid
        await eventually(lambda: len(fleet.history(machine.machine, gpu)) > 0)
    await asyncio.get_running_loop().shutdown_default_executor()


LINES_IN_THREE = """
lines() { while [ $i -lt $1 ]; do echo line $i; i=$((i+1)); done; }
i=0; lines 5; read _ < "$GO"; lines 25; echo > "$DONE"; read _ < "$GO"; lines 40
"""


async def test_a_log_is_followed_over_an_agents_restart(agent: AgentProcess, folder: Path) -> None:
    """Lines come before the agent dies, while it is gone, and when it is back."""
    go, done = folder / "go", folder / "done"
    for gate in (go, done):
        os.mkfifo(gate)
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        run = await fleet.submit(
            command=["sh", "-c", LINES_IN_THREE],
            variables={"GO": str(go), "DONE": str(done)},
        )
        lines: list[str] = []
        async for line in run.lines():
            lines.append(line)
            if len(lines) == 5:
                await asyncio.to_thread(agent.kill)
                await asyncio.to_thread(go.write_text, "\n")
                await asyncio.to_thread(done.read_text)
                await asyncio.to_thread(agent.start)
                await asyncio.to_thread(go.write_text, "\n")
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


async def test_changes_to_an_agent_that_is_killed_are_done_once(agent: AgentProcess) -> None:
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        held = [await fleet.submit(command=["true"], hold=True) for _ in range(6)]

        async def kill_and_start() -> None:
            await asyncio.to_thread(agent.kill)
            await asyncio.to_thread(agent.start)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kill_and_start())
            tasks.create_task(held[0].set_priority(7))
            tasks.create_task(held[1].tag("night"))
            tasks.create_task(held[2].release())
            tasks.create_task(held[3].stop())
            again = tasks.create_task(held[4].restart())
            tasks.create_task(held[5].note("a remark"))
        views = [await run.refresh() for run in held]
        assert views[0].settings.priority == 7
        assert views[1].settings.tags == ("night",)
        assert not views[2].settings.held
        assert outcome(await held[3].wait()) == "cancelled"
        assert views[5].settings.notes == "a remark"
        assert outcome(await held[2].wait()) == "succeeded"
        assert outcome(await again.result().wait()) == "succeeded"
        page = await fleet.list_runs(held[0].machine, limit=1000)
        assert {view.run for view in page.runs} == {run.id for run in [*held, again.result()]}
        # The mirror has come to the same.
        told = {view.run: view for view in page.runs}
        await eventually(lambda: {r.view.run: r.view for r in fleet.runs()} == told)
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_run_with_all_that_may_be_said_of_it(agent: AgentProcess) -> None:
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        first = await fleet.submit(command=["true"], tags=["a"], notes="n", pinned=True)
        script = (
            'echo "$LANHERD_ATTEMPT $(cat $LANHERD_SECRETS/KEY)"; pwd; [ $LANHERD_ATTEMPT = 2 ]'
        )
        run = await fleet.submit(
            command=["sh", "-c", script],
            time_limit="10m",
            stop_signal="INT",
            grace=5,
            retries=1,
            retry_on="failed",
            backoff=0.05,
            after_ok=[first.id],
            priority=3,
            secrets={"KEY": "hunter2"},
            directory="/",
            niceness=1,
            pre_command=["true"],
            post_command=["true"],
            log_cap="64MB",
        )
        assert outcome(await run.wait()) == "succeeded"
        assert [end.outcome for end in await run.attempts()] == ["failed", "succeeded"]
        texts = [(await run.read_log(attempt=attempt)).data for attempt in (1, 2)]
        assert texts == [b"1 hunter2\n/\n", b"2 hunter2\n/\n"]
        assert first.view is not None
        assert (first.view.settings.tags, first.view.settings.notes) == (("a",), "n")
        with pytest.raises(LanherdError, match="Unpin"):
            await first.remove_files()
        removed = await run.remove_files()
        assert removed.files_removed_at is not None or removed.seq > 0
        rules = RetentionRules(rules=(RetentionRule(runs_max=9),))
        assert (await fleet.set_retention(run.machine, rules)).rules == rules
        assert (await fleet.retention(run.machine)).rules == rules
        assert (await fleet.plan_retention(run.machine)).runs == 0
        assert (await fleet.apply_retention(run.machine)).runs == 0
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_many_runs_in_one_call_some_of_which_wait_for_others(agent: AgentProcess) -> None:
    async with Fleet.open() as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        assert await fleet.submit_many([]) == ()
        first = order(["true"], hold=True)
        sweep = [order(["true"], name=f"lr-{n}", after_ok=first.id) for n in range(1500)]
        runs = await fleet.submit_many([first, *sweep])
        assert [run.id for run in runs] == [first.id, *(one.id for one in sweep)]
        again = await fleet.submit_many([first, *sweep])
        assert [run.id for run in again] == [run.id for run in runs]
        await eventually(lambda: fleet.machines()[0].runs_waiting == 1501)
        async with Fleet.open() as other:
            await other.settled()
            # At once, though a snapshot names fewer.
            assert other.machines()[0].runs_waiting == 1501
        await runs[0].stop()
        assert outcome(await runs[-1].wait()) == "cancelled"
        await eventually(lambda: fleet.machines()[0].runs_waiting == 0)
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_run_waits_on_the_machine_of_what_it_waits_for(
    agent: AgentProcess, folder: Path
) -> None:
    with agent_process(folder / "other", name="other") as other:
        async with Fleet.open() as fleet:
            await fleet.pair_socket(agent.socket)
            await fleet.pair_socket(other.socket)
            await fleet.settled()
            first = await fleet.submit(command=["true"], machine="other")
            for ref in (first, first.id):
                waits = await fleet.submit(command=["true"], after_any=ref)
                assert waits.machine == first.machine
                assert outcome(await waits.wait()) == "succeeded"
            with pytest.raises(LanherdError, match="only for runs of its own machine") as caught:
                await fleet.submit(command=["true"], after_any=first, machine="box")
            assert caught.value.code is ErrorCode.INVALID_REQUEST
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
        run.stop("1s", signal="TERM")
        assert outcome(run.wait()) == "cancelled"
        assert [end.attempt for end in run.attempts()] == [1]
        assert isinstance(run.wait_attempt(1).state, Ended)
        assert b"".join(chunk.data for chunk in run.follow()) == b"one\ntwo\n"
        assert b"".join(item.data for item in run.logs() if isinstance(item, LogBytes)) == (
            b"one\ntwo\n"
        )
        assert run.describe_log().size_bytes == 8
        assert [type(part).__name__ for part in run.search_log("two")][-1] == "LogSearched"
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


def test_the_blocking_face_changes_runs_and_rules(agent: AgentProcess, folder: Path) -> None:
    with blocking.open(folder / "mine") as fleet:
        machine = fleet.pair_socket(agent.socket).machine
        fleet.settled()
        run = fleet.submit(command=["sleep", "600"])
        assert run.tag("x").settings.tags == ("x",)
        assert run.retag(add="y", remove="x").settings.tags == ("y",)
        assert run.untag("y").settings.tags == ()
        assert run.pin().settings.pinned
        assert not run.unpin().settings.pinned
        assert run.note("n").settings.notes == "n"
        assert run.set_priority(2).settings.priority == 2
        assert run.change(tags=["z"]).settings.tags == ("z",)
        run.stop(0)
        held = fleet.submit(command=["true"], hold=True)
        assert not held.release().settings.held
        assert outcome(held.wait()) == "succeeded"
        again = held.restart()
        assert outcome(again.wait()) == "succeeded"
        again.remove_files()
        waits = fleet.submit(command=["true"], hold=True, after_ok=again)
        waits.hold()
        waits.stop()
        rules = fleet.retention(machine).rules
        assert fleet.set_retention(machine, rules).rules == rules
        assert fleet.plan_retention(machine).runs == 0
        assert fleet.apply_retention(machine).runs == 0


def test_a_home_that_is_unusable_is_said_by_the_blocking_face(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(LanherdError) as caught, blocking.open(folder / "file" / "home"):
        raise AssertionError("a fleet was opened in a file")
    assert caught.value.code is ErrorCode.HOME_UNUSABLE
