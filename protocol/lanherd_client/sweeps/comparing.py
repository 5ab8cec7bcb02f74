"""A plan beside what is there of its sweep already: what is new, and what the plan lacks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lanherd_client.sweeps.planning import Plan, PlannedRun
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import Ended, RunView

NAMED_MAX = 5
"""Runs that are told by their names."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`new` is to be sent; `there` was sent before, and `ill` of these ended in another way than
    well; `gone` are runs that no row asks for any more."""

    new: tuple[PlannedRun, ...]
    there: tuple[RunView, ...]
    ill: tuple[RunView, ...]
    gone: tuple[RunView, ...]


def compare(plan: Plan, views: Iterable[RunView]) -> Comparison:
    """Compares a plan with the runs of its sweep, newest first as machines list them."""
    known = newest_of_keys(views)
    wanted = {run.key for run in plan.runs}
    there = tuple(view for view in known if key_of_view(view) in wanted)
    kept = wanted | plan.done_keys
    keys = {key_of_view(view) for view in known}
    return Comparison(
        new=tuple(run for run in plan.runs if run.key not in keys),
        there=there,
        ill=tuple(view for view in there if has_failed(view)),
        gone=tuple(view for view in known if key_of_view(view) not in kept),
    )


def newest_of_keys(views: Iterable[RunView]) -> tuple[RunView, ...]:
    """Of runs that are listed newest first, the newest of each key, oldest first: a run that was
    started again stands for both."""
    newest: dict[str, RunView] = {}
    oldest_first = [*views]
    oldest_first.reverse()
    # A stable sort: what was submitted at once stays in its machine's order, which no id tells.
    for view in sorted(oldest_first, key=lambda view: view.submitted_at):
        newest.pop(key_of_view(view), None)
        newest[key_of_view(view)] = view
    return tuple(newest.values())


def key_of_view(view: RunView) -> str:
    """What tells a run from the others of its sweep; its id where no key was given."""
    group = view.spec.group
    return (group.key if group is not None else "") or view.run


def has_failed(view: RunView) -> bool:
    """Whether it has ended, and not well."""
    return isinstance(view.state, Ended) and view.state.outcome != "succeeded"


def summary(plan: Plan, comparison: Comparison) -> Sequence[str]:
    """What the comparison says, in sentences."""
    there, new, gone = len(comparison.there), len(comparison.new), len(comparison.gone)
    lines = [f"{there} already there, {new} new." if there else f"{new} new."]
    if comparison.ill:
        lines.append(
            f"Of those there, {len(comparison.ill)} ended without success, and are not sent again:"
            " 'lanherd restart' does that."
        )
    if gone:
        lines.append(
            f"{gone} there that no row asks for any more, and left as they are:"
            f" {_names(comparison.gone)}."
        )
    if plan.done_rows:
        lines.append(f"{plan.done_rows} {_rows(plan.done_rows)} marked as done, and left out.")
    return lines


def _names(views: Sequence[RunView]) -> str:
    names = ", ".join(view.spec.name or short_id(view.run) for view in views[:NAMED_MAX])
    more = len(views) - NAMED_MAX
    return f"{names} and {more} more" if more > 0 else names


def _rows(count: int) -> str:
    return "row is" if count == 1 else "rows are"
