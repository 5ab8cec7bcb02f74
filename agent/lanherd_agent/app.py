"""The agent's composition root: everything is made here, joined here and ended here."""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lanherd_agent.advert import Advert, published
from lanherd_agent.api.controls import ControlsApi
from lanherd_agent.api.dispatcher import AgentDispatcher, Routes
from lanherd_agent.api.endings import Endings
from lanherd_agent.api.environments import EnvironmentsApi
from lanherd_agent.api.history import HistoryApi
from lanherd_agent.api.logs import LogsApi
from lanherd_agent.api.machine import MachineApi
from lanherd_agent.api.outputs import OutputsApi
from lanherd_agent.api.pairing import PairingApi
from lanherd_agent.api.retention import RetentionApi
from lanherd_agent.api.rules import RulesApi
from lanherd_agent.api.runs import RunsApi
from lanherd_agent.api.snapshots import SnapshotsApi, needed_snapshots
from lanherd_agent.core.events import DiskRead, RulesChanged
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.envs.environments import Environments
from lanherd_agent.execution.executor import Executor
from lanherd_agent.gpu.capacity import readings_taken
from lanherd_agent.gpu.choose import open_probe
from lanherd_agent.gpu.host import HostProbe
from lanherd_agent.gpu.probe import AttemptHold, ProbeFacts
from lanherd_agent.gpu.sampler import Sampler
from lanherd_agent.history.keeper import HistoryKeeper
from lanherd_agent.home import AgentHome, locked
from lanherd_agent.machine_rules import RulesKeeper
from lanherd_agent.problems import UNTRUSTED, Problems, untrusted
from lanherd_agent.recovery import open_shell
from lanherd_agent.retention import Retention
from lanherd_agent.secrets import Secrets
from lanherd_agent.service import Service
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.collecting import Collector
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.identity import Identity, load_or_create_identity
from lanherd_protocol.aio.listener import Listener
from lanherd_protocol.aio.server import Grant
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.messages import AgentStatus
from lanherd_protocol.rules_check import KnownGpus
from lanherd_protocol.states import Ended, RunView
from lanherd_protocol.values import MachineFacts, Reason, Telemetry
from lanherd_protocol.version import __version__

PORT = 47470
NOTHING_KEPT = "nothing_kept"
ENDED_LOOKED_AT = 1000
"""Of those that ended last: whether something is wrong with their files, at the start."""
log = logging.getLogger("lanherd.agent")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What `lanherd-agent serve` was asked for. `port` 0 takes any."""

    home: AgentHome
    name: str = ""
    listen: tuple[str, ...] = ("127.0.0.1",)
    port: int = PORT
    simulate_gpus: int = 0
    gpu_script: Path | None = None


class Agent:
    """One agent, from its open store to its open port."""

    def __init__(
        self,
        options: ServeOptions,
        identity: Identity,
        shell: Shell,
        snapshots: SnapshotStore,
        builder: EnvironmentBuilder,
        problems: Problems | None = None,
    ) -> None:
        self._options = options
        self._identity = identity
        self._shell = shell
        self._problems = problems = problems or Problems()
        self._name = options.name or socket.gethostname()
        self._started_at = time.time()
        self._port = 0
        self._host = HostProbe(options.home.root)
        self._capacity = self._host.capacity()
        self._probe = open_probe(
            simulate=options.simulate_gpus,
            holds=self._holds,
            script=options.gpu_script,
            kept=options.home.gpus,
        )
        self._sampler = Sampler(
            self._probe,
            self._host,
            holds=self._holds,
            on_sample=self._on_sample,
            on_facts=self._on_facts,
            find_runs=shell.find,
        )
        self._secrets = Secrets(options.home, shell)
        self.environments = environments = Environments(builder, snapshots)
        self.executor = Executor(
            options.home,
            shell,
            snapshots,
            environments,
            self._secrets,
            problems,
            machine=self._name,
        )
        self._retention = Retention(options.home, shell, problems)
        self._snapshots = snapshots
        self._collector = Collector(snapshots, lambda: needed_snapshots(shell))
        self._history = HistoryKeeper(options.home.history)
        self._rules = RulesKeeper(options.home, problems, self._on_rules, self._known_gpus)
        self._machine = MachineApi(
            shell, lambda: self._sampler, self._facts, self._status, problems
        )
        routes = Routes()
        self._machine.routes(routes)
        RunsApi(shell, self._secrets, snapshots).routes(routes)
        RetentionApi(self._retention).routes(routes)
        HistoryApi(self._history).routes(routes)
        RulesApi(self._rules, shell.record).routes(routes)
        ControlsApi(shell, lambda: self._sampler.facts.gpus).routes(routes)
        endings = Endings(shell)
        LogsApi(shell, options.home, environments, endings).routes(routes)
        OutputsApi(shell, options.home, endings).routes(routes)
        SnapshotsApi(snapshots, self._collector, shell).routes(routes)
        self._environments_api = EnvironmentsApi(
            shell,
            options.home,
            environments,
            lambda user, snapshot: snapshots.find(user, snapshot) is not None,
        )
        self._environments_api.routes(routes)
        PairingApi(shell, identity, self._status, lambda: self._listener).routes(routes)
        hello = local_hello(self._name, identity.device)
        self.dispatcher = AgentDispatcher(routes)
        self._listener = Listener(self.dispatcher, hello)
        shell.on_published(self._on_published)
        for view in shell.snapshot(ENDED_LOOKED_AT, 0).runs:
            self._note_problems(view)

    @asynccontextmanager
    async def serving(self, tasks: TaskOwner) -> AsyncIterator[None]:
        """The agent, reachable; on leaving it says goodbye, and its runs go on."""
        async with AsyncExitStack() as ends:
            ends.push_async_callback(self._snapshots.close)
            ends.push_async_callback(self._probe.close)
            ends.enter_context(self._secrets.redacting(logging.getLogger()))
            await self._secrets.open(tasks)
            await self.executor.open(tasks)
            # The first that the core hears: what its owner doesn't want is not begun, and a low
            # disk is no time to start what waits.
            self._rules.open(tasks)
            self._on_disk(shutil.disk_usage(self._options.home.root).free)
            tasks.spawn(self._shell.serve(self.executor), "shell")
            ends.push_async_callback(self._shell.close)
            self._retention.open(tasks)
            self._environments_api.open(tasks)
            self._collector.open(tasks)
            # After the runs that are alive were taken up: a driver can be slow to answer.
            await self._sampler.start()
            ends.callback(tasks.spawn(self._sampler.run(), "sampler").cancel)
            ends.callback(tasks.spawn(self._history.run(), "history").cancel)
            ends.push_async_callback(self._listener.close)
            self._port = await self._listener.listen_tls(
                self._options.listen,
                self._options.port,
                self._identity,
                [d.certificate_pem for d in self._shell.devices() if d.revoked_at is None],
                self._look_up,
            )
            if self._options.port not in (0, self._port):
                log.warning("Port %s is taken; port %s is used.", self._options.port, self._port)
            # After the port, which it tells to whoever pairs.
            await self._listener.listen_unix(self._options.home.socket)
            ends.enter_context(published(self._advert()))
            yield

    @property
    def port(self) -> int:
        return self._port

    def _holds(self) -> tuple[AttemptHold, ...]:
        return tuple(
            AttemptHold(
                run=live.run,
                attempt=live.attempt,
                gpus=live.lease.gpus,
                root_pid=live.pid,
                alive_since=self.executor.alive_since(live.run, live.attempt),
            )
            for live in self._shell.live_attempts()
        )

    def _on_sample(self, sample: Telemetry) -> None:
        self._tell_of_store()
        self._rules.look()
        self._machine.publish(sample)
        self._history.take(sample)
        if sample.host.disk_free_bytes is not None:
            self._on_disk(sample.host.disk_free_bytes)
        at = time.localtime(sample.at)
        self._shell.post(readings_taken(sample, self._sampler.facts, self._facts(), at))

    def _tell_of_store(self) -> None:
        problem = self._shell.problem
        if problem is None:
            self._problems.clear(NOTHING_KEPT)
            return
        text = f"Nothing can be kept on the machine now. {problem.failure.title}"
        reason = Reason(code=NOTHING_KEPT, text=text, remedy=problem.failure.remedy)
        self._problems.put(reason)

    def _on_disk(self, free_bytes: int) -> None:
        self._retention.on_disk(free_bytes)
        low_bytes = self._retention.rules.low_disk_bytes
        if free_bytes < low_bytes:
            self._collector.on_low_disk()
        self._shell.post(DiskRead(free_bytes=free_bytes, low_bytes=low_bytes))

    def _on_rules(self, rules: MachineRules) -> None:
        self._shell.post(RulesChanged(rules=rules))

    def _known_gpus(self) -> KnownGpus:
        return {gpu.index: gpu.uuid for gpu in self._sampler.facts.gpus}

    def _on_facts(self, facts: ProbeFacts) -> None:
        log.info("GPUs: %s, %s", facts.source, facts.problem or f"{len(facts.gpus)} found")

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        self._sampler.wake()
        for view in views:
            self._note_problems(view)

    def _note_problems(self, view: RunView) -> None:
        self._problems.note_use(view)
        state = view.state
        if not isinstance(state, Ended) or state.reason.code != "lost_untrusted":
            return
        where = f"{view.run}/{view.attempt}"
        if view.files_removed_at is None and (self._options.home.runs / where).exists():
            self._problems.put(untrusted(view.run, where, state.reason.text), view.run)
        else:
            self._problems.clear(UNTRUSTED, view.run)

    def _look_up(self, device: DeviceId) -> Grant | None:
        known = self._shell.device(device)
        if known is None or known.revoked_at is not None:
            return None
        return Grant(role=known.role, user=known.user)

    def _facts(self) -> MachineFacts:
        gpus = self._sampler.facts
        return MachineFacts(
            machine=self._identity.device,
            name=self._name,
            version=__version__,
            os=self._capacity.os,
            cpu_count=self._capacity.cpu_count,
            memory_bytes=self._capacity.memory_bytes,
            disk_bytes=self._capacity.disk_bytes,
            gpu_source=gpus.source,
            gpus=gpus.gpus,
            driver_version=gpus.driver_version,
            gpu_problem=gpus.problem,
            weak_kill=self.executor.launcher.kill == "walk",
            links=gpus.links,
            cuda_version=gpus.cuda_version,
        )

    def _status(self) -> AgentStatus:
        return AgentStatus(
            machine=self._identity.device,
            name=self._name,
            version=__version__,
            pid=os.getpid(),
            port=self._port,
            addresses=self._options.listen,
            started_at=self._started_at,
            live_runs=self._shell.live_runs,
            queued_runs=self._shell.queued_runs,
            problems=self._problems.all(),
        )

    def _advert(self) -> Advert:
        return Advert(
            machine=self._identity.device,
            name=self._name,
            version=__version__,
            addresses=self._options.listen,
            port=self._port,
            socket=str(self._options.home.socket),
            pid=os.getpid(),
            simulated=self._options.simulate_gpus > 0,
        )


async def serve(options: ServeOptions) -> None:
    """Be an agent until SIGTERM or SIGINT. Raises what makes that impossible, HOME_IN_USE say."""
    with locked(options.home):
        identity = load_or_create_identity(options.home.identity)
        snapshots = await SnapshotStore.open(options.home.root)
        builder = await EnvironmentBuilder.open(options.home.root)
        problems, service = Problems(), Service()
        shell = await open_shell(options.home, problems)
        try:
            stopped = _told_to_stop()
            agent = Agent(options, identity, shell, snapshots, builder, problems)
            async with TaskOwner("agent") as tasks, agent.serving(tasks):
                print(
                    f"lanherd-agent {__version__} serves {agent.port} on "
                    f"{', '.join(options.listen)}, home {options.home.root}",
                    file=sys.stderr,
                    flush=True,
                )
                service.ready()
                feeding = tasks.spawn(service.feed_watchdog(), "watchdog")
                try:
                    await _until_stopped_or_failed(stopped, tasks)
                finally:
                    feeding.cancel()
                    service.stopping()
        finally:
            await shell.close()


def _told_to_stop() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _until_stopped_or_failed(stopped: asyncio.Event, tasks: TaskOwner) -> None:
    """Raises what made one of the agent's tasks fail."""
    async with TaskOwner("agent's end") as ends:
        asked = ends.spawn(stopped.wait(), "wait for a signal")
        failed = ends.spawn(tasks.wait(), "wait for a failure")
        await asyncio.wait((asked, failed), return_when=asyncio.FIRST_COMPLETED)
