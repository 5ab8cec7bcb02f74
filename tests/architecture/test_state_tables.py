"""The table of run states is whole: every state, every piece of news, one end."""

import typing

from lanherd_agent.core import events, run_states
from lanherd_agent.core.run_states import TRANSITIONS
from lanherd_protocol import states as wire

STATES = set(typing.get_args(run_states.RunState))
# What can happen to one run, as opposed to the machine or the agent as a whole.
ABOUT_A_RUN = {event for event in typing.get_args(events.Event) if "run" in event.__struct_fields__}


def test_the_table_is_total_over_the_states() -> None:
    assert set(TRANSITIONS) == STATES


def test_all_news_of_a_run_is_in_the_table() -> None:
    known = {cause for row in TRANSITIONS.values() for cause in row}
    forgotten = {event.__name__ for event in ABOUT_A_RUN - known}
    assert not forgotten, f"{forgotten}: say in TRANSITIONS what may follow in which state"


def test_targets_are_states() -> None:
    assert {
        t for row in TRANSITIONS.values() for targets in row.values() for t in targets
    } <= STATES


def test_ended_is_the_end_and_every_state_leads_there() -> None:
    follows = {
        s: {t for targets in row.values() for t in targets} for s, row in TRANSITIONS.items()
    }
    assert follows[wire.Ended] <= {wire.Ended}, "its reason alone may become known later"
    leads: set[run_states.StateType] = {wire.Ended}
    for _ in STATES:
        leads |= {state for state in STATES if follows[state] & leads}
    assert leads == STATES


def test_every_state_can_be_reached() -> None:
    reached: set[run_states.StateType] = {run_states.Queued}
    for _ in STATES:
        reached |= {t for s in reached for targets in TRANSITIONS[s].values() for t in targets}
    assert reached == STATES


def test_agent_and_wire_name_the_same_states() -> None:
    names = {state.__name__ for state in STATES}
    assert names == {state.__name__ for state in typing.get_args(wire.RunState)}
    assert {name.lower() for name in names} == set(typing.get_args(wire.StateName))
