"""Which machines a command is about, and what is said where there are none."""

from typing import TYPE_CHECKING

from lanherd_client.choosing import find_machine, require_online, require_some_online
from lanherd_client.cli import talk, words
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import MachineView
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.values import GpuRequest

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet


def say_none_paired(fleet: "Fleet") -> None:
    talk.say("No machine is paired yet.")
    seen = fleet.sightings()
    if seen:
        names = ", ".join(plain(sighting.name) for sighting in seen)
        talk.say(f"  Seen: {names}. Pair with 'lanherd pair NAME'.")
    else:
        talk.say("  Start an agent with 'lanherd-agent serve', then pair it with 'lanherd pair'.")


def chosen_machines(fleet: "Fleet", machine: str | None) -> tuple[MachineView, ...]:
    """The machine that was named, else all that are online. Raises when that is none."""
    if machine is not None:
        return (require_online(find_machine(fleet.machines(), machine)),)
    return require_some_online(fleet.machines())


def one_machine(fleet: "Fleet", machine: str | None) -> MachineView:
    """The machine that was named, or the only one. Raises when that is none, or not online."""
    views = fleet.machines()
    if machine is not None:
        return require_online(find_machine(views, machine))
    if len(views) > 1:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "It isn't said which machine is meant.",
            f"Paired are: {', '.join(view.name for view in views)}.",
            "Write --machine NAME.",
        )
    return fleet.choose(GpuRequest()).machine


def absent_machines(fleet: "Fleet") -> list[MachineView]:
    """Those that can't be asked now."""
    return [view for view in fleet.machines() if not view.online]


def say_absent(fleet: "Fleet") -> None:
    """Names the machines whose runs are not among what was shown, and why."""
    for view in absent_machines(fleet):
        why = words.link_problem(view)
        talk.say(f"Without {plain(view.name)}, {words.link_word(view)}. {plain(why)}")
