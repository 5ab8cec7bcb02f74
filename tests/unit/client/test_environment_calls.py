"""Environments, asked of a scripted machine: what is meant by a name, builds, logs, cuts."""

import asyncio
from pathlib import Path

import pytest
from msgspec import Struct

from lanherd_client import environment_calls
from lanherd_client.environment_calls import EnvironmentCalls
from lanherd_client.environment_choosing import build, inspect, plan, settle
from lanherd_client.environment_orders import EnvironmentOrder, Grown
from lanherd_client.projects.environment_files import FolderEnvironment
from lanherd_client.session import Session
from lanherd_protocol import environment_messages as em
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import BlobHash, EnvironmentId, SnapshotId
from lanherd_protocol.values import (
    EnvironmentView,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)
from tests.support.scripted_agent import Desk, ScriptedAgent, desk

BASE = EnvironmentId("b" * 64)
SNAPSHOT = SnapshotId("5" * 64)
UV = LockedEnvironment(lock_path="uv.lock", lock_hash=BlobHash("a" * 64))
LOG = b"Resolved 3 packages\nInstalled 3 packages\n" * 100


def details(state: em.EnvironmentState = "ready", name: str = "") -> em.EnvironmentDetails:
    view = EnvironmentView(
        environment=BASE, python_version="3.12.1", size_bytes=9, built_at=1.0, build_seconds=2.0
    )
    return em.EnvironmentDetails(view=view, state=state, name=name, own_bytes=4)


class EnvironmentAgent(ScriptedAgent):
    """One that has environments."""

    def __init__(self, known: em.EnvironmentDetails | None = None) -> None:
        super().__init__()
        self.known = known or details()
        self.asked: list[Struct] = []
        self.too_old = False
        self.fails: LanherdError | None = None
        self.stops = False
        """Whether it sends only half, the first time, and then nothing more."""
        self.lock = b"six==1\n"

    async def _answer(self, call: IncomingCall) -> Struct:
        if not call.method.name.startswith("environments."):
            return await super()._answer(call)
        self.asked.append(call.request)
        if self.too_old:
            raise error(ErrorCode.UNKNOWN_METHOD, "This agent doesn't know that request.")
        match call.request:
            case em.BuildEnvironment():
                return await self._build(call)
            case em.ReadBuildLog(offset=offset):
                await self._sent(call, LOG[offset:])
                return em.BuildLogEnd(size_bytes=len(LOG), state=self.known.state)
            case em.FreezeEnvironment():
                await self._send(call, self.lock)
                return em.EnvironmentFrozen(lock_hash=BlobHash("c" * 64))
            case _:
                return self._of_the_list(call.request)

    async def _build(self, call: IncomingCall) -> em.EnvironmentBuilt:
        await self._sent(call, LOG)
        if self.fails is not None:
            raise self.fails
        return em.EnvironmentBuilt(environment=self.known, built=True)

    async def _sent(self, call: IncomingCall, data: bytes) -> None:
        stops, self.stops = self.stops, False
        await self._send(call, data[: len(data) // 2] if stops else data)
        if stops:
            await asyncio.Event().wait()

    def _of_the_list(self, request: Struct) -> Struct:
        match request:
            case em.InspectEnvironment(environment=asked):
                if asked not in (self.known.name, BASE, BASE[:4]):
                    raise error(ErrorCode.NOT_FOUND, "There is no such environment.")
                return self.known
            case em.ShowEnvironments():
                return em.EnvironmentsShown(environments=(self.known,), cache_bytes=7)
            case em.RegisterEnvironment(name=name):
                return details("registered", name)
            case em.RemoveEnvironment():
                return em.EnvironmentRemoved(bytes_freed=4)
            case em.CollectEnvironments():
                return em.EnvironmentsCollected(environments=(BASE,), bytes_freed=4)
            case em.RepairEnvironment():
                return em.EnvironmentRepaired(files=3, damaged=("a",), repaired=True)
            case _:
                raise AssertionError(request)


def _nothing() -> None:
    """What is done with the rest of a log."""


class Calls(EnvironmentCalls):
    """The verbs, with one session."""

    def __init__(self, session: Session, home: Path) -> None:
        self.home = home
        self._session_of = lambda machine: session


# --- What a run gets -----------------------------------------------------------------------------


@pytest.mark.parametrize("use", ["bbbb", BASE])
async def test_an_environment_of_the_machine_is_used_by_its_id(use: str) -> None:
    async with desk(EnvironmentAgent()) as one:
        wanted = EnvironmentOrder(use, ("six",))
        expected = SourceEnvironment(packages=("six",), base=BASE)
        assert await settle(one.session, plan(wanted)) == expected


async def test_a_registered_name_is_used_as_it_is() -> None:
    async with desk(EnvironmentAgent(details("registered", "lab"))) as one:
        planned = plan(EnvironmentOrder("lab"))
        assert await settle(one.session, planned) == RegisteredEnvironment(name="lab")
        with pytest.raises(LanherdError, match="The environment lab can't have packages"):
            await settle(one.session, plan(EnvironmentOrder("lab", ("six",))))


@pytest.mark.parametrize(
    ("state", "verb"),
    [("building", "log"), ("waiting", "log"), ("failed", "log"), ("damaged", "repair")],
)
async def test_an_environment_that_can_not_be_used_is_said(
    state: em.EnvironmentState, verb: str
) -> None:
    async with desk(EnvironmentAgent(details(state))) as one:
        with pytest.raises(LanherdError) as refused:
            await settle(one.session, plan(EnvironmentOrder("bbbb")))
    failure = refused.value.failure
    assert refused.value.code is ErrorCode.CONFLICT
    assert f"lanherd env {verb} bbbbbbbbbbbb -m box" in failure.remedy
    assert failure.data["state"] == state


async def test_packages_upon_a_uv_lock_have_its_environment_built_first() -> None:
    agent = EnvironmentAgent()
    told = bytearray()
    async with desk(agent) as one:
        planned = plan(EnvironmentOrder(packages=("six",)), FolderEnvironment(UV))
        assert isinstance(planned, Grown)
        spec = await settle(one.session, planned, SNAPSHOT, told.extend)
    assert spec == SourceEnvironment(packages=("six",), base=BASE)
    assert agent.asked == [em.BuildEnvironment(spec=UV, snapshot=SNAPSHOT)]
    assert bytes(told) == LOG


async def test_what_the_folder_says_needs_no_question() -> None:
    agent = EnvironmentAgent()
    default = FolderEnvironment(UV, default=EnvironmentOrder("none"))
    async with desk(agent) as one:
        for wanted, folder, expected in (
            (EnvironmentOrder(), None, NoEnvironment()),
            (EnvironmentOrder(), FolderEnvironment(UV), UV),
            (EnvironmentOrder("none"), FolderEnvironment(UV), NoEnvironment()),
            (EnvironmentOrder(), default, NoEnvironment()),
        ):
            assert await settle(one.session, plan(wanted, folder)) == expected
    assert agent.asked == []
    with pytest.raises(LanherdError, match="No environment was asked for"):
        plan(EnvironmentOrder("none", ("six",)), default)


# --- Builds, logs and locks ----------------------------------------------------------------------


async def test_a_build_that_fails_has_told_its_log() -> None:
    agent = EnvironmentAgent()
    agent.fails = error(ErrorCode.ENVIRONMENT_FAILED, "It can't be built.")
    told = bytearray()
    async with desk(agent) as one:
        with pytest.raises(LanherdError, match="It can't be built"):
            await build(one.session, em.BuildEnvironment(spec=UV), told.extend)
    assert bytes(told) == LOG


async def test_a_build_that_was_cut_is_asked_for_again() -> None:
    agent = EnvironmentAgent()
    async with desk(agent) as one:
        agent.stops = True
        pieces = iter((one.wire.cut,))
        built = await build(
            one.session, em.BuildEnvironment(spec=UV), lambda data: next(pieces, _nothing)()
        )
    assert built.built and len(agent.asked) == 2


async def test_a_log_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    agent = EnvironmentAgent()
    async with desk(agent) as one:
        agent.stops = True
        calls = Calls(one.session, tmp_path)
        read = bytearray()
        async for part in calls.environment_log("box", BASE, follow=True):
            if not read:
                one.wire.cut()
            read += part
    assert bytes(read) == LOG
    first, second = agent.asked
    assert isinstance(first, em.ReadBuildLog) and isinstance(second, em.ReadBuildLog)
    assert (first.offset, first.follow) == (0, True)
    assert 0 < second.offset <= len(LOG) // 2


async def test_a_lock_is_brought_here_whole_and_never_without_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(EnvironmentAgent()) as one:
        calls = Calls(one.session, tmp_path)
        assert await calls.freeze_environment("box", BASE) == b"six==1\n"
        monkeypatch.setattr(environment_calls, "LOCK_BYTES_MAX", 3)
        with pytest.raises(LanherdError, match="without an end"):
            await calls.freeze_environment("box", BASE)


async def test_each_verb_asks_the_machine(tmp_path: Path) -> None:
    agent = EnvironmentAgent()
    async with desk(agent) as one:
        calls = Calls(one.session, tmp_path)
        assert (await calls.show_environments("box")).cache_bytes == 7
        assert (await calls.inspect_environment("box", "bbbb")).own_bytes == 4
        assert (await calls.register_environment("box", "lab", "/x")).name == "lab"
        assert (await calls.remove_environment("box", "bbbb")).bytes_freed == 4
        collected = await calls.collect_environments("box", age_s=5.0, dry_run=True)
        assert collected.environments == (BASE,)
        assert (await calls.repair_environment("box", "bbbb")).damaged == ("a",)
    commands = [one.command for one in agent.asked if hasattr(one, "command")]
    assert len(set(commands)) == len(commands) == 4
    collect = agent.asked[4]
    assert isinstance(collect, em.CollectEnvironments)
    assert (collect.age_s, collect.size_bytes, collect.dry_run) == (5.0, None, True)


async def test_packages_alone_are_built_without_a_project(tmp_path: Path) -> None:
    agent = EnvironmentAgent()
    async with desk(agent) as one:
        calls = Calls(one.session, tmp_path)
        built = await calls.build_environment("box", packages=["six"], retry=True, renew=True)
        assert built.environment.view.environment == BASE
        (asked,) = agent.asked
        assert asked == em.BuildEnvironment(
            spec=SourceEnvironment(packages=("six",)), retry=True, renew=True
        )
        with pytest.raises(LanherdError, match="There is nothing to build"):
            await calls.build_environment("box")
        (tmp_path / "main.py").write_text("")
        with pytest.raises(LanherdError, match="no lock, no dependencies and no requirements"):
            await calls.build_environment("box", project=tmp_path)
        agent.known = details("registered", "lab")
        with pytest.raises(LanherdError, match="The environment lab can't be built"):
            await calls.build_environment("box", environment="lab")


async def test_a_machine_that_is_too_old_is_said(tmp_path: Path) -> None:
    agent = EnvironmentAgent()
    agent.too_old = True
    async with desk(agent) as one:
        calls = Calls(one.session, tmp_path)

        async def log() -> None:
            async for _ in calls.environment_log("box", "bbbb"):
                raise AssertionError("nothing can come")

        for asking in (
            calls.show_environments("box"),
            inspect(one.session, "bbbb"),
            build(one.session, em.BuildEnvironment(spec=UV)),
            calls.freeze_environment("box", "bbbb"),
            calls.remove_environment("box", "bbbb"),
            log(),
        ):
            with pytest.raises(LanherdError) as refused:
                await asking
            assert refused.value.code is ErrorCode.VERSION_MISMATCH
            assert "Upgrade Lanherd on box." in refused.value.failure.remedy


async def test_a_failure_of_the_machine_is_told_as_it_is(tmp_path: Path) -> None:
    async with desk(EnvironmentAgent()) as one:
        for asking in (inspect(one.session, "cccc"), _inspected(one, tmp_path)):
            with pytest.raises(LanherdError, match="There is no such environment"):
                await asking


async def _inspected(one: Desk, home: Path) -> em.EnvironmentDetails:
    return await Calls(one.session, home).inspect_environment("box", "cccc")
