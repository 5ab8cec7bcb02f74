"""`fleet.push` against real agents, with and without `async`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanherd_client import blocking
from lanherd_client.fleet import Fleet
from lanherd_client.mirror import MachineView
from lanherd_client.projects.push_progress import PushProgress
from lanherd_protocol.errors import ErrorCode, NotFoundError
from tests.support.agent_process import AgentProcess, agent_process

AWAY = (ErrorCode.UNREACHABLE, ErrorCode.CONNECTION_LOST, ErrorCode.SHUTTING_DOWN)


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agents(folder: Path) -> Iterator[list[AgentProcess]]:
    with (
        agent_process(folder / "one", name="one") as one,
        agent_process(folder / "two", name="two") as two,
    ):
        yield [one, two]


@pytest.fixture
def project(folder: Path) -> Path:
    made = folder / "digits"
    made.mkdir()
    for number in range(20):
        (made / f"f{number}.py").write_text(f"print({number})\n")
    (made / "large.raw").write_bytes(os.urandom(2_500_000))
    return made


async def test_all_machines_get_it_and_each_is_told_of(
    agents: list[AgentProcess], project: Path, folder: Path
) -> None:
    told: list[tuple[str, str]] = []

    def tell(machine: MachineView, progress: PushProgress) -> None:
        told.append((machine.name, progress.phase))

    async with Fleet.open(folder / "home") as fleet:
        with pytest.raises(NotFoundError, match="No machine is paired"):
            await fleet.push(project)
        for agent in agents:
            await fleet.pair_socket(agent.socket)
        await fleet.settled()
        pushes = await fleet.push(project, progress=tell)
        assert [one.machine_name for one in pushes] == ["one", "two"]
        assert [one.result.sent_blobs for one in pushes if one.result] == [23, 23]
        assert {("one", "done"), ("two", "done")} <= set(told)
        # What differs is all that is told of a snapshot that follows another.
        (project / "f3.py").write_text("edited")
        (one,) = await fleet.push(project, "one")
        assert one.result is not None and 0 < one.result.sent_bytes < 600
        look, lacks = await fleet.preflight(project, ["one", "two"])
        assert look.files == 21
        assert [(one.blobs, one.size_bytes) for one in lacks] == [(0, 0), (1, 6)]
        agents[1].end()
        pushes = await fleet.push(project, reconnect_s=0.1)
        assert pushes[0].problem is None
        problem = pushes[1].problem
        assert problem is not None
        assert problem.code in AWAY
        _, lacks = await fleet.preflight(project, "two")
        assert lacks[0].problem is not None


def test_a_script_pushes_without_async(
    agents: list[AgentProcess], project: Path, folder: Path
) -> None:
    with blocking.open(folder / "home") as fleet:
        fleet.pair_socket(agents[0].socket)
        (first,) = fleet.push(project)
        (again,) = fleet.push(str(project), ["one"])
        assert first.result is not None and again.result is not None
        assert again.result.snapshot == first.result.snapshot
        assert again.result.sent_blobs == 0
        look, _ = fleet.preflight(project)
        assert look.files == 21
