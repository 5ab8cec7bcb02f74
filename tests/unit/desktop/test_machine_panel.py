"""One machine beside the others: its problems, and what it keeps of ended runs."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lanherd_desktop.app import Desktop
from lanherd_desktop.state.room import RoomUpdate
from lanherd_desktop.views.machines.panel import MachinePanel
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.retention_messages import RetentionPlan, RetentionState
from lanherd_protocol.values import Reason, Removal, RetentionRule, RetentionRules
from tests.support.asked import Asked
from tests.support.synthetic_room import GIB, machine_id, run_id

TYCHO = machine_id("tycho")
RULES = RetentionRules(rules=(RetentionRule(age_s_max=86_400.0 * 30),))
STATE = RetentionState(rules=RULES, size_bytes=3 * GIB, runs=12, free_bytes=40 * GIB)
WHY = Reason(code="retention_age", text="It is old.")
PLAN = RetentionPlan(
    removals=tuple(Removal(run=run_id(n), size_bytes=GIB, reason=WHY) for n in (900, 5)),
    size_bytes=2 * GIB,
    runs=30,
)


@pytest.fixture
def panel(desktop: Desktop, asked: Asked) -> MachinePanel:
    asked.fleet.answers = {
        "retention": STATE,
        "set_retention": STATE,
        "plan_retention": PLAN,
        "apply_retention": PLAN,
    }
    desktop.window.show_page("machines")
    desktop.window.machines.cards[TYCHO].activated.emit()
    asked.answer()
    return desktop.window.machines.panel


def test_a_card_says_what_is_wrong_and_opens_the_rest(
    desktop: Desktop, panel: MachinePanel, qtbot: QtBot
) -> None:
    card = desktop.window.machines.cards[TYCHO]
    (notice,) = card.problems.notices
    assert notice.text().startswith("The machine's disk has 1.4 GB free")
    assert "And 1 more" in notice.accessibleName()
    assert panel.isVisible() and len(panel.problems.notices) == 2
    desktop.window.resize(900, 560)
    assert card.isHidden() or not card.isVisible()
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.isHidden() and card.isVisible()


def test_a_machine_that_is_gone_closes_its_panel(desktop: Desktop, panel: MachinePanel) -> None:
    desktop.bridge.room_updated.emit(RoomUpdate(machines={TYCHO: None}))
    assert panel.isHidden() and panel.machine is None


def test_rules_are_shown_changed_and_saved(panel: MachinePanel, asked: Asked) -> None:
    section = panel.retention
    assert section.fields["age"].text() == "30d"
    assert section.fields["low_disk"].text() == "2 GB"
    assert not section.save_button.isEnabled()
    section.fields["count"].setText("many")
    assert section._problems["count"].text() == "Write a whole number."
    assert not section.plan_button.isEnabled()
    section.fields["count"].setText("50")
    section.save_button.click()
    assert asked.answer() == ["plan_retention"], "rules apply at once: what they remove is asked"
    assert section.confirm.isVisible() and "applies rules at once" in section.confirm.text()
    assert section.plan_text.text() == "The files of 30 runs would go: 2.00 GB."
    section.confirm.confirm_button.click()
    asked.answer()
    verb, where, (rules,), _ = asked.fleet.said[-1]
    assert (verb, where) == ("set_retention", TYCHO)
    assert rules.rules[0].runs_max == 50


def test_rules_that_remove_nothing_are_saved_unasked(panel: MachinePanel, asked: Asked) -> None:
    section = panel.retention
    asked.fleet.answers["plan_retention"] = RetentionPlan()
    section.fields["count"].setText("50")
    section.save_button.click()
    assert asked.answer() == ["plan_retention", "set_retention"]
    assert section.confirm.isHidden()


def test_a_question_has_the_room_that_its_words_need(
    panel: MachinePanel, asked: Asked, qtbot: QtBot
) -> None:
    section = panel.retention
    section.plan_button.click()
    asked.answer()
    section.apply_button.click()
    confirm = section.confirm
    qtbot.waitUntil(lambda: confirm.height() >= confirm.heightForWidth(confirm.width()))
    assert confirm.confirm_button.y() > 0 and confirm.width() < 520
    bar = panel._area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0)


def test_what_would_go_is_listed_before_it_goes(panel: MachinePanel, asked: Asked) -> None:
    section = panel.retention
    section.plan_button.click()
    asked.answer()
    assert section.plan_text.text() == "The files of 30 runs would go: 2.00 GB."
    assert section._lines.count() == 3  # two runs, and that there are more
    section.apply_button.click()
    assert section.confirm.isVisible()
    section.confirm.confirm_button.click()
    assert asked.answer()[0] == "apply_retention"
    assert section.apply_button.isHidden()
    section.fields["count"].setText("50")
    section.plan_button.click()
    asked.answer()
    assert section.apply_button.isHidden(), "other rules than the machine's are saved first"


def test_nothing_to_remove_and_nobody_to_ask(panel: MachinePanel, asked: Asked) -> None:
    section = panel.retention
    section.show_plan(RetentionPlan())
    assert section.plan_text.text() == "Nothing would go." and section.apply_button.isHidden()
    asked.fleet.problem = error(ErrorCode.NOT_ALLOWED, "You may not.", "You look on.", "Ask Ada.")
    section.plan_button.click()
    asked.answer()
    assert section._error.isVisible() and "Ask Ada." in section._error.details()


REFUSED = error(ErrorCode.INVALID_REQUEST, "It can't be kept to.", "It is too low.", "Say 2 GB.")


@pytest.mark.parametrize("button", ["save_button", "plan_button"])
def test_a_refused_rule_stays_as_it_was_written(
    panel: MachinePanel, asked: Asked, button: str
) -> None:
    section = panel.retention
    asked.fleet.problem = REFUSED
    section.fields["low_disk"].setText("1B")
    getattr(section, button).click()
    asked.answer()
    assert section.fields["low_disk"].text() == "1B"
    assert section._error.isVisible() and "Say 2 GB." in section._error.details()
    assert section._error._retry.isHidden(), "it would be refused again"
    section.fields["low_disk"].setText("4GB")
    assert section._error.isHidden()


def test_trying_again_asks_the_same_and_loads_nothing(panel: MachinePanel, asked: Asked) -> None:
    section = panel.retention
    asked.fleet.problem = error(ErrorCode.CONNECTION_LOST, "The connection was lost.")
    section.fields["count"].setText("50")
    section.save_button.click()
    asked.answer()
    asked.fleet.problem = None
    asked.fleet.answers["plan_retention"] = RetentionPlan()
    section._error._retry.click()
    assert asked.answer() == ["plan_retention", "set_retention"]
    _, _, (rules,), _ = asked.fleet.said[-1]
    assert rules.rules[0].runs_max == 50 and section._error.isHidden()


def test_rules_that_are_being_written_outlive_an_answer(panel: MachinePanel, asked: Asked) -> None:
    section = panel.retention
    section.plan_button.click()
    asked.answer()
    section.apply_button.click()
    section.confirm.confirm_button.click()
    section.fields["count"].setText("7")
    asked.answer()
    assert section.fields["count"].text() == "7" and section.save_button.isEnabled()


def test_rules_cant_be_written_before_the_machine_told_its_own(
    desktop: Desktop, panel: MachinePanel, asked: Asked
) -> None:
    section = panel.retention
    asked.fleet.problem = error(ErrorCode.CONNECTION_LOST, "The connection was lost.")
    desktop.window.machines.cards[machine_id("kepler")].activated.emit()
    assert not section.fields["count"].isEnabled()
    asked.answer()
    asked.fleet.problem = None
    section._error._retry.click()
    asked.answer()
    assert section.fields["age"].text() == "30d" and section.fields["count"].isEnabled()
