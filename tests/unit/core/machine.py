"""A core whose clock the test moves; the invariants are checked after every event."""

from collections.abc import Sequence
from typing import Any

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import check
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Queued, Run, RunState
from lanherd_agent.core.step import Kept, Step
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import Ended
from lanherd_protocol.states import Queued as QueuedView
from lanherd_protocol.states import RunState as WireState
from lanherd_protocol.values import Reason, StopSignal
from tests.simulation.making import NOW, change, remove_files, restart, run_id, stop

FAILURE = Failure(
    code=ErrorCode.ENVIRONMENT_FAILED, title="No.", message="Really.", remedy="Mend it."
)


class Machine:
    """A core whose clock the test moves."""

    def __init__(self, rules: Rules | None = None, core: AgentCore | None = None) -> None:
        self.core = core or AgentCore(rules=rules)
        self.now = NOW

    def handle(self, event: e.Event) -> Step:
        step = self.core.handle(event, self.now)
        check(self.core)
        return step

    def submit(self, *runs: NewRun, owner: str = "ann") -> Step:
        return self.handle(e.RunsSubmitted(owner=owner, runs=runs))

    def stop(
        self,
        number: int,
        command: int = 1,
        grace_s: float = 10.0,
        signal: StopSignal | None = None,
    ) -> Step:
        request = stop(number, command, grace_s, signal)
        return self.handle(e.StopRequested(owner=None, request=request))

    def change(self, number: int, command: int = 1, **settings: Any) -> Step:
        request = change(number, command, **settings)
        return self.handle(e.ChangeRequested(owner=None, request=request))

    def restart(self, number: int, new_run: int) -> Step:
        request = restart(number, new_run)
        return self.handle(e.RestartRequested(owner=None, caller="ann", request=request))

    def remove_files(self, number: int, command: int = 1) -> Step:
        request = remove_files(number, command)
        return self.handle(e.FilesRemovalRequested(owner=None, request=request))

    def fire(self, timer: str, number: int, attempt: int = 1) -> Step:
        return self.handle(e.TimerFired(timer=f"{timer}:{run_id(number)}:{attempt}"))

    def run(self, number: int) -> Run:
        return self.core.books.runs[run_id(number)]

    def state(self, number: int) -> RunState:
        return self.core.books.runs[run_id(number)].state

    def started(self, number: int, pid: int = 7) -> Step:
        attempt = self.run(number).attempt
        return self.handle(
            e.AttemptStarted(run=run_id(number), attempt=attempt, pid=pid, at=self.now)
        )

    def exited(
        self, number: int, code: int | None = 0, signal: int | None = None, **flags: Any
    ) -> Step:
        attempt = self.run(number).attempt
        return self.handle(
            e.AttemptExited(
                run=run_id(number), attempt=attempt, at=self.now, code=code, signal=signal, **flags
            )
        )

    def lost(
        self, number: int, cause: e.LostCause = "unknown", why: str = "Gone.", **flags: bool
    ) -> Step:
        attempt = self.run(number).attempt
        return self.handle(
            e.AttemptLost(
                run=run_id(number), attempt=attempt, at=self.now, why=why, cause=cause, **flags
            )
        )

    def prepared(self, number: int) -> Step:
        attempt = self.run(number).attempt
        return self.handle(e.PreparationFinished(run=run_id(number), attempt=attempt))

    def again(self) -> "Machine":
        """What comes of it when the agent is started anew, from what was kept."""
        core = self.core
        kept = Kept(
            runs=[run.record() for run in core.books.runs.values()],
            effects=tuple(core.books.pending.values()),
            commands=tuple(core.commands),
            seq=core.seq,
            ordinal=core.ordinal,
            machine=core.books.machine,
        )
        machine = Machine(core=AgentCore(kept, core.rules))
        machine.now = self.now
        check(machine.core)
        return machine


def ended(machine: Machine, number: int) -> Ended:
    state = machine.state(number)
    assert isinstance(state, Ended)
    return state


def why(state: RunState | WireState) -> Reason:
    assert isinstance(state, Queued | QueuedView)
    return state.reason


def kinds(effects: Sequence[f.Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def codes(step: Step) -> list[str]:
    """Why those wait that were told something."""
    states = [told.view.state for told in step.told]
    return [state.reason.code for state in states if isinstance(state, QueuedView)]
