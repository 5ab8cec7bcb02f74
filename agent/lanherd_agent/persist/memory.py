"""A store that forgets with its process: for tests, the simulation and short-lived agents."""

from collections.abc import Iterable
from typing import TypeVar

from lanherd_agent.core.effects import Durable
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.run_states import RunRecord
from lanherd_agent.core.step import Command, Kept
from lanherd_agent.persist.store import (
    AUDIT_KEPT,
    COMMANDS_KEPT,
    EVENTS_KEPT,
    PRUNE_EVERY,
    SEQ_FLOOR,
    AuditEntry,
    Batch,
    Device,
    FeedEvent,
    Loaded,
    event_view,
)
from lanherd_protocol.ids import CommandId, DeviceId, RunId
from lanherd_protocol.states import Ended, RunView

Key = TypeVar("Key")
Value = TypeVar("Value")


class MemoryStore:
    """Keeps everything in dicts."""

    def __init__(self) -> None:
        self._runs: dict[RunId, RunRecord] = {}
        self._events: dict[int, FeedEvent] = {}
        self._effects: dict[str, Durable] = {}
        self._commands: dict[CommandId, Command] = {}
        self._devices: dict[DeviceId, Device] = {}
        self._audit: list[AuditEntry] = []
        self._meta: dict[str, str] = {}
        self._machine = MachineState()

    def load(self, ended_max: int) -> Loaded:
        by_ordinal = sorted(self._runs.values(), key=lambda record: record.ordinal)
        ended = [record for record in by_ordinal if isinstance(record.state, Ended)]
        left_out = {record.run for record in ended[: max(0, len(ended) - ended_max)]}
        floor = self._seq_floor()
        return Loaded(
            kept=Kept(
                runs=tuple(record for record in by_ordinal if record.run not in left_out),
                effects=tuple(self._effects.values()),
                commands=tuple(self._commands.values()),
                seq=max(self._events, default=floor),
                ordinal=max((record.ordinal for record in by_ordinal), default=0),
                elsewhere_max=max(left_out, default=""),
                machine=self._machine,
            ),
            devices=tuple(self._devices.values()),
            runs_total=len(self._runs),
            events_from=self._events_from(),
            meta=dict(self._meta),
        )

    def commit(self, batch: Batch, *, urgent: bool = False) -> bool:
        self._runs.update((record.run, record) for record in batch.runs)
        self._events.update((event.seq, event) for event in batch.events)
        self._effects.update((effect.id, effect) for effect in batch.effects_added)
        for effect in batch.effects_ended:
            self._effects.pop(effect, None)
        self._commands.update((command.command, command) for command in batch.commands)
        self._devices.update((device.device, device) for device in batch.devices)
        self._audit.extend(batch.audit)
        self._meta.update(batch.meta)
        if batch.machine is not None:
            self._machine = batch.machine
        return False

    @property
    def untidy(self) -> bool:
        sizes = (
            (len(self._events), EVENTS_KEPT),
            (len(self._commands), COMMANDS_KEPT),
            (len(self._audit), AUDIT_KEPT),
        )
        return any(size >= most + PRUNE_EVERY for size, most in sizes)

    def tidy(self) -> None:
        _prune(self._events, EVENTS_KEPT)
        _prune(self._commands, COMMANDS_KEPT)
        del self._audit[:-AUDIT_KEPT]

    def find_runs(self, runs: Iterable[RunId]) -> tuple[RunRecord, ...]:
        return tuple(self._runs[run] for run in runs if run in self._runs)

    def ended_before(self, ordinal: int, limit: int) -> tuple[RunRecord, ...]:
        ended = [
            record
            for record in self._runs.values()
            if record.ordinal < ordinal and isinstance(record.state, Ended)
        ]
        return tuple(sorted(ended, key=lambda record: -record.ordinal)[:limit])

    def events_since(self, seq: int, limit: int) -> tuple[RunView, ...] | None:
        if seq + 1 < self._events_from():
            return None
        numbers = sorted(number for number in self._events if number > seq)[:limit]
        events = [self._events[number] for number in numbers]
        return tuple(event_view(event, self._runs[event.run]) for event in events)

    def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        return tuple(self._audit[: -limit - 1 : -1])

    def close(self) -> None:
        """Nothing is held."""

    def _seq_floor(self) -> int:
        return int(self._meta.get(SEQ_FLOOR, "0"))

    def _events_from(self) -> int:
        return min(self._events, default=self._seq_floor() + 1)


def _prune(kept: dict[Key, Value], most: int) -> None:
    for key in list(kept)[:-most]:
        del kept[key]
