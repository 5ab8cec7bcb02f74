"""What is wrong with the machine now, for those who look at it: told until it is cleared."""

from msgspec.structs import replace

from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.states import Running, RunView
from lanherd_protocol.values import Reason

UNTRUSTED = "run_directory_untrusted"
PROBLEMS_MAX = 32
"""Beyond it the oldest are told no more, so that a sample of the machine stays small."""


class Problems:
    """Reasons by code and key: what is put again takes the place of what was said before."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, str], Reason] = {}

    def put(self, reason: Reason, key: str = "") -> None:
        """Say it from now on. `key` tells problems of one kind apart: a run's id, say."""
        self._reasons.pop((reason.code, key), None)
        self._reasons[reason.code, key] = reason
        while len(self._reasons) > PROBLEMS_MAX:
            del self._reasons[next(iter(self._reasons))]

    def clear(self, code: str, key: str = "") -> None:
        """Say it no more, if it was said."""
        self._reasons.pop((code, key), None)

    def note_use(self, view: RunView) -> None:
        """A live run that holds more than it was promised is a problem of the machine too."""
        state = view.state
        warning = state.warning if isinstance(state, Running) else None
        if warning is not None and warning.code == "over_use":
            text = f"Run {short_id(view.run)} uses too much VRAM. {warning.text}"
            self.put(replace(warning, text=text, data={**warning.data, "run": view.run}), view.run)
        else:
            self.clear("over_use", view.run)

    def all(self) -> tuple[Reason, ...]:
        """The problems, oldest first."""
        return tuple(self._reasons.values())


def untrusted(run: RunId, where: str, why: str) -> Reason:
    """For a run whose directory is not as the agent left it; `where` is a path below `runs`, `why`
    a sentence."""
    return Reason(
        code=UNTRUSTED,
        text=f"The files of run {short_id(run)} are left alone. {why}",
        data={"run": run, "where": where, "why": why},
        remedy=f"Look at runs/{where} in the agent's home, and remove it if nobody needs it.",
    )


def live_untrusted(run: RunId, where: str, why: str) -> Reason:
    """As above, for a run that is alive all the same."""
    alive = "It is alive, and keeps what it holds until it is over."
    over = untrusted(run, where, f"{why} {alive}")
    return replace(
        over,
        data={**over.data, "live": 1},
        remedy=f"Let it end, or stop it, and leave runs/{where} in the agent's home until then.",
    )
