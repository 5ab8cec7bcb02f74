"""One turn of the shell: several events through the core, gathered into one batch for the store.

No I/O: the simulation takes the same turns as the shell.
"""

from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.effects import Acting, CancelTimer, Durable, Effect, SetTimer, Timing
from lanherd_agent.core.events import Event
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.run_states import Run
from lanherd_agent.core.step import Command, Told
from lanherd_agent.persist.store import AuditEntry, Batch, Device, FeedEvent
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import RunView


class Turn:
    """What a batch of events changed. Nothing of it may be told or done before it is kept."""

    def __init__(self, core: AgentCore, now: float) -> None:
        self.now = now
        self.told: list[Told] = []
        self.devices: list[Device] = []
        self.audit: list[AuditEntry] = []
        self.meta: dict[str, str] = {}
        self.machine: MachineState | None = None
        self._core = core
        self._runs: dict[RunId, Run] = {}
        self._effects: list[Effect] = []
        self._added: dict[str, Durable] = {}
        self._ended: dict[str, None] = {}
        self._commands: list[Command] = []

    def take(self, event: Event) -> tuple[RunView, ...]:
        """Run the core; returns the answer to a request. Raises LanherdError if it is refused."""
        step = self._core.handle(event, self.now)
        self._runs.update(step.changed)
        self.told += step.told
        if step.machine is not None:
            self.machine = step.machine
        if step.command is not None:
            self._commands.append(step.command)
        for ended in step.effects_ended:
            self._added.pop(ended, None)
            self._ended[ended] = None
        for effect in step.effects:
            self._effects.append(effect)
            if isinstance(effect, Durable):
                self._added[effect.id] = effect
                self._ended.pop(effect.id, None)
        return step.reply

    def batch(self) -> Batch:
        """All that is to be kept, as one transaction."""
        return Batch(
            runs=tuple(run.record() for run in self._runs.values()),
            events=tuple(
                FeedEvent(told.view.seq, told.view.run, told.view.attempt, told.view.state)
                for told in self.told
            ),
            effects_added=tuple(self._added.values()),
            effects_ended=tuple(self._ended),
            commands=tuple(self._commands),
            devices=tuple(self.devices),
            audit=tuple(self.audit),
            meta=self.meta,
            machine=self.machine,
        )

    def acting(self) -> tuple[Acting, ...]:
        """What an executor is to do once the batch is kept."""
        return tuple(
            effect
            for effect in self._effects
            if not isinstance(effect, SetTimer | CancelTimer)
            and self._added.get(effect.id) is effect
        )

    def timing(self) -> tuple[Timing, ...]:
        """The timers to set and to cancel, in order."""
        return tuple(e for e in self._effects if isinstance(e, SetTimer | CancelTimer))
