"""Environments over the wire, with a real agent: runs in them, and the calls about them."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lanherd_protocol import environment_messages as em
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import CommandId, SnapshotId
from lanherd_protocol.states import Ended, Running
from lanherd_protocol.values import (
    EnvironmentSpec,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)
from tests.integration.wheels import make_slow_sdist, make_wheel
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import pair, read_log, submit, through_socket, wait_run
from tests.support.run_calls import FOREVER, command_id, stopped

TINY = SourceEnvironment(packages=("tiny",))
SAY = ("python", "-c", "import tiny; print(tiny.word)")


@pytest.fixture
def wheels() -> Path:
    folder = Path(os.environ["HOME"]) / "wheels"
    make_wheel(folder, "tiny")
    return folder


@pytest.fixture
def agent(wheels: Path) -> Iterator[AgentProcess]:
    given = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
    with agent_process(Path(os.environ["HOME"]) / "agent", gpus=0, variables=given) as running:
        yield running
        assert "Traceback" not in running.log, running.log


@pytest.fixture
async def peer(agent: AgentProcess) -> AsyncIterator[Peer]:
    async with through_socket(agent) as connected:
        yield connected


async def build(
    peer: Peer, spec: EnvironmentSpec, *, retry: bool = False
) -> tuple[str, em.EnvironmentBuilt]:
    """The log as it came, and the answer."""
    request = em.BuildEnvironment(spec=spec, retry=retry)
    async with peer.download(methods.ENVIRONMENTS_BUILD, request) as download:
        said = b"".join([chunk async for chunk in download])
        return said.decode(), download.response


async def log_of(
    peer: Peer, environment: str, *, follow: bool = False
) -> tuple[str, em.BuildLogEnd]:
    request = em.ReadBuildLog(environment=environment, follow=follow)
    async with peer.download(methods.ENVIRONMENTS_LOG, request) as download:
        said = b"".join([chunk async for chunk in download])
        return said.decode(), download.response


async def shown(peer: Peer) -> tuple[em.EnvironmentDetails, ...]:
    return (await peer.call(methods.ENVIRONMENTS_SHOW, em.ShowEnvironments())).environments


async def remove(peer: Peer, environment: str, command: CommandId | None = None) -> int:
    request = em.RemoveEnvironment(command=command or command_id(), environment=environment)
    return (await peer.call(methods.ENVIRONMENTS_REMOVE, request)).bytes_freed


async def test_an_environment_is_built_ahead_and_then_used_by_runs(peer: Peer) -> None:
    said, done = await build(peer, TINY)
    assert done.built
    assert "tiny==1.0" in said
    environment = done.environment.view.environment
    assert done.environment.state == "ready"
    assert [one.name for one in done.environment.packages] == ["tiny"]
    again, there = await build(peer, TINY)
    assert (again, there.built) == ("", False)

    run = await submit(peer, *SAY, environment=TINY)
    await wait_run(peer, run)
    assert (await read_log(peer, run))[0] == b"tiny\n"
    (details,) = await shown(peer)
    assert details.used_at is not None
    assert details.runs == ()
    build_log, _ = await read_log(peer, run, source="build")
    assert b"tiny==1.0" in build_log
    text, end = await log_of(peer, environment[:10])
    assert text.encode() == build_log
    assert end == em.BuildLogEnd(size_bytes=len(build_log), state="ready")
    async with peer.download(
        methods.ENVIRONMENTS_FREEZE, em.FreezeEnvironment(environment=environment)
    ) as download:
        frozen = b"".join([chunk async for chunk in download])
        assert download.response.lock_hash == hashlib.sha256(frozen).hexdigest()
    assert frozen.startswith(b"tiny==1.0 \\\n    --hash=sha256:")


async def test_a_run_keeps_its_environment(peer: Peer, agent: AgentProcess) -> None:
    run = await submit(peer, "sh", "-c", FOREVER, environment=TINY)
    await wait_run(peer, run, Running)
    (details,) = await shown(peer)
    assert details.runs == (run,)
    environment = details.view.environment
    with pytest.raises(LanherdError) as refused:
        await remove(peer, environment)
    assert refused.value.code is ErrorCode.CONFLICT
    assert refused.value.failure.data["refusal"] == "environment_needed"
    collect = em.CollectEnvironments(command=command_id(), age_s=0.0)
    assert (await peer.call(methods.ENVIRONMENTS_COLLECT, collect)).environments == ()
    await stopped(peer, run)
    command = command_id()
    freed = await remove(peer, environment, command)
    assert freed > 0
    # The same command once more is the same change, and another one is none.
    assert await remove(peer, environment, command) == freed
    with pytest.raises(LanherdError) as refused:
        await remove(peer, "other", command)
    assert refused.value.code is ErrorCode.CONFLICT
    with pytest.raises(LanherdError) as refused:
        await remove(peer, environment, CommandId("x"))
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert await shown(peer) == ()


async def test_what_failed_is_not_tried_again_until_somebody_asks(peer: Peer, wheels: Path) -> None:
    absent = SourceEnvironment(packages=("absent",))
    told = []
    for _ in range(2):
        run = await submit(peer, "true", environment=absent)
        view = await wait_run(peer, run)
        assert isinstance(view.state, Ended)
        assert view.state.outcome == "failed"
        told.append(str(view.state.reason))
        assert b"absent" in (await read_log(peer, run, source="build"))[0]
    assert "nothing has changed" not in told[0]
    assert "nothing has changed" in told[1]
    (failed,) = await shown(peer)
    assert failed.state == "failed"
    text, end = await log_of(peer, failed.view.environment)
    assert "absent" in text
    assert end.state == "failed"
    with pytest.raises(LanherdError) as refused:
        await build(peer, absent, retry=True)
    assert refused.value.failure.data["refusal"] == "no_package"
    make_wheel(wheels, "absent")
    said, done = await build(peer, absent)
    assert done.built
    assert "absent==1.0" in said


async def test_a_build_is_followed_while_it_goes_on(peer: Peer, wheels: Path) -> None:
    folder = wheels.parent
    hold, story = folder / "hold", folder / "story"
    make_slow_sdist(wheels, hold, story)
    slow = SourceEnvironment(packages=("slow",))
    async with asyncio.TaskGroup() as tasks:
        building = tasks.create_task(build(peer, slow))
        await asyncio.to_thread(story.read_text)
        (going,) = await shown(peer)
        assert (going.state, going.source) == ("building", "slow")
        following = tasks.create_task(log_of(peer, going.view.environment, follow=True))
        now, end = await log_of(peer, going.view.environment)
        assert end.state == "building"
        assert "No wheel for this machine: slow." in now
        await asyncio.to_thread(hold.write_text, "go on")
    said, done = building.result()
    assert done.built
    assert done.environment.from_source == ("slow",)
    whole, end = following.result()
    assert end.state == "ready"
    assert whole.startswith(now)
    assert said.endswith(whole)


async def test_a_build_ends_with_its_caller(peer: Peer, agent: AgentProcess, wheels: Path) -> None:
    hold, story = wheels.parent / "hold", wheels.parent / "story"
    make_slow_sdist(wheels, hold, story)
    device = await pair(agent)
    async with asyncio.TaskGroup() as tasks:
        other = await device.connect()

        async def ends_early() -> None:
            with pytest.raises(LanherdError):
                await build(other, SourceEnvironment(packages=("slow",)))

        tasks.create_task(ends_early())
        await asyncio.to_thread(story.read_text)
        await other.close()
    hold.unlink()
    _, done = await build(peer, SourceEnvironment(packages=("slow",)))
    assert done.built


async def test_a_registered_interpreter_is_run(peer: Peer) -> None:
    request = em.RegisterEnvironment(command=command_id(), name="lab", path=sys.executable)
    details = await peer.call(methods.ENVIRONMENTS_REGISTER, request)
    assert (details.state, details.name) == ("registered", "lab")
    assert "msgspec" in [one.name for one in details.packages]
    lab = RegisteredEnvironment(name="lab")
    code = "import msgspec, sys; print(sys.executable)"
    run = await submit(peer, "python", "-c", code, environment=lab)
    view = await wait_run(peer, run)
    assert isinstance(view.state, Ended)
    assert view.state.outcome == "succeeded"
    said, _ = await read_log(peer, run)
    assert said.decode().strip() == sys.executable
    told, there = await build(peer, lab)
    assert (told, there.built, there.environment.name) == ("", False, "lab")
    with pytest.raises(LanherdError) as refused:
        await log_of(peer, "lab")
    assert refused.value.failure.data["refusal"] == "no_build_log"
    async with peer.download(
        methods.ENVIRONMENTS_FREEZE, em.FreezeEnvironment(environment="lab")
    ) as download:
        assert b"msgspec==" in b"".join([chunk async for chunk in download])
    live = await submit(peer, "sh", "-c", FOREVER, environment=lab)
    await wait_run(peer, live, Running)
    with pytest.raises(LanherdError):
        await remove(peer, "lab")
    await stopped(peer, live)
    assert await remove(peer, "lab") == 0
    run = await submit(peer, "true", environment=lab)
    view = await wait_run(peer, run)
    assert isinstance(view.state, Ended)
    assert "No environment called 'lab'" in view.state.reason.text


async def test_a_damaged_environment_is_repaired(peer: Peer, agent: AgentProcess) -> None:
    _, done = await build(peer, TINY)
    environment = done.environment.view.environment
    (module,) = agent.home.glob("envs/*/venv/lib/python*/site-packages/tiny.py")
    module.unlink()
    request = em.RepairEnvironment(command=command_id(), environment=environment)
    repaired = await peer.call(methods.ENVIRONMENTS_REPAIR, request)
    assert repaired.repaired
    assert len(repaired.damaged) == 1
    # The answer to the same command is the same.
    assert await peer.call(methods.ENVIRONMENTS_REPAIR, request) == repaired
    run = await submit(peer, *SAY, environment=TINY)
    await wait_run(peer, run)
    assert (await read_log(peer, run))[0] == b"tiny\n"


async def test_what_can_not_be_built_is_refused(peer: Peer) -> None:
    for request, refusal in (
        (em.BuildEnvironment(spec=NoEnvironment()), "empty_environment"),
        (em.BuildEnvironment(spec=SourceEnvironment(packages=("-r x",))), "bad_environment"),
    ):
        with pytest.raises(LanherdError) as refused:
            await build_as(peer, request)
        assert refused.value.failure.data["refusal"] == refusal
    with pytest.raises(LanherdError) as refused:
        await build_as(peer, em.BuildEnvironment(spec=TINY, snapshot=SnapshotId("a" * 64)))
    assert refused.value.code is ErrorCode.NOT_FOUND
    with pytest.raises(LanherdError) as refused:
        await submit(peer, "true", environment=SourceEnvironment(packages=("--help",)))
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert (await peer.call(methods.RUNS_LIST, m.ListRuns())).runs == ()


async def build_as(peer: Peer, request: em.BuildEnvironment) -> None:
    async with peer.download(methods.ENVIRONMENTS_BUILD, request) as download:
        assert [chunk async for chunk in download] == []
