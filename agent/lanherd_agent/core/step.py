"""What goes in and out of the core beside events: what was kept, and what one event changed."""

from collections.abc import Iterable

from msgspec import Struct

from lanherd_agent.core.effects import Durable, Effect
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.run_states import Run, RunRecord
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.machine_messages import CordonGpu, PauseQueue, ResumeQueue, UncordonGpu
from lanherd_protocol.messages import ChangeRun, RemoveRunFiles, StopRun
from lanherd_protocol.states import RunView

Request = StopRun | ChangeRun | RemoveRunFiles
MachineRequest = CordonGpu | UncordonGpu | PauseQueue | ResumeQueue


class Command(Struct, frozen=True, array_like=True):
    """A change that was asked for, remembered so that the same id is the same change: the hash of
    what was asked, and what was answered. Those of an older agent have neither."""

    command: CommandId
    run: RunId
    grace_s: float
    at: float
    body_hash: str = ""
    reply: RunView | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """What the store holds of a core: every run that is not over, and the newest that are.

    `seq` and `ordinal` are the highest numbers given out. Ended runs that are not in `runs` have
    ids up to `elsewhere_max`, so that a higher id can't be one of them.
    """

    runs: Iterable[RunRecord] = ()
    effects: Iterable[Durable] = ()
    commands: Iterable[Command] = ()
    seq: int = 0
    ordinal: int = 0
    elsewhere_max: str = ""
    machine: MachineState = MachineState()


class Told(Struct, frozen=True):
    """One numbered change of a run, as controllers are told of it (`view.seq` is its number)."""

    ordinal: int
    view: RunView


class Asked(Struct, frozen=True):
    """A command that is carried out now; its answer is the run as it then is."""

    request: Request
    run: Run


class Step:
    """What one event changed, what is to be told, done and answered."""

    __slots__ = (
        "asked",
        "changed",
        "command",
        "effects",
        "effects_ended",
        "machine",
        "reply",
        "told",
    )

    def __init__(self) -> None:
        self.changed: dict[RunId, Run] = {}
        self.told: list[Told] = []
        self.effects: list[Effect] = []
        self.effects_ended: list[str] = []
        self.asked: Asked | None = None
        self.command: Command | None = None
        self.reply: tuple[RunView, ...] = ()
        self.machine: MachineState | None = None
        """The machine's own state, if it changed."""
