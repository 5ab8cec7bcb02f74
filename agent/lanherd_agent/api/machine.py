"""The machine as a whole: who it is, what it holds, and its telemetry."""

from collections.abc import Callable, Mapping

from msgspec import Raw
from msgspec.structs import replace

from lanherd_agent.api.access import shown_to
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.fitting import encoded_size, first_that_fit
from lanherd_agent.core.explaining import GpuNotes
from lanherd_agent.core.machine_reasons import no_gpu
from lanherd_agent.core.machine_state import Cordon
from lanherd_agent.gpu.sampler import Sampler
from lanherd_agent.problems import Problems
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.codec import encode_body
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.messages import AgentStatus, Empty, MachineSnapshot
from lanherd_protocol.methods import AGENT_STATUS, FEED_TELEMETRY, MACHINE_SNAPSHOT
from lanherd_protocol.values import GpuReading, MachineFacts, Reason, Telemetry

ENDED_RUNS_IN_SNAPSHOT = 200
DRIVER = "driver"


class MachineApi:
    """Answers about the machine, and publishes each sample to those who watch."""

    def __init__(
        self,
        shell: Shell,
        sampler: Callable[[], Sampler],
        facts: Callable[[], MachineFacts],
        status: Callable[[], AgentStatus],
        problems: Problems,
    ) -> None:
        self._shell = shell
        self._problems = problems
        self._sampler = sampler
        self._facts = facts
        self._status = status
        self._watchers: set[IncomingSubscription] = set()
        self._samples = 0
        self._latest: Raw | None = None
        self._driver: Reason | None = None

    def routes(self, routes: Routes) -> None:
        routes.call(MACHINE_SNAPSHOT, self._on_snapshot)
        routes.call(AGENT_STATUS, self._on_status)
        routes.feed(FEED_TELEMETRY, self._on_watch)

    def publish(self, sample: Telemetry) -> None:
        """Offer a sample to every watcher; it is encoded once, and not at all without watchers."""
        self._samples += 1
        self._latest = None
        self._tell_of_driver(sample)
        if not self._watchers:
            return
        body = encode_body(self._whole(sample))
        self._latest = body
        for watcher in self._watchers:
            watcher.offer(self._samples, body)

    def _tell_of_driver(self, sample: Telemetry) -> None:
        """A driver that hangs, or was updated under way, is the machine's problem too: also where
        it kept to itself what GPUs there are."""
        found = {gpu.problem for gpu in sample.gpus} or {self._facts().gpu_problem}
        problem = found.pop() if len(found) == 1 else None
        told = None if problem is None else no_gpu(problem, len(sample.gpus))
        if told == self._driver:
            return
        if self._driver is not None:
            self._problems.clear(self._driver.code, DRIVER)
        if told is not None:
            self._problems.put(told, DRIVER)
        self._driver = told

    def _whole(self, sample: Telemetry) -> Telemetry:
        cordons = self._shell.machine.cordons
        notes = self._shell.gpu_notes(sample.at)
        gpus = sample.gpus
        if cordons or notes.quiet_at or notes.rest:
            gpus = tuple(_with_notes(gpu, cordons, notes) for gpu in gpus)
        return replace(sample, gpus=gpus, problems=self._problems.all())

    async def _on_snapshot(self, call: IncomingCall, request: Empty) -> MachineSnapshot:
        snapshot = self._shell.snapshot(ENDED_RUNS_IN_SNAPSHOT)
        latest = self._sampler().latest
        # Newest first: the rest, `runs_total` says how many there are, is asked for page by page.
        return MachineSnapshot(
            facts=self._facts(),
            seq=snapshot.seq,
            runs=first_that_fit(
                tuple(shown_to(call.caller, run) for run in snapshot.runs), encoded_size
            ),
            telemetry=None if latest is None else self._whole(latest),
            runs_total=snapshot.total,
            runs_live=self._shell.live_runs,
            runs_waiting=self._shell.queued_runs,
        )

    async def _on_status(self, call: IncomingCall, request: Empty) -> AgentStatus:
        return self._status()

    async def _on_watch(self, sub: IncomingSubscription, params: Empty) -> None:
        sampler = self._sampler()
        with sampler.watch():
            self._watchers.add(sub)
            try:
                if sampler.latest is not None:
                    body = self._latest or encode_body(self._whole(sampler.latest))
                    sub.offer(self._samples, body)
                await sub.wait_closed()
            finally:
                self._watchers.discard(sub)


def _with_notes(gpu: GpuReading, cordons: Mapping[GpuUuid, Cordon], notes: GpuNotes) -> GpuReading:
    cordon = cordons.get(gpu.uuid)
    return replace(
        gpu,
        cordon=None if cordon is None else cordon.reason,
        quiet_at=notes.quiet_at.get(gpu.uuid),
        rest=notes.rest.get(gpu.uuid),
        instances=tuple(_with_notes(one, cordons, notes) for one in gpu.instances),
    )
