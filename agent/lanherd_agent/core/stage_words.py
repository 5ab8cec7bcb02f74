"""How the command before or after a run's own one ended, in words.

A program of it that can't be executed is told as a shell would, by an exit code; what a shell that
it is tells so of another program is not known any better than that.
"""

from typing import NamedTuple

NOT_THERE = 127
NOT_EXECUTED = 126
_OF_SHELLS = {
    NOT_THERE: ", as a shell does where a program is not there",
    NOT_EXECUTED: ", as a shell does where a program can't be executed",
}
_LOOK = "Look at the end of its log."
_OF_THE_FILE = ("Permission denied", "Exec format error")


class Unrun(NamedTuple):
    """A program that could not be executed, and what the machine said of it."""

    program: str
    why: str


class StageEnd(NamedTuple):
    """What follows 'Its pre command'; the values of it by their names; and what to do."""

    how: str
    data: dict[str, str | int | float]
    remedy: str


def unrun(command: tuple[str, ...], error: str) -> Unrun | None:
    """`error` is what the stage's own end holds: empty for a program that was executed."""
    if not (command and error):
        return None
    return Unrun(command[0], error.removeprefix(f"{command[0]}: "))


def stage_end(
    code: int | None, signal: int | None, refused: Unrun | None, unknown: str
) -> StageEnd:
    """`unknown` is said where nobody saw how it ended."""
    if signal is not None:
        return StageEnd(f"was ended by signal {signal}", {"signal": signal}, _LOOK)
    if code is None:
        return StageEnd(unknown, {}, _LOOK)
    data: dict[str, str | int | float] = {"exit_code": code}
    if refused is None:
        return StageEnd(f"ended with exit code {code}{_OF_SHELLS.get(code, '')}", data, _LOOK)
    program = refused.program
    data["command"] = program
    if code != NOT_THERE:
        data["why"] = refused.why
        remedy = _LOOK
        if refused.why in _OF_THE_FILE:
            remedy = "Make it executable (`chmod +x`), or name its interpreter first."
        how = f"can't be executed ({program!r}: {refused.why}; exit code {code})"
        return StageEnd(how, data, remedy)
    if "/" in program:
        there = f"{program!r}, or the interpreter that its first line names, is not there"
        remedy = "Check its path, and that the machine has the interpreter."
    else:
        there = f"there is no command {program!r} on the machine"
        remedy = "Check its spelling, or add the package that brings it to the project's lock."
    return StageEnd(f"can't be executed: {there} (exit code {code})", data, remedy)
