"""Which runs a listing lets through: asked by the agent, and once more by the client, since an
agent that is older than a filter doesn't know it."""

from collections.abc import Callable

from lanherd_protocol.messages import ListRuns
from lanherd_protocol.states import Ended, RunView, state_name

Lets = Callable[[RunView], bool]


def filter_of(request: ListRuns) -> Lets | None:
    """Whether a run is among those that are asked for; None where all are."""
    checks = [*_of_state(request), *_of_group(request), *_of_words(request)]
    if not checks:
        return None
    if len(checks) == 1:
        return checks[0]
    return lambda view: all(check(view) for check in checks)


def _of_state(request: ListRuns) -> list[Lets]:
    states, outcomes = frozenset(request.states), frozenset(request.outcomes)
    checks: list[Lets] = []
    if states:
        checks.append(lambda view: state_name(view.state) in states)
    if outcomes:
        checks.append(
            lambda view: not isinstance(view.state, Ended) or view.state.outcome in outcomes
        )
    if request.held:
        checks.append(lambda view: view.settings.held and not isinstance(view.state, Ended))
    return checks


def _of_group(request: ListRuns) -> list[Lets]:
    name = request.group
    if name is not None:
        return [lambda view: view.spec.group is not None and view.spec.group.name == name]
    return [lambda view: view.spec.group is not None] if request.grouped else []


def _of_words(request: ListRuns) -> list[Lets]:
    owner, project, prefix = request.owner, request.project, request.name_prefix
    tags = frozenset(request.tags)
    checks: list[Lets] = []
    if owner is not None:
        checks.append(lambda view: view.owner == owner)
    if project is not None:
        checks.append(lambda view: view.spec.project == project)
    if tags:
        checks.append(lambda view: tags.issubset(view.settings.tags))
    if prefix:
        checks.append(lambda view: view.spec.name.startswith(prefix))
    return checks
