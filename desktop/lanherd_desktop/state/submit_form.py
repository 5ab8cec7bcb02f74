"""What a person filled in to start a run, and what is wrong with it, field by field."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from lanherd_client.sizes import format_size, parse_size
from lanherd_desktop.state.submit_options import (
    OptionProblem,
    OptionsForm,
    RunOptions,
    check_options,
    options_of_run,
)
from lanherd_desktop.state.submit_wishes import (
    Wishes,
    WishesForm,
    WishProblem,
    check_wishes,
    wishes_of_run,
)
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import GPUS_PER_RUN_MAX, RUN_NAME_CHARS_MAX
from lanherd_protocol.states import RunView
from lanherd_protocol.values import NoEnvironment

FieldName = Literal["project", "command", "gpus", "vram", "name"]
ProblemCode = Literal[
    "command_missing", "command_quotes", "vram_size", "vram_without_gpu", "gpus_range", "name_long"
]


@dataclass(frozen=True, slots=True)
class SubmitForm:
    """The fields as they stand, unchecked. `machine` None: chosen by free VRAM."""

    folder: str = ""
    command: str = ""
    gpus: int = 1
    vram: str = ""
    exclusive: bool = False
    name: str = ""
    machine: DeviceId | None = None
    environment: Literal["auto", "none"] = "auto"
    options: OptionsForm = field(default_factory=OptionsForm)
    wishes: WishesForm = field(default_factory=WishesForm)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field."""

    field: FieldName
    code: ProblemCode


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """A form that can be sent."""

    folder: str
    command: tuple[str, ...]
    gpus: int
    vram_bytes: int
    exclusive: bool
    name: str
    machine: DeviceId | None
    environment: Literal["auto", "none"]
    options: RunOptions = field(default_factory=RunOptions)
    wishes: Wishes = field(default_factory=Wishes)


AnyProblem = Problem | WishProblem | OptionProblem


def check(form: SubmitForm) -> SubmitRequest | tuple[AnyProblem, ...]:
    """The request, or every problem of the form, in the order of its fields."""
    problems: list[AnyProblem] = []
    command = _command(form.command, problems)
    if not 0 <= form.gpus <= GPUS_PER_RUN_MAX:
        problems.append(Problem("gpus", "gpus_range"))
    vram_bytes = 0
    if form.vram.strip():
        try:
            vram_bytes = parse_size(form.vram)
        except ValueError:
            problems.append(Problem("vram", "vram_size"))
        if form.gpus == 0:
            problems.append(Problem("vram", "vram_without_gpu"))
    if len(form.name) > RUN_NAME_CHARS_MAX:
        problems.append(Problem("name", "name_long"))
    wishes = check_wishes(form.wishes, form.gpus, form.exclusive)
    options = check_options(form.options, form.machine)
    if not isinstance(wishes, Wishes):
        problems.extend(wishes)
    if not isinstance(options, RunOptions):
        problems.extend(options)
    if problems or not isinstance(wishes, Wishes) or not isinstance(options, RunOptions):
        return tuple(problems)
    return SubmitRequest(
        folder=form.folder,
        command=command,
        gpus=form.gpus,
        vram_bytes=vram_bytes,
        exclusive=form.exclusive,
        name=form.name.strip(),
        machine=form.options.waits_on() or form.machine,
        environment=form.environment,
        options=options,
        wishes=wishes,
    )


def _command(text: str, problems: list[AnyProblem]) -> tuple[str, ...]:
    try:
        command = tuple(shlex.split(text))
    except ValueError:
        problems.append(Problem("command", "command_quotes"))
        return ()
    if not command:
        problems.append(Problem("command", "command_missing"))
    return command


def form_of_run(view: RunView, machine: DeviceId, folders: Sequence[str]) -> SubmitForm:
    """A form that asks for the same run again; its project is found among the known folders."""
    spec = view.spec
    folder = next((known for known in folders if PurePath(known).name == spec.project), "")
    return SubmitForm(
        folder=folder if spec.snapshot is not None else "",
        command=shlex.join(spec.command),
        gpus=spec.gpus.count,
        vram=format_size(spec.gpus.vram_bytes) if spec.gpus.vram_bytes else "",
        exclusive=spec.gpus.exclusive,
        name=spec.name,
        machine=machine,
        environment="none" if isinstance(spec.environment, NoEnvironment) else "auto",
        options=options_of_run(view),
        wishes=wishes_of_run(spec),
    )
