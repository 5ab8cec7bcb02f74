"""`lanherd history`: what machines and their GPUs read in the past, as lines to look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import talk
from lanherd_client.cli.options import Duration, GpuNumber, json_option, machine_option
from lanherd_client.cli.picking import chosen_machines, say_none_paired
from lanherd_client.cli.session import complete, connected, now
from lanherd_client.cli.shapes import Json
from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.history_messages import History, HistoryLine
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuFacts

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

_COLUMNS = (
    talk.Column("MACHINE"),
    talk.Column("OF"),
    talk.Column("METRIC"),
    talk.Column("PAST", whole=True),
    talk.Column("MEAN", right=True),
    talk.Column("PEAK", right=True),
)
_MARKS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"
_POINTS = 48
_UNITS = {"percent": " %", "c": " °C", "w": " W", "1m": ""}


@dataclass(frozen=True, slots=True)
class _Of:
    """A GPU, or the MIG instance of one, of which there is a past."""

    index: int
    instance: int | None
    uuid: GpuUuid
    simulated: bool

    @property
    def number(self) -> str:
        return gpu_number(self.index, self.instance)

    def is_meant_by(self, number: str) -> bool:
        """By its own number, or its GPU's."""
        return number in (self.number, str(self.index))


@click.command("history")
@machine_option
@click.option(
    "--gpu",
    type=GpuNumber(),
    metavar="N",
    help="This GPU alone, with its MIG instances; one of them as 3:0.",
)
@click.option(
    "--last",
    "last_s",
    type=Duration(),
    default="1h",
    help="How far back, such as 10m or 2d; a machine keeps a week. [1h]",
)
@json_option
@click.pass_context
def history_command(
    context: click.Context, machine: str | None, gpu: str | None, last_s: float, as_json: bool
) -> None:
    """Show what was read of machines and GPUs in the past.

    Every machine keeps ten minutes second by second, six hours in steps of ten seconds and a week
    in steps of two minutes.
    """
    complete(_history(context, machine, gpu, last_s, as_json))


async def _history(
    context: click.Context, machine: str | None, gpu: str | None, last_s: float, as_json: bool
) -> None:
    async with connected(context) as fleet:
        views = chosen_machines(fleet, machine)
        if not fleet.machines():
            say_none_paired(fleet)
        since = now() - last_s
        pasts = [one for view in views for one in await _of_machine(fleet, view, gpu, since)]
        if gpu is not None and views and not pasts:
            raise _no_such_gpu(gpu, views)
        if as_json:
            talk.put_json([_shape(view, of, past) for view, of, past in pasts])
        elif pasts:
            rows = [
                (view.name, _name(of), *_cells(past, line))
                for view, of, past in pasts
                for line in past.lines
                if any(mean is not None for mean in line.means)
            ]
            talk.put_table(_COLUMNS, rows)


async def _of_machine(
    fleet: "Fleet", view: MachineView, gpu: str | None, since: float
) -> list[tuple[MachineView, _Of | None, History]]:
    of_gpus = [] if view.facts is None else [of for one in view.facts.gpus for of in _parts(one)]
    wanted: list[_Of | None] = [of for of in of_gpus if gpu is None or of.is_meant_by(gpu)]
    if gpu is None:
        wanted.append(None)
    found = []
    for of in wanted:
        past = await fleet.past(
            view.machine, None if of is None else of.uuid, since=since, points_max=_POINTS
        )
        found.append((view, of, past))
    return found


def _parts(gpu: GpuFacts) -> Iterator[_Of]:
    """The GPU, and each of its MIG instances."""
    yield _Of(gpu.index, None, gpu.uuid, gpu.simulated)
    for instance in gpu.instances:
        yield _Of(gpu.index, instance.index, instance.uuid, gpu.simulated)


def _no_such_gpu(gpu: str, views: Sequence[MachineView]) -> Exception:
    names = ", ".join(view.name for view in views)
    return error(
        ErrorCode.NOT_FOUND,
        f"There is no GPU {gpu}.",
        f"It was looked for on {names}.",
        "See 'lanherd gpus' for the numbers.",
        gpu=gpu,
    )


def _name(of: _Of | None) -> str:
    if of is None:
        return "host"
    return f"GPU {of.number}{' (simulated)' if of.simulated else ''}"


def _cells(past: History, line: HistoryLine) -> tuple[str, str, str, str]:
    means = [mean for mean in line.means if mean is not None]
    peaks = [peak for peak in line.peaks if peak is not None]
    metric, _, unit = line.metric.rpartition("_")
    per_second = unit == "s"
    if per_second:
        metric, _, unit = metric.rpartition("_")

    def told(value: float) -> str:
        if unit == "bytes":
            return format_size(int(value)) + ("/s" if per_second else "")
        return f"{value:.3g}{_UNITS[unit]}"

    return (
        metric.replace("_", " "),
        sparkline(past, line),
        told(sum(means) / len(means)),
        told(max(peaks)),
    )


def sparkline(past: History, line: HistoryLine) -> str:
    """The means as marks, oldest first, in equal steps of time; a dot where nothing is known."""
    known = [mean for mean in line.means if mean is not None]
    top = 100.0 if line.metric.endswith("percent") else max(known, default=0.0)
    by_step = dict(zip(past.starts, line.means, strict=True))
    steps = round((past.starts[-1] - past.starts[0]) / past.step_s) + 1 if past.starts else 0
    marks = []
    for step in range(steps):
        mean = by_step.get(past.starts[0] + step * past.step_s)
        share = 0.0 if mean is None or top <= 0 else min(mean / top, 1.0)
        marks.append(_NOTHING if mean is None else _MARKS[round(share * (len(_MARKS) - 1))])
    return "".join(marks)


def _shape(view: MachineView, of: _Of | None, past: History) -> Json:
    return {
        "machine": view.name,
        "gpu": None if of is None else of.index,
        "instance": None if of is None else of.instance,
        "number": None if of is None else of.number,
        "uuid": None if of is None else of.uuid,
        "simulated": view.simulated if of is None else of.simulated,
        "step_s": past.step_s,
        "starts": list(past.starts),
        "metrics": {
            line.metric: {"means": list(line.means), "peaks": list(line.peaks)}
            for line in past.lines
        },
    }
