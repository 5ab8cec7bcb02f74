"""Secrets: whole files for their run alone, gone with it; and not a word of them elsewhere."""

import asyncio
import logging
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from lanherd_agent import secrets as module
from lanherd_agent.core.effects import Acting
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.secrets import Redactor, Secrets, secrets_of
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.limits import SECRET_BYTES_MAX, SECRETS_PER_RUN_MAX
from lanherd_protocol.messages import NewRun, StopRun
from tests.support.doors import new_run, new_run_id
from tests.support.waiting import wait_until_async

VALUE = "swordfish-42"


class Idle:
    """An executor that does nothing: runs stay where they are."""

    def begin(self, effects: tuple[Acting, ...]) -> None:
        pass


class Room:
    """A shell that takes runs and starts none, and the secrets beside it."""

    def __init__(self, home: AgentHome, shell: Shell, tasks: TaskOwner) -> None:
        self.home, self.shell, self.tasks = home, shell, tasks
        self.secrets = Secrets(home, shell)

    async def submit(self, *runs: NewRun) -> None:
        values = secrets_of(runs)
        async with self.secrets.offered(values):
            await self.shell.submit("ada", tuple(replace(new, secrets={}) for new in runs))

    async def stop(self, run: RunId) -> None:
        await self.shell.stop(None, StopRun(command=CommandId(new_run_id()), run=run))

    def folder(self, run: RunId) -> Path:
        return self.home.root / "secrets" / run


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    home = AgentHome(Path(os.environ["HOME"]) / "agent")
    home.runs.mkdir(parents=True)
    shell = await Shell.open(MemoryStore())
    async with TaskOwner("test") as tasks:
        made = Room(home, shell, tasks)
        tasks.spawn(shell.serve(Idle()), "shell")
        await made.secrets.open(tasks)
        yield made
        await shell.close()


def secret_run(**secrets: str) -> NewRun:
    return replace(new_run("true", secrets=tuple(secrets)), secrets=secrets)


def blocked(new: NewRun) -> NewRun:
    """One that stays in the line, since it is held."""
    return replace(new, settings=replace(new.settings, held=True))


def left_in(agent: Room) -> list[str]:
    """All that is there, and what is about to go."""
    root = agent.home.root / "secrets"
    going = os.listdir(root / ".gone") if (root / ".gone").exists() else []
    return sorted([*(name for name in os.listdir(root) if name != ".gone"), *going])


async def test_kept_for_its_run_alone_and_gone_with_it() -> None:
    async with room() as agent:
        new = blocked(secret_run(TOKEN=VALUE, EMPTY=""))
        await agent.submit(new)
        folder = agent.folder(new.run)
        assert agent.secrets.folder(new.run) == folder
        assert (folder / "TOKEN").read_text() == VALUE
        assert (folder / "EMPTY").read_text() == ""
        assert stat.S_IMODE((folder / "TOKEN").stat().st_mode) == 0o600
        for closed in (folder, folder.parent):
            assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert agent.secrets.redact(f"it is {VALUE}") == "it is ***"
        await agent.stop(new.run)
        await wait_until_async(lambda: not folder.exists())
        await wait_until_async(lambda: agent.secrets.redact(VALUE) == VALUE)
        assert left_in(agent) == []


async def test_sent_again() -> None:
    async with room() as agent:
        new = blocked(secret_run(TOKEN=VALUE))
        await agent.submit(new)
        await agent.submit(new)
        with pytest.raises(LanherdError) as refused:
            await agent.submit(replace(new, secrets={"TOKEN": "another"}))
        assert refused.value.code is ErrorCode.CONFLICT
        assert "another" not in str(refused.value)
        assert (agent.folder(new.run) / "TOKEN").read_text() == VALUE
        await agent.stop(new.run)
        await wait_until_async(lambda: not agent.folder(new.run).exists())
        # It has ended: the same answer, and nothing is kept for it again.
        await agent.submit(new)
        assert not agent.folder(new.run).exists()


async def test_of_a_refused_run_nothing_stays() -> None:
    async with room() as agent:
        sound, broken = secret_run(A=VALUE), secret_run(B=VALUE)
        broken = replace(broken, spec=replace(broken.spec, command=()))
        with pytest.raises(LanherdError):
            await agent.submit(sound, broken)
        assert left_in(agent) == []
        assert agent.secrets.redact(VALUE) == VALUE


async def test_two_submits_of_one_run_at_once() -> None:
    async with room() as agent:
        new = blocked(secret_run(TOKEN=VALUE))
        broken = replace(new, spec=replace(new.spec, command=()))
        results = await asyncio.gather(
            *(agent.submit(one) for one in (broken, new, broken, new)), return_exceptions=True
        )
        assert [type(result).__name__ for result in results[1::2]] == ["NoneType", "NoneType"]
        assert (agent.folder(new.run) / "TOKEN").read_text() == VALUE


async def test_a_caller_that_goes_away_takes_nothing_along() -> None:
    async with room() as agent:
        new = blocked(secret_run(TOKEN=VALUE))
        entered = asyncio.Event()

        async def cut() -> None:
            async with agent.secrets.offered({new.run: new.secrets}):
                entered.set()
                await asyncio.Event().wait()

        task = agent.tasks.spawn(cut(), "cut")
        await entered.wait()
        task.cancel()
        await asyncio.wait((task,))
        assert (agent.folder(new.run) / "TOKEN").exists()  # it may still be taken
        await agent.secrets.sweep()
        assert (agent.folder(new.run) / "TOKEN").exists()
        await agent.secrets.sweep(unclaimed_s=0.0)
        assert not agent.folder(new.run).exists()


async def test_a_full_disk() -> None:
    async with room() as agent:
        new = blocked(secret_run(TOKEN=VALUE))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_write_file", _full)
            with pytest.raises(LanherdError) as refused:
                await agent.submit(new)
        assert refused.value.code is ErrorCode.DISK_FULL
        assert left_in(agent) == []
        with pytest.raises(LanherdError):
            await agent.shell.view(new.run)


def _full(path: Path, value: str, *, sync: bool) -> None:
    raise OSError(28, "No space left on device")


async def test_many_at_once_are_kept_by_one_sync() -> None:
    async with room() as agent:
        news = [blocked(secret_run(A=f"{VALUE}-{n}", B="b" * 9)) for n in range(40)]
        await agent.submit(*news)
        for number, new in enumerate(news):
            assert (agent.folder(new.run) / "A").read_text() == f"{VALUE}-{number}"


async def test_what_the_run_did_to_its_own_secrets() -> None:
    async with room() as agent:
        closed, linked, other = (blocked(secret_run(TOKEN=VALUE)) for _ in range(3))
        await agent.submit(closed, linked, other)
        folder = agent.folder(closed.run)
        (folder / "inner").mkdir()
        (folder / "inner").chmod(0)
        folder.chmod(0o500)
        (agent.folder(linked.run) / "TOKEN").unlink()
        (agent.folder(linked.run) / "TOKEN").symlink_to("/etc/passwd")
        (agent.folder(other.run) / "TOKEN").write_bytes(b"\xff\xfe")
        for new in (closed, linked, other):
            assert await agent.secrets.values(new.run) is None
            await agent.submit(new)  # known, and nothing of it can be compared
        await Secrets(agent.home, agent.shell).open(agent.tasks)
        for new in (closed, linked, other):
            await agent.stop(new.run)
        await wait_until_async(lambda: left_in(agent) == [])


@pytest.mark.expects_logs("can't be removed", reason="a disk that refuses")
async def test_secrets_that_can_not_be_removed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with room() as agent:
        new = blocked(secret_run(TOKEN=VALUE))
        await agent.submit(new)
        with pytest.MonkeyPatch.context() as patch:
            tried = asyncio.Event()
            loop = asyncio.get_running_loop()

            def refused(path: Path) -> None:
                loop.call_soon_threadsafe(tried.set)
                raise OSError(30, "Read-only file system")

            patch.setattr(module, "_remove", refused)
            await agent.stop(new.run)
            await tried.wait()
            await wait_until_async(lambda: not agent.secrets._writing.locked())
        assert agent.secrets.redact(VALUE) == "***", "as long as it is there"
        await agent.secrets.sweep(unclaimed_s=0.0)
        assert left_in(agent) == []


async def test_orphans_go_when_the_agent_starts() -> None:
    async with room() as agent:
        live, ended = blocked(secret_run(TOKEN=VALUE)), blocked(secret_run(TOKEN="other-value"))
        await agent.submit(live, ended)
        await agent.stop(ended.run)
        await wait_until_async(lambda: not agent.folder(ended.run).exists())
        unknown, untrusted = new_run_id(), new_run_id()
        for run in (ended.run, unknown, untrusted, f".{unknown}.new"):
            agent.folder(RunId(run)).mkdir()
            (agent.folder(RunId(run)) / "TOKEN").write_text("left-behind")
        agent.home.runs.joinpath(untrusted).mkdir()  # nobody knows what became of that one
        again = Secrets(agent.home, agent.shell)
        await again.open(agent.tasks)
        assert left_in(agent) == sorted([live.run, untrusted])
        assert again.redact(f"{VALUE} left-behind other-value") == "*** *** other-value"


@pytest.mark.parametrize("name", ["", "1A", "a-b", "../x", "a/b", "ä", "a\n", "x" * 256])
def test_names_that_are_no_file_names(name: str) -> None:
    with pytest.raises(LanherdError) as refused:
        secrets_of([secret_run(**{name: VALUE})])
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert VALUE not in str(refused.value)


def test_names_and_values_that_do_not_match() -> None:
    for names, values in (
        (("A",), {}),
        ((), {"A": VALUE}),
        (("A", "A"), {"A": VALUE}),
        (("A",), {"A": VALUE, "B": VALUE}),
        (tuple(f"A{n}" for n in range(SECRETS_PER_RUN_MAX + 1)), {}),
    ):
        new = replace(new_run("true", secrets=names), secrets=values)
        with pytest.raises(LanherdError) as refused:
            secrets_of([new])
        assert refused.value.code is ErrorCode.INVALID_REQUEST
    with pytest.raises(LanherdError) as refused:
        secrets_of([secret_run(A="ä" * (SECRET_BYTES_MAX // 2 + 1))])
    assert refused.value.code is ErrorCode.TOO_LARGE
    with pytest.raises(LanherdError):
        secrets_of([replace(secret_run(A=VALUE), run=RunId("../../etc"))])
    assert secrets_of([new_run("true")]) == {}


def test_the_redactor_finds_a_value_however_it_is_written() -> None:
    redactor = Redactor()
    key = "-----BEGIN KEY-----\nline-of-the-key\n-----END KEY-----\n"
    run, other = new_run_id(), new_run_id()
    redactor.learn(run, {"KEY": key, "SHORT": "abc", "NESTED": "swordfish"})
    redactor.learn(other, {"A": VALUE})
    assert redactor.redact(f"x {key.strip()} y") == "x *** y"
    assert redactor.redact(repr(key.strip())) == "'***'"
    assert redactor.redact("read line-of-the-key!") == "read ***!"
    assert redactor.redact(VALUE) == "***", "the longest first"
    assert redactor.redact("abc") == "abc"
    redactor.forget(other)
    assert redactor.redact(VALUE) == "***-42"
    redactor.forget(run)
    redactor.forget(run)
    assert redactor.redact(key) == key


def test_what_is_logged_is_redacted() -> None:
    redactor = Redactor()
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "a %s", (VALUE,), None)
    assert redactor.filter(record)
    assert record.getMessage() == f"a {VALUE}"
    redactor.learn(new_run_id(), {"A": VALUE})
    formatter = logging.Formatter()
    try:
        raise ValueError(VALUE)
    except ValueError as problem:
        info = (type(problem), problem, problem.__traceback__)
        record = logging.LogRecord("x", logging.INFO, __file__, 1, "a %s", (VALUE,), info)
    record.stack_info = f"stack {VALUE}"
    assert redactor.filter(record)
    told = formatter.format(record)
    assert VALUE not in told
    assert "ValueError: ***" in told
    assert "Traceback" in told


async def test_a_logger_is_redacted_for_the_agents_life() -> None:
    async with room() as agent:
        logger = logging.getLogger("lanherd.test-of-secrets")
        lines: list[str] = []

        class Kept(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append(record.getMessage())

        logger.addHandler(Kept())
        logger.setLevel(logging.INFO)
        agent.secrets.redactor.learn(new_run_id(), {"A": VALUE})
        with agent.secrets.redacting(logger):
            logger.info("it is %s", VALUE)
        assert lines == ["it is ***"]
        assert not logger.handlers[0].filters
