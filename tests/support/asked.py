"""Questions of the window without a network: kept, and answered by a stand-in of the fleet."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from lanherd_client.fleet import Fleet
from lanherd_client.log_reading import LogBytes, LogGap
from lanherd_desktop.bridge import Bridge, Job, Question
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.history_messages import History
from lanherd_protocol.log_messages import LogDescription
from lanherd_protocol.machine_messages import MachineControls
from lanherd_protocol.messages import OutputList


class RecordedRun:
    """Writes down what is asked of a run, and answers as told."""

    def __init__(self, fleet: "RecordedFleet", machine: str, run: str) -> None:
        self._fleet = fleet
        self.machine = machine
        self.id = run

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        async def do(*arguments: object, **options: object) -> object:
            self._fleet.said.append((verb, self.id, arguments, options))
            spared = self._fleet.spared == self.id
            if self._fleet.problem is not None and not spared:
                raise self._fleet.problem
            return RecordedRun(self._fleet, self.machine, "new-" + self.id)

        return do

    async def describe_log(self, **where: object) -> LogDescription:
        self._fleet.described.append(where)
        if self._fleet.problem is not None:
            raise self._fleet.problem
        return LogDescription(attempt=2, size_bytes=2048, stored_bytes=1024)

    async def outputs(self, attempt: int = 0) -> OutputList:
        return OutputList(attempt=1, entries=self._fleet.entries, unlisted=self._fleet.unlisted)

    async def logs(self, offset: int, **where: object) -> Any:
        for item in self._fleet.log:
            yield item


class RecordedFleet:
    """`said` holds (verb, run or machine, arguments, options) in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, tuple[object, ...], dict[str, object]]] = []
        self.described: list[dict[str, object]] = []
        self.problem: LanherdError | None = None
        self.spared = ""
        """The run that has no such problem."""
        self.entries: tuple[Any, ...] = ()
        self.unlisted = 0
        self.log: list[LogBytes | LogGap] = []
        self.answers: dict[str, object] = {}
        self.pasts: list[tuple[str, object, dict[str, object]]] = []
        """What past was asked for: it is asked again and again, so it isn't among `said`."""
        self.history = History(step_s=1.0)
        self.now_closed = MachineControls()
        """What is asked for again and again, too."""

    async def controls(self, machine: str) -> MachineControls:
        if self.problem is not None:
            raise self.problem
        return self.now_closed

    async def past(self, machine: str, gpu: object = None, **options: object) -> History:
        self.pasts.append((machine, gpu, options))
        if self.problem is not None:
            raise self.problem
        return self.history

    def run_at(self, machine: str, run: str) -> RecordedRun:
        return RecordedRun(self, machine, run)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        async def do(machine: str, *arguments: object, **options: object) -> object:
            self.said.append((verb, machine, arguments, options))
            if self.problem is not None:
                raise self.problem
            return self.answers[verb]

        return do


class Asked:
    """`answer` runs the questions that were asked, and delivers what came of them."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.fleet = RecordedFleet()
        self.jobs: list[Job[Any]] = []
        self._questions: list[tuple[Question[Any], Job[Any]]] = []

    def ask(
        self,
        question: Question[Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[..., None],
        on_progress: Callable[[Any], None] | None = None,
    ) -> Job[Any]:
        job = Job(on_done, on_failed, on_progress)
        self.jobs.append(job)
        self._questions.append((question, job))
        return job

    def answer(self) -> list[str]:
        """The verbs that were said to runs and machines while all questions were answered."""
        begun = len(self.fleet.said)
        while self._questions:
            question, job = self._questions.pop(0)
            try:
                result: Any = asyncio.run(question(cast(Fleet, self.fleet), job))
            except LanherdError as problem:
                result = problem.failure
            job.deliver_progress()
            job.deliver(result)
        return [verb for verb, *_ in self.fleet.said[begun:]]
