"""An error that nobody expected costs its own run, and no other one."""

import os
from pathlib import Path

import pytest

from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.envs.environments import Environments
from lanherd_agent.execution.executor import Executor
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.problems import Problems
from lanherd_agent.secrets import Secrets
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.ids import RunId, SnapshotId
from lanherd_protocol.states import Ended, RunView
from tests.support.agent_process import AgentProcess
from tests.support.doors import new_run
from tests.support.waiting import wait_until_async


async def broken(snapshot: SnapshotId) -> bool:
    raise RuntimeError("nobody thought of this")


@pytest.mark.expects_logs("nobody thought of this|run .*:", reason="the bug is told with the story")
async def test_a_bug_met_by_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    home = AgentHome(Path(os.environ["HOME"]) / "agent")
    home.runs.mkdir(parents=True)
    shell = await Shell.open(MemoryStore())
    store = await SnapshotStore.open(home.root)
    monkeypatch.setattr(store, "has", broken)
    secrets = Secrets(home, shell)
    environments = Environments(await EnvironmentBuilder.open(home.root), store)
    executor = Executor(home, shell, store, environments, secrets, Problems())
    ended: dict[RunId, Ended] = {}

    def note(views: tuple[RunView, ...]) -> None:
        ended.update((v.run, v.state) for v in views if isinstance(v.state, Ended))

    shell.on_published(note)
    async with TaskOwner("test") as tasks:
        await executor.open(tasks)
        tasks.spawn(shell.serve(executor), "shell")
        odd, sound = new_run("true", snapshot=SnapshotId("a" * 64)), new_run("true")
        await shell.submit("ada", (odd, sound))
        await wait_until_async(lambda: len(ended) == 2)
        await shell.close()
    AgentProcess(home.root).end_launcher()
    assert ended[sound.run].outcome == "succeeded"
    assert ended[odd.run].outcome == "failed"
    assert ended[odd.run].reason.code == "internal"
    assert "report this" in ended[odd.run].reason.remedy
