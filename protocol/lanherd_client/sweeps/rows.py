"""One row of a sheet: its reserved columns, and the templates that its other columns fill.

Reserved, in any case: `name`, `command` (a template, quoted as for a shell, in place of the usual
one), `times`, `done`, `priority`, `gpus` ('2', '1..4'), `vram` ('20GB'). Templates may use them
too, and `{times_index}`, which counts the repeats of a row from 1.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from msgspec.structs import replace

from lanherd_client.sizes import parse_size
from lanherd_client.sweeps.findings import Finding
from lanherd_client.sweeps.recipe import Recipe
from lanherd_client.sweeps.table import Column, Row, Table, Unread
from lanherd_client.sweeps.template import Template, parse_template
from lanherd_client.wishes import gpu_range
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.limits import (
    COMMAND_ARGUMENTS_MAX,
    COMMAND_BYTES_MAX,
    GPUS_PER_RUN_MAX,
    PRIORITY_MAX,
    RUN_NAME_CHARS_MAX,
    RUNS_PER_SUBMIT_MAX,
)
from lanherd_protocol.values import GpuRequest

RESERVED = ("name", "command", "times", "done", "priority", "gpus", "vram")
INDEX = "times_index"
_YES = frozenset(["true", "x", "yes", "y", "1", "√", "✓", "✔", "☑", "done", "ok", "是", "完成"])
_NO = frozenset(["false", "no", "n", "0", "-", "否"])
_WHOLE = re.compile(r"[+-]?\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a row says. `named` are the values that its command needs, for its name; `findings` is
    what is wrong with it."""

    place: str
    values: Mapping[str, str]
    command: tuple[Template, ...]
    name: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    done: bool = False
    priority: int = 0
    gpus: GpuRequest = field(default_factory=GpuRequest)
    findings: tuple[Finding, ...] = ()


class RowReader:
    """Reads the rows of one table. `used` are the columns, case folded, that some template used."""

    def __init__(self, table: Table, recipe: Recipe) -> None:
        columns = enumerate(table.columns)
        self._columns = {column.name.casefold(): (at, column) for at, column in columns}
        self._recipe = recipe
        self._source = table.source
        self._lacks_names = table.lacks_names
        self._spelt = {column.name.casefold(): column.name for column in table.columns}
        templates = [*recipe.command, *recipe.variables.values()]
        self.used = {name.casefold() for template in templates for name in template.names}

    def knows(self, name: str) -> bool:
        """Whether a placeholder of that name can be filled, or might be, had all columns names that
        can be read."""
        name = name.casefold()
        return name == INDEX or name in self._columns or self._lacks_names

    def unknown_text(self, name: str, what: str) -> str:
        """The sentence about a placeholder that nothing fills, with the name that may be meant."""
        near = get_close_matches(name.casefold(), [*self._spelt, INDEX], n=1)
        hint = f" Is {{{self._spelt.get(near[0], INDEX)}}} meant?" if near else ""
        return (
            f"{what} needs {{{name}}}, and {self._source} has no column of that name.{hint}"
            " Write {{ and }} for the braces themselves."
        )

    def read(self, row: Row) -> ReadRow:
        """What the row says; what is wrong with it is among it."""
        reading = _Reading(self._columns, row)
        command = self._command(reading)
        needed = self._needed(reading, command)
        gpus = self._gpus(reading)
        return ReadRow(
            place=row.place,
            values={name: row.cells[at] for name, (at, _) in self._columns.items()},
            command=command,
            name=reading.name(),
            named=needed,
            times=reading.whole("times", 1, 0, RUNS_PER_SUBMIT_MAX),
            done=reading.done(),
            priority=reading.whole("priority", self._recipe.priority, -PRIORITY_MAX, PRIORITY_MAX),
            gpus=gpus,
            findings=tuple(reading.findings),
        )

    def filled(self, row: ReadRow, index: int) -> tuple[tuple[str, ...], dict[str, str]]:
        """The command and the variables of the row's repeat `index`."""

        def value_of(name: str) -> str:
            return str(index) if name.casefold() == INDEX else row.values[name.casefold()]

        variables = self._recipe.variables.items()
        return (
            tuple(template.fill(value_of) for template in row.command),
            {name: template.fill(value_of) for name, template in variables},
        )

    def _command(self, reading: "_Reading") -> tuple[Template, ...]:
        text = reading.text("command")
        if not text:
            if not self._recipe.command:
                reading.find("command", "it has no command, and none was given for all rows.")
            return self._recipe.command
        try:
            command = tuple(map(parse_template, shlex.split(text)))
        except ValueError as problem:
            reading.find("command", f"it can't be split into arguments: {problem}")
            return self._recipe.command
        unknown = [n for template in command for n in template.names if not self.knows(n)]
        for name in dict.fromkeys(unknown):
            reading.find("command", self.unknown_text(name, "it"))
        self.used |= {name.casefold() for template in command for name in template.names}
        return command

    def _needed(self, reading: "_Reading", command: Sequence[Template]) -> dict[str, str]:
        """The columns that the row's templates need, with their values."""
        templates = [*command, *self._recipe.variables.values()]
        needed: dict[str, str] = {}
        for name in dict.fromkeys(n.casefold() for t in templates for n in t.names):
            if name == INDEX or name not in self._columns:
                continue
            value = reading.raw(name)
            if not value.strip():
                reading.find(name, "it is empty, and the run needs it.")
            elif "\0" in value:
                reading.find(name, "it holds a NUL character.")
            needed[self._spelt[name]] = value
        words = [word for t in command for word in (*t.parts,) if isinstance(word, str)]
        size = sum(len(word.encode()) for word in words)
        size += sum(len(value.encode("utf-8", "replace")) for value in needed.values())
        if len(command) > COMMAND_ARGUMENTS_MAX or size > COMMAND_BYTES_MAX:
            reading.find(
                "command",
                f"it is too long: {COMMAND_ARGUMENTS_MAX} arguments and {COMMAND_BYTES_MAX} bytes"
                " at most. Put long lists into a file of the project.",
            )
        return needed

    def _gpus(self, reading: "_Reading") -> GpuRequest:
        request = self._recipe.gpus
        count, vram = reading.text("gpus"), reading.text("vram")
        is_said = reading.is_read("gpus")
        try:
            if count:
                least, most = parse_count(count)
                # Of no GPU nothing can be asked, whatever is asked of those of the other rows.
                request = replace(request, count=least, count_max=most) if least else GpuRequest()
        except ValueError as problem:
            reading.find("gpus", str(problem))
            # What is asked of them can't be judged then.
            request = replace(request, count=1)
        try:
            if vram:
                request = replace(request, vram_bytes=parse_size(vram))
        except ValueError as problem:
            reading.find("vram", str(problem))
        if not request.count and request != GpuRequest() and is_said:
            reading.find(
                "vram" if vram else "gpus",
                "something is asked of GPUs, and no GPU is asked for. Say how many it needs.",
            )
        return request


class _Reading:
    """A row that is being read, and what was found wrong with it."""

    def __init__(self, columns: Mapping[str, tuple[int, Column]], row: Row) -> None:
        self._columns = columns
        self._row = row
        self.findings: list[Finding] = []

    def find(self, name: str, text: str) -> None:
        if not self.is_read(name):
            return
        known, row = self._columns.get(name), self._row
        where = f"{row.place}, {known[1]}" if known else row.place
        self.findings.append(Finding(where, text, (row.at, known[1].at if known else -1)))

    def is_read(self, name: str) -> bool:
        """Whether nothing was said yet of what the cell holds."""
        return not isinstance(self.raw(name), Unread)

    def raw(self, name: str) -> str:
        known = self._columns.get(name)
        return self._row.cells[known[0]] if known else ""

    def text(self, name: str) -> str:
        return self.raw(name).strip()

    def name(self) -> str:
        name = self.text("name")
        if len(name) > RUN_NAME_CHARS_MAX:
            self.find("name", f"it has more than {RUN_NAME_CHARS_MAX} characters.")
        return name

    def whole(self, name: str, usual: int, least: int, most: int) -> int:
        text = self.text(name)
        if not text:
            return usual
        if _WHOLE.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        self.find(name, f"{text!r} is no whole number from {least} to {most}.")
        return usual

    def done(self) -> bool:
        word = self.text("done").casefold()
        if word in _YES:
            return True
        if word and word not in _NO:
            self.find("done", f"{word!r} is neither yes nor no. Write x, or leave it empty.")
        return False


def parse_count(text: str) -> tuple[int, int]:
    """Least and most GPUs of '2' or '1..4'; most is 0 where it isn't said. Raises ValueError with a
    sentence for people."""
    try:
        return gpu_range(text)
    except LanherdError as problem:
        raise ValueError(
            f"{text!r} is no number of GPUs from 0 to {GPUS_PER_RUN_MAX}. Write 2, or 1..4."
        ) from problem


def reserved_clashes(columns: Sequence[Column]) -> Iterator[Finding]:
    """Columns that bear a name which means something else."""
    for column in columns:
        if column.name.casefold() == INDEX:
            text = f"{INDEX} counts the repeats of a row: rename the column."
            yield Finding(str(column), text, (-1, column.at))
