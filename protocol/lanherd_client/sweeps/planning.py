"""From the rows of a sheet to the runs of a sweep, with all that is wrong in it at once.

A run is told from the others of its sweep by its *key*, a hash of what it means: its command, its
variables, what it asks for, and which of several such runs it is. So a sheet may be sorted, named
and extended, and what was sent before is known again. Rows that are marked as done count among the
others, so that marking one doesn't change the keys of its twins.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from lanherd_client.sweeps.findings import Finding, refusal
from lanherd_client.sweeps.recipe import Recipe
from lanherd_client.sweeps.rows import RESERVED, ReadRow, RowReader, reserved_clashes
from lanherd_client.sweeps.table import Table
from lanherd_protocol.limits import RUN_NAME_CHARS_MAX, RUNS_PER_SUBMIT_MAX
from lanherd_protocol.values import GpuRequest, HostRequest

KEY_CHARS = 32
_REMEDY = "Mend what is named. Nothing was sent."


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that a row asks for; `place` names the row."""

    place: str
    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str]
    gpus: GpuRequest
    priority: int
    key: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs of a sweep in the order of their rows. `done_keys` are the runs of rows that are
    marked as done, `done_rows` counts these; `warnings` are sentences."""

    name: str
    runs: tuple[PlannedRun, ...]
    done_keys: frozenset[str] = frozenset()
    done_rows: int = 0
    warnings: tuple[str, ...] = ()


def plan_runs(table: Table, recipe: Recipe) -> Plan:
    """The runs that a table asks for. Raises `INVALID_REQUEST` that names the first of all
    findings, with the row and the column of each: of the table's and the recipe's own, too."""
    reader = RowReader(table, recipe)
    rows = [reader.read(row) for row in table.rows]
    asked = sum(row.times for row in rows if not row.done)
    findings = [
        *recipe.findings,
        *table.findings,
        *_too_many(asked, table),
        *reserved_clashes(table.columns),
        *_unknown(recipe, reader),
        *chain.from_iterable(row.findings for row in rows if not row.done),
    ]
    if findings:
        raise refusal("The sweep can't be sent.", findings, _REMEDY)
    runs, done_keys = _runs(rows, reader, recipe)
    done_rows = sum(row.done for row in rows)
    warnings = (*table.notes, *_unused(table, reader))
    return Plan(recipe.name, runs, done_keys, done_rows, warnings)


def _too_many(asked: int, table: Table) -> Iterator[Finding]:
    if asked > RUNS_PER_SUBMIT_MAX:
        yield Finding(
            "",
            f"{table.source} asks for {asked} runs, and one sweep takes {RUNS_PER_SUBMIT_MAX}:"
            " split it into several, each with a name.",
        )


def _runs(
    rows: list[ReadRow], reader: RowReader, recipe: Recipe
) -> tuple[tuple[PlannedRun, ...], frozenset[str]]:
    seen: Counter[str] = Counter()
    runs: list[PlannedRun] = []
    done_keys: set[str] = set()
    for row in rows:
        if row.findings:
            continue  # A row that is done may hold anything.
        for index in range(1, row.times + 1):
            command, variables = reader.filled(row, index)
            meaning = key_of(command, variables, row.gpus, recipe.host)
            seen[meaning] += 1
            key = _hashed([meaning, seen[meaning]])
            if row.done:
                done_keys.add(key)
                continue
            name = _name(row, index, recipe)
            runs.append(
                PlannedRun(row.place, name, command, variables, row.gpus, row.priority, key)
            )
    return tuple(runs), frozenset(done_keys)


def key_of(
    command: tuple[str, ...], variables: Mapping[str, str], gpus: GpuRequest, host: HostRequest
) -> str:
    """A hash of what a run means. What is as usual is left out, so that a request which can say
    more one day still has the same."""
    return _hashed([command, sorted(variables.items()), _unusual(gpus), _unusual(host)])


def _unusual(value: Struct) -> list[tuple[str, Any]]:
    return [
        (field.name, getattr(value, field.name))
        for field in fields(value)
        if getattr(value, field.name) != field.default
    ]


def _hashed(value: object) -> str:
    encoded = msgspec.json.encode(value)
    return hashlib.sha256(encoded).hexdigest()[:KEY_CHARS]


def _name(row: ReadRow, index: int, recipe: Recipe) -> str:
    name = row.name or " ".join(f"{column}={value}" for column, value in row.named.items())
    number = f" #{index}" if row.times > 1 else ""
    name = name or f"{recipe.name}, {row.place}"
    room = RUN_NAME_CHARS_MAX - len(number)
    shown = name if len(name) <= room else f"{name[: room - 1]}…"
    return f"{shown}{number}"


def _unknown(recipe: Recipe, reader: RowReader) -> list[Finding]:
    """Placeholders of the templates for all rows that no column fills."""
    named = [(name, "The command") for template in recipe.command for name in template.names]
    for variable, template in recipe.variables.items():
        named += [(name, f"The variable {variable}") for name in template.names]
    return [
        Finding("", reader.unknown_text(name, what))
        for name, what in dict.fromkeys(named)
        if not reader.knows(name)
    ]


def _unused(table: Table, reader: RowReader) -> list[str]:
    columns = [
        column
        for column in table.columns
        if column.name.casefold() not in RESERVED and column.name.casefold() not in reader.used
    ]
    if not columns:
        return []
    which = ", ".join(map(str, columns))
    return [f"Nothing uses {which}. A template names a column so: {{{columns[0].name}}}."]
