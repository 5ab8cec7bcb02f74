"""Every method and feed of the registry, asked for by every role, on both channels, about one's
own run and another's: what the registry says is what the agent's dispatcher does."""

import asyncio
import itertools
import os
import sqlite3
import sys
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import pytest_asyncio
from msgspec import Struct

from lanherd_agent.app import Agent, ServeOptions
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.envs.recipe import recipe_of
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.persist.store import AuditEntry
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol import environment_messages as em
from lanherd_protocol import history_messages as hm
from lanherd_protocol import log_messages as lm
from lanherd_protocol import machine_messages as mm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol import retention_messages as rm
from lanherd_protocol import rules_messages as rules
from lanherd_protocol import snapshot_messages as sm
from lanherd_protocol.aio.identity import load_or_create_identity
from lanherd_protocol.aio.memory import MemoryPair, memory_pair
from lanherd_protocol.aio.peer import FeedEvent
from lanherd_protocol.aio.server import Caller
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.authority import Channel
from lanherd_protocol.codec import encode_body
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, DeviceId, RunId, SnapshotId
from lanherd_protocol.manifest import compress, encode, snapshot_id
from lanherd_protocol.methods import FEEDS, METHODS, Feed, Method
from lanherd_protocol.packs import PackEncoder
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Manifest, ManifestEntry, RegisteredEnvironment, RetentionRules
from tests.support.agent_process import AgentProcess
from tests.support.doors import Device, new_run, new_run_id, submit, wait_run
from tests.support.run_calls import command_id

MANIFEST = encode(Manifest(entries=(ManifestEntry(path="folder", kind="directory"),)))
PUSHED = SnapshotId(snapshot_id(MANIFEST))
PACK = (encoder := PackEncoder()).add(BlobHash(sha256(b"data").hexdigest()), b"data")
PACK += encoder.finish()
CHANNELS: tuple[Channel, ...] = get_args(Channel)


class Place:
    """An agent in this very process, its pairs of connections, and runs of `ada`'s."""

    def __init__(self, agent: Agent, home: AgentHome) -> None:
        self.agent = agent
        self.home = home
        self.run = RunId("")
        self.spare = RunId("")
        """One whose files may go."""
        self.environment = ""
        self.certificate = load_or_create_identity(home.root / "device").certificate_pem

    async def open(self, role: m.Role, channel: Channel = "tls", user: str = "ada") -> MemoryPair:
        caller = Caller(DeviceId("0" * 64), role, user, channel)
        return await memory_pair(self.agent.dispatcher, caller=caller)

    def requests(self) -> dict[str, tuple[Struct, bytes]]:
        """One sensible request for each method, and what is uploaded with it."""
        run = self.run
        submit = bytes(encode_body(m.SubmitRuns(runs=(new_run("true"),))))
        return {
            "machine.snapshot": (m.Empty(), b""),
            "agent.status": (m.Empty(), b""),
            "machine.controls": (m.Empty(), b""),
            "machine.cordon": (mm.CordonGpu(command=command_id(), gpu="0"), b""),
            "machine.uncordon": (mm.UncordonGpu(command=command_id(), gpu="0"), b""),
            "queue.pause": (mm.PauseQueue(command=command_id()), b""),
            "queue.resume": (mm.ResumeQueue(command=command_id()), b""),
            "queue.list": (mm.ListQueue(), b""),
            "runs.submit": (m.SubmitRuns(runs=(new_run("true"),)), b""),
            "runs.submit_stream": (m.SubmitStream(size_bytes=len(submit)), submit),
            "runs.get": (m.GetRun(run=run), b""),
            "runs.list": (m.ListRuns(), b""),
            "runs.stop": (m.StopRun(command=command_id(), run=run), b""),
            "runs.change": (m.ChangeRun(command=command_id(), run=run, notes="seen"), b""),
            "runs.restart": (m.RestartRun(run=run, new_run=new_run_id()), b""),
            "runs.remove_files": (m.RemoveRunFiles(command=command_id(), run=self.spare), b""),
            "logs.read": (lm.ReadLog(run=run), b""),
            "logs.describe": (lm.DescribeLog(run=run), b""),
            "logs.search": (lm.SearchLog(run=run, pattern="log"), b""),
            "outputs.list": (m.ListOutputs(run=run), b""),
            "outputs.read": (m.ReadOutput(run=run, path="file"), b""),
            "snapshots.has": (m.HasSnapshot(snapshot=PUSHED), b""),
            "snapshots.missing": (m.FindMissing(blobs=(BlobHash("a" * 64),)), b""),
            "snapshots.put_blobs": (m.PutBlobs(count=1), PACK),
            "snapshots.put_manifest": (
                m.PutManifest(snapshot=PUSHED),
                compress(MANIFEST),
            ),
            "snapshots.list": (sm.ListSnapshots(), b""),
            "snapshots.pin": (
                sm.PinSnapshot(command=command_id(), snapshot=PUSHED, pinned=False),
                b"",
            ),
            "snapshots.remove": (sm.RemoveSnapshot(command=command_id(), snapshot=PUSHED), b""),
            "snapshots.collect": (sm.CollectSnapshots(command=command_id(), age_s=0.0), b""),
            "snapshots.verify": (sm.VerifySnapshots(), b""),
            "environments.list": (m.Empty(), b""),
            **self.of_environments(),
            "retention.get": (m.Empty(), b""),
            "retention.put": (rm.PutRetention(command=command_id(), rules=RetentionRules()), b""),
            "retention.plan": (rm.PlanRetention(), b""),
            "retention.apply": (rm.ApplyRetention(command=command_id()), b""),
            "history.read": (hm.ReadHistory(since=0.0), b""),
            "rules.get": (m.Empty(), b""),
            "rules.put": (rules.PutRules(text="backfill = false\n"), b""),
            "rules.check": (rules.CheckRules(text="keep_free = 1\n"), b""),
            "pairing.pair": (m.PairDevice(certificate_pem=self.certificate, name="new"), b""),
        }

    def of_environments(self) -> dict[str, tuple[Struct, bytes]]:
        built = self.environment
        lab = RegisteredEnvironment(name="lab")
        register = em.RegisterEnvironment(command=command_id(), name="spare", path=sys.executable)
        remove = em.RemoveEnvironment(command=command_id(), environment="spare")
        collect = em.CollectEnvironments(command=command_id(), age_s=1e9, dry_run=True)
        repair = em.RepairEnvironment(command=command_id(), environment=built, dry_run=True)
        return {
            "environments.show": (em.ShowEnvironments(), b""),
            "environments.inspect": (em.InspectEnvironment(environment="lab"), b""),
            "environments.build": (em.BuildEnvironment(spec=lab), b""),
            "environments.log": (em.ReadBuildLog(environment=built), b""),
            "environments.freeze": (em.FreezeEnvironment(environment=built), b""),
            "environments.register": (register, b""),
            "environments.remove": (remove, b""),
            "environments.collect": (collect, b""),
            "environments.repair": (repair, b""),
        }

    def audited(self) -> list[str]:
        with sqlite3.connect(f"file:{self.home.database}?mode=ro", uri=True) as database:
            rows = database.execute("SELECT body FROM audit ORDER BY number").fetchall()
        database.close()
        decode = msgspec.msgpack.Decoder(AuditEntry).decode
        return [decode(body).action for (body,) in rows]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    home = AgentHome(folder)
    home.runs.mkdir(parents=True)
    shell = await Shell.open(SqliteStore(home.database))
    try:
        agent = Agent(
            ServeOptions(home=home, port=0, simulate_gpus=1),
            load_or_create_identity(home.identity),
            shell,
            await SnapshotStore.open(home.root),
            await EnvironmentBuilder.open(home.root),
        )
        async with TaskOwner("agent") as tasks, agent.serving(tasks):
            yield Place(agent, home)
    finally:
        await shell.close()


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    folder = Path(os.environ["HOME"]) / "agent"
    async with opened(folder) as place:
        pair = await place.open("user")
        script = 'echo out > "$LANHERD_OUTPUTS/file"; echo log'
        place.run = await submit(pair.peer, "sh", "-c", script)
        place.spare = await submit(pair.peer, "true")
        for run in (place.run, place.spare):
            await wait_run(pair.peer, run)
        await pair.close()
        place.environment = await built(place.agent)
        yield place
    AgentProcess(folder).end_launcher()


async def built(agent: Agent) -> str:
    """An environment with nothing in it, and `lab`, the registered Python of this very process."""
    environments = agent.environments
    await environments.registry.register("lab", sys.executable)
    builder = environments.builder
    recipe = recipe_of("requirements.txt", "requirements", b"# nothing\n", builder.pythons.default)
    return (await builder.ensure(recipe)).environment


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def call(
    pair: MemoryPair, method: Method[Any, Any], request: Struct, uploaded: bytes
) -> ErrorCode | None:
    """What was answered: a failure's code, or None for a reply."""
    upload: AsyncIterable[bytes] | None = chunks(uploaded) if uploaded else None
    try:
        if method.download and method.upload:
            await pair.peer.exchange(method, request, uploaded, 2**20)
        elif method.download:
            async with pair.peer.download(method, request) as download:
                said = b"".join([chunk async for chunk in download])
            # What needs no build has no log of one.
            assert said or method is methods.ENVIRONMENTS_BUILD
        else:
            await pair.peer.call(method, request, upload=upload, timeout_s=20)
    except LanherdError as problem:
        return problem.code
    return None


async def watch(pair: MemoryPair, feed: Feed[Any, Any], params: Struct) -> ErrorCode | None:
    try:
        async with asyncio.timeout(20), pair.peer.subscribe(feed, params, since=0) as events:
            async for _ in events:
                return None
    except LanherdError as problem:
        return problem.code
    raise AssertionError(f"{feed.name} ended without a word")


def allowed(row: Method[Any, Any] | Feed[Any, Any], role: m.Role, channel: str, own: bool) -> bool:
    """What the registry says."""
    return (
        methods.may(role, row.role)
        and (getattr(row, "channel", "any") != "unix" or channel == "unix")
        and (own or row.scope != "own" or methods.may(role, "operator"))
    )


async def test_every_method_for_every_role(place: Place) -> None:
    assert set(place.requests()) == set(METHODS)
    wrong: list[str] = []
    asked = 0
    for role, channel, user in itertools.product(m.ROLES, CHANNELS, ("ada", "eve")):
        pair = await place.open(role, channel, user)
        for name, (request, uploaded) in place.requests().items():
            method = METHODS[name]
            may = allowed(method, role, channel, own=user == "ada")
            answer = await call(pair, method, request, uploaded)
            if answer != (None if may else ErrorCode.NOT_ALLOWED):
                wrong.append(f"{role} {user} over {channel}: {name} answered {answer}")
            asked += 1
        for feed in FEEDS.values():
            params = m.WatchOutputs(run=place.run) if feed.name == "outputs" else m.Empty()
            may = allowed(feed, role, channel, own=user == "ada")
            answer = await watch(pair, feed, params)
            if answer != (None if may else ErrorCode.NOT_ALLOWED):
                wrong.append(f"{role} {user} over {channel}: feed {feed.name} answered {answer}")
            asked += 1
        await pair.close()
    assert wrong == []
    assert asked == len(m.ROLES) * 2 * 2 * (len(METHODS) + len(FEEDS))


async def codes_seen(pair: MemoryPair, run: RunId) -> set[str]:
    """The reasons of a run that ended, wherever it is told of."""
    peer = pair.peer
    views = [(await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view]
    views += (await peer.call(methods.RUNS_LIST, m.ListRuns())).runs
    views += (await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())).runs
    async with asyncio.timeout(20), peer.subscribe(methods.FEED_RUNS, m.Empty(), since=0) as feed:
        async for item in feed:
            assert isinstance(item, FeedEvent)
            views.append(item.body.view)
            if views[-1].run == run and isinstance(views[-1].state, Ended):
                break
    found = [view.state for view in views if view.run == run]
    return {state.reason.code for state in found if isinstance(state, Ended)}


async def test_what_a_log_shows_is_for_those_who_may_read_it(place: Place) -> None:
    mine = await place.open("user")
    watcher, operator = await place.open("user", user="eve"), await place.open("operator")
    script = "echo 'cat: private.csv: No such file or directory'; exit 1"
    async with watcher.peer.subscribe(methods.FEED_RUNS, m.Empty()) as live:
        run = await submit(mine.peer, "sh", "-c", script)
        async for item in live:
            if isinstance(item, FeedEvent) and isinstance(item.body.view.state, Ended):
                assert "private" not in str(item.body.view.state.reason)
                break
    assert await codes_seen(mine, run) == await codes_seen(operator, run) == {"file_not_found"}
    assert await codes_seen(watcher, run) == {"exit_code"}
    for pair in (mine, watcher, operator):
        await pair.close()


async def test_what_is_audited_is_what_the_registry_says(place: Place) -> None:
    before = len(place.audited())
    pair = await place.open("admin", "unix")
    for name, (request, uploaded) in place.requests().items():
        await call(pair, METHODS[name], request, uploaded)
    await pair.close()
    audited = place.audited()[before:]
    assert audited == [name for name in place.requests() if METHODS[name].audit]


async def test_a_device_that_is_paired_anew_loses_its_old_role(place: Place) -> None:
    admin = await place.open("admin", "unix")
    request = m.PairDevice(certificate_pem=place.certificate, name="new", role="admin")
    paired = await admin.peer.call(methods.PAIRING_PAIR, request)
    device = Device(load_or_create_identity(place.home.root / "device"), paired)
    peer = await device.connect()
    assert peer.remote_hello.role == "admin"
    again = msgspec.structs.replace(request, role="viewer")
    await admin.peer.call(methods.PAIRING_PAIR, again)
    async with asyncio.timeout(20):
        failure = await peer.wait_closed()
    assert failure is not None
    assert failure.title == "This device was paired anew."
    async with device.connected() as lower:
        assert lower.remote_hello.role == "viewer"
        with pytest.raises(LanherdError) as caught:
            await submit(lower, "true")
        assert caught.value.code is ErrorCode.NOT_ALLOWED
    await admin.close()


@pytest.mark.parametrize("name", ["", "two\nlines", "n" * 201, "\x1b[31m"])
async def test_a_device_without_a_usable_name(place: Place, name: str) -> None:
    admin = await place.open("admin", "unix")
    request = m.PairDevice(certificate_pem=place.certificate, name=name)
    with pytest.raises(LanherdError, match="no usable name"):
        await admin.peer.call(methods.PAIRING_PAIR, request)
    await admin.close()


@pytest.mark.parametrize("certificate", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA"])
async def test_a_broken_certificate_is_not_kept(place: Place, certificate: str) -> None:
    admin = await place.open("admin", "unix")
    request = m.PairDevice(certificate_pem=certificate, name="broken")
    with pytest.raises(LanherdError) as caught:
        await admin.peer.call(methods.PAIRING_PAIR, request)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    await admin.close()
