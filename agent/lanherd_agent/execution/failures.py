"""What is told of a run that could not be prepared or started: the cause's words, and a remedy."""

import errno
from pathlib import Path

from lanherd_agent.runs.launcher_client import StartFailedError, StartFailure
from lanherd_agent.runs.rundir import AttemptDir, Exit, RunDirError
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error

TEXT_LOOK_BYTES = 256
FULL = (errno.ENOSPC, errno.EDQUOT)
_NEVER_RAN = (StartFailure.EXEC, StartFailure.CWD)
_REFUSED = frozenset(StartFailure) - {*_NEVER_RAN, StartFailure.DRAINING}

UNEXPECTED = Failure(
    code=ErrorCode.INTERNAL,
    title="The agent failed over this run.",
    message="It met an error that it didn't expect; its log has the details.",
    remedy="Please report this with the agent's log.",
)


def no_snapshot(snapshot: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "The run's snapshot is not on this machine.",
        "It was never sent, or it has been removed.",
        "Submit the run again with its project.",
        snapshot=snapshot,
    )


def no_directory(directory: str, why: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"The run can't begin in {directory!r}.",
        why,
        "Check its spelling, and that the project's folder is not left out by an ignore rule.",
        directory=directory,
    )


def no_secrets() -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "The run's secrets are not on this machine any more.",
        "Their files in the agent's home were removed.",
        "Submit the run again with its secrets.",
        refusal="no_secrets",
    )


def directory_failure(problem: OSError | RunDirError) -> Failure:
    if isinstance(problem, OSError) and problem.errno in FULL:
        return _disk_full("The run's directory could not be made.")
    why = str(problem) if isinstance(problem, RunDirError) else _words(problem)
    return Failure(
        code=ErrorCode.LAUNCHER_FAILED,
        title="The run's directory could not be made.",
        message=f"{why}.",
        remedy="Look at the agent's home directory on that machine.",
        data={"refusal": "no_run_directory", "why": why},
    )


def never_ran(exit_: Exit | None) -> StartFailedError | None:
    """What was the answer to the start, of an attempt whose command could not be executed."""
    problem = exit_.error if exit_ is not None else None
    if problem is None or problem.kind not in _NEVER_RAN:
        return None
    return StartFailedError(StartFailure(problem.kind), problem.errno, problem.text, exit_)


def was_refused(exit_: Exit | None) -> StartFailedError | None:
    """What was the answer to the start, of an attempt that nothing was begun of: it is believed
    only where no start was written down."""
    problem = exit_.error if exit_ is not None else None
    if problem is None or problem.kind not in _REFUSED:
        return None
    return StartFailedError(StartFailure(problem.kind), problem.errno, problem.text, exit_)


def start_failure(problem: StartFailedError, directory: AttemptDir, program: str) -> Failure:
    if problem.errno in FULL:
        return _disk_full("The run could not be started.")
    if problem.errno == errno.EAGAIN and problem.kind in (StartFailure.FORK, StartFailure.EXEC):
        return _no_process(problem)
    if problem.kind is StartFailure.EXEC:
        return _not_executable(problem, directory, program)
    if problem.kind is StartFailure.CWD:
        message = f"The folder that it is to begin in can't be entered: {problem.text}."
        remedy = "Check that the folder is there, and that the agent's user may enter it."
        refusal = "no_folder"
    else:
        message = f"{problem.text}."
        remedy = "Look at the agent's log on that machine and submit the run again."
        refusal = "not_started"
    return Failure(
        code=ErrorCode.LAUNCHER_FAILED,
        title="The run could not be started.",
        message=message,
        remedy=remedy,
        data={"refusal": refusal, "kind": problem.kind.value, "why": problem.text},
    )


def _words(problem: OSError) -> str:
    text = problem.strerror or str(problem)
    return f"{text}: {problem.filename!r}" if isinstance(problem.filename, str) else text


def _no_process(problem: StartFailedError) -> Failure:
    return Failure(
        code=ErrorCode.LAUNCHER_FAILED,
        title="The run could not be started.",
        message="The machine takes no process more: the process limit of the agent's user, or of"
        " its service, was reached, and stayed so while it was tried again.",
        remedy="End processes there, or raise the limit (ulimit -u, or TasksMax of the service),"
        " and submit the run again.",
        data={"refusal": "no_process", "kind": problem.kind.value},
    )


def _disk_full(message: str) -> Failure:
    return Failure(
        code=ErrorCode.DISK_FULL,
        title="The machine's disk is full.",
        message=message,
        remedy="Make room on the machine and submit the run again.",
    )


def _not_executable(problem: StartFailedError, directory: AttemptDir, program: str) -> Failure:
    title = f"The command {program!r} can't be run."
    message = f"{problem.text}."
    remedy = "Check that the file is executable and made for this machine."
    refusal = "not_executed"
    if problem.errno == errno.E2BIG:
        refusal = "arguments_too_long"
        message = "Its arguments and variables are longer than the machine takes for one command;"
        message += " Linux takes 128 KiB of each."
        remedy = "Put what is long into a file of the project, and name that file instead."
    if problem.errno == errno.EACCES:
        refusal = "not_executable"
        message = "Permission denied: it is not marked as executable, or is a folder."
        remedy = f"Make it executable, as by 'chmod +x {program}', or name its interpreter before."
    if problem.errno == errno.ENOENT:
        if "/" in program and (directory.tree / program).exists():
            refusal = "no_interpreter"
            message = "The file is there; the interpreter that its first line names is not."
            remedy = "Name one that the machine has, or run it with one, as in 'bash train.sh'."
        else:
            refusal = "no_such_command"
            title = f"There is no command {program!r} on the machine."
            message = "It is neither in the run's folder nor on the PATH of its environment."
            remedy = "Check its spelling, or add the package that brings it to the project's lock."
    if problem.errno == errno.ENOEXEC and _is_script(directory.tree / program):
        refusal = "no_interpreter_line"
        title = f"The command {program!r} has no interpreter line."
        message = "The machine can't tell what its text is written for."
        remedy = f"Begin it with #! and its interpreter, or run it as 'bash {program}'."
    return Failure(
        code=ErrorCode.COMMAND_NOT_FOUND,
        title=title,
        message=message,
        remedy=remedy,
        data={"refusal": refusal, "command": program, "why": problem.text},
    )


def _is_script(path: Path) -> bool:
    """Whether the run's file is a script, and no program for another machine."""
    try:
        with path.open("rb") as file:
            begin = file.read(TEXT_LOOK_BYTES)
    except OSError:
        return False
    return b"\0" not in begin and not begin.startswith(b"\x7fELF")
