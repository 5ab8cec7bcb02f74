"""A machine's rules: the form and the text are one thing, and nothing wrong is sent."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from lanherd_desktop.app import Desktop
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.machines.rule_texts import finding_texts
from lanherd_desktop.views.machines.rules_editor import RulesEditor
from lanherd_desktop.views.widgets.field_rows import FieldRows
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.retention_messages import RetentionState
from lanherd_protocol.rules_check import check_rules
from lanherd_protocol.rules_messages import RuleFinding
from lanherd_protocol.values import RetentionRules
from tests.support.asked import Asked
from tests.support.sample_rules import TEXT, rules_state
from tests.support.synthetic_room import machine_id

TYCHO = machine_id("tycho")
CONFLICT = error(ErrorCode.CONFLICT, "The rules were changed meanwhile.", "So.", "Look again.")


@pytest.fixture
def editor(desktop: Desktop, asked: Asked) -> RulesEditor:
    asked.fleet.answers = {
        "retention": RetentionState(rules=RetentionRules(), size_bytes=0, runs=0),
        "rules": rules_state(),
    }
    desktop.window.show_page("machines")
    machines = desktop.window.machines
    machines.open_machine(TYCHO)
    machines.panel.rules_button.click()
    asked.answer()
    return machines.rules


def line(editor: RulesEditor, key: str) -> QLineEdit:
    field = editor.fields.fields[key]
    assert isinstance(field, QLineEdit)
    return field


def write(editor: RulesEditor, key: str, said: str) -> None:
    line(editor, key).setText(said)
    line(editor, key).editingFinished.emit()


def test_the_form_says_what_the_text_says(editor: RulesEditor) -> None:
    assert editor.isVisible() and editor.text.toPlainText() == TEXT
    assert line(editor, "keep_free").text() == "1"
    assert line(editor, "gpus").text() == "" and "all" in line(editor, "gpus").placeholderText()
    assert line(editor, "failures_backoff_s").placeholderText() == "10 min, if nothing is said"
    strategy = editor.fields.fields["strategy"]
    assert isinstance(strategy, QComboBox) and strategy.currentText() == "the coldest"
    assert [row.most.text() for row in editor.fields.share_rows] == ["2", ""]
    assert "They hold since" in editor.status.text() and not editor.save_button.isEnabled()
    assert editor.restore_button.isHidden()


def test_a_field_changes_its_rule_alone_and_that_is_saved(
    editor: RulesEditor, asked: Asked, desktop: Desktop
) -> None:
    write(editor, "keep_free", "0")
    wanted = TEXT.replace("keep_free = 1 ", "keep_free = 0 ")
    assert editor.text.toPlainText() == wanted, "comments stay"
    assert "not saved yet" in editor.status.text()
    asked.fleet.answers["put_rules"] = rules_state(wanted)
    editor.save_button.click()
    assert asked.answer() == ["put_rules"]
    assert asked.fleet.said[-1][2] == (wanted, rules_state().text_hash)
    assert not editor.edited and not editor.save_button.isEnabled()


def test_a_choice_and_a_bound_are_rules_too(editor: RulesEditor) -> None:
    strategy = editor.fields.fields["strategy"]
    assert isinstance(strategy, QComboBox)
    strategy.setCurrentIndex(strategy.findData("spread"))
    strategy.activated.emit(strategy.currentIndex())
    assert 'strategy = "spread"' in editor.text.toPlainText()
    strategy.setCurrentIndex(0)
    strategy.activated.emit(0)
    assert "strategy" not in editor.text.toPlainText()
    fields = editor.fields
    fields.add_button.click()
    assert len(fields.share_rows) == 2, "a bound is for somebody"
    fields.name.setText("b.o")
    fields.name.returnPressed.emit()
    fields.table.setCurrentIndex(1)
    fields.name.setText("big")
    fields.add_button.click()
    assert '[users."b.o"]' in editor.text.toPlainText() and len(fields.share_rows) == 4
    fields.share_rows[0].least.setText("1")
    fields.share_rows[0].least.editingFinished.emit()
    assert "gpus_min = 1\n" in editor.text.toPlainText()
    for row in list(fields.share_rows):
        row.remove_button.click()
    assert fields.share_rows == [] and "users" not in editor.text.toPlainText()


def test_hours_are_rows_of_days_and_times(editor: RulesEditor, qtbot: QtBot) -> None:
    hours = editor.fields.hours
    nights, sat, _ = hours.rows
    assert [day.isChecked() for day in sat.days] == [False] * 5 + [True, False]
    assert (nights.begin.text(), nights.end.text()) == ("18:00", "08:00")
    assert nights.next_day.text() == "next day" and sat.next_day.text() == ""
    assert hours.always.isHidden()
    nights.begin.setText("20")
    nights.begin.editingFinished.emit()
    wanted = TEXT.replace('["18:00-08:00"', '["20:00-08:00"')
    assert editor.text.toPlainText() == wanted, "comments and the other rows stay"
    qtbot.keyClick(sat.days[4], Qt.Key.Key_Space)
    assert '"fri,sat 00:00-24:00"' in editor.text.toPlainText()
    qtbot.keyClick(sat.days[4], Qt.Key.Key_Space)
    qtbot.keyClick(sat.days[5], Qt.Key.Key_Space)
    assert editor.text.toPlainText() == wanted and sat.days[5].isChecked(), "the last day stays"


def test_hours_come_and_go(editor: RulesEditor) -> None:
    hours = editor.fields.hours
    hours.add_button.click()
    assert '"18:00-08:00"]' in editor.text.toPlainText() and len(hours.rows) == 4
    assert isinstance(hours, FieldRows), "rows come and go in one way in all the window"
    assert hours.rows[-1].begin.hasFocus() and hours.rows[-1].begin.selectedText() == "18:00"
    hours.rows[0].remove_button.click()
    assert hours.rows[0].remove_button.hasFocus()
    assert hours.rows[0].days[5].isChecked(), "the next one took its place"
    for _ in range(3):
        hours.rows[0].remove_button.click()
    assert "hours" not in editor.text.toPlainText() and hours.add_button.hasFocus()
    assert hours.rows == [] and hours.always.isVisible()
    hours.add_button.click()
    assert 'hours = ["18:00-08:00"]' in editor.text.toPlainText()


def test_wrong_hours_stand_in_their_row(editor: RulesEditor) -> None:
    row = editor.fields.hours.rows[0]
    row.end.setText("25:00")
    row.end.editingFinished.emit()
    assert "Write times from 00:00 to 24:00" in row.problem.text()
    assert editor.fields._problems["hours"].isHidden(), "it is said once"
    assert len(editor._lines) == 1 and not editor.save_button.isEnabled()
    row.end.setText("7")
    row.end.editingFinished.emit()
    assert row.problem.isHidden() and row.end.text() == "07:00" and editor.save_button.isEnabled()
    editor.text.put_text(TEXT.replace('"18:00-08:00"', '"at night"'))
    editor.check()
    assert not row.words.isHidden() and row.words.text() == "at night"
    assert "can't be read" in row.problem.text()
    row.remove_button.click()
    assert "at night" not in editor.text.toPlainText()


def test_what_is_wrong_stands_at_its_line_and_is_not_sent(
    editor: RulesEditor, asked: Asked, qtbot: QtBot
) -> None:
    write(editor, "temperature_c_max", "hot")
    (found,) = editor._lines
    assert found.text().startswith("Line 8: temperature_c_max is degrees Celsius")
    assert editor.text.extraSelections()[0].cursor.blockNumber() == 7
    assert "Write temperature_c_max = 85" in editor.fields._problems["temperature_c_max"].text()
    assert not editor.save_button.isEnabled()
    editor.save()
    assert asked.answer() == []
    qtbot.keyClick(found, Qt.Key.Key_Return)
    assert editor.text.textCursor().blockNumber() == 7
    qtbot.keyClick(found, Qt.Key.Key_A)
    qtbot.mouseClick(found, Qt.MouseButton.LeftButton, pos=QPoint(4, 4))
    editor.text.grab()
    editor.text.go_to(900)
    editor.text.mark([900])
    assert editor.text.extraSelections() == []
    write(editor, "temperature_c_max", "85")
    assert editor._lines == [] and not editor.edited


def test_a_text_that_is_no_toml_leaves_no_fields(editor: RulesEditor, qtbot: QtBot) -> None:
    editor.text.put_text(TEXT + "keep_free = \n" * 3)
    qtbot.waitUntil(lambda: bool(editor.findings))
    assert not editor.fields.isVisible() and editor._unread.isVisible()
    editor.change_rule("keep_free", "2")
    assert "keep_free = 2" not in editor.text.toPlainText()
    editor._on_share_removed(editor.fields._shares[0])
    editor.text.undo()
    qtbot.waitUntil(editor.fields.isVisible)


def test_many_findings_are_counted(editor: RulesEditor) -> None:
    editor.text.put_text("".join(f"wrong{n} = 1\n" for n in range(12)))
    editor.check()
    assert len(editor._lines) == 8 and editor._found.count() == 9


def test_changes_by_others_are_loaded_or_overwritten(editor: RulesEditor, asked: Asked) -> None:
    write(editor, "keep_free", "0")
    mine = editor.text.toPlainText()
    asked.fleet.problem = CONFLICT
    editor.save_button.click()
    asked.answer()
    assert editor.conflict.isVisible() and editor.text.toPlainText() == mine
    asked.fleet.problem = None
    theirs = rules_state("keep_free = 2\n")
    asked.fleet.answers["rules"] = theirs
    editor.conflict._retry.click()
    assert asked.answer() == ["rules"]
    assert editor.text.toPlainText() == theirs.text and not editor.conflict.isVisible()
    editor.text.undo()
    assert editor.text.toPlainText() == mine, "mine can be had back"
    editor.check()
    asked.fleet.problem = CONFLICT
    editor.save_button.click()
    asked.answer()
    asked.fleet.problem = None
    asked.fleet.answers["put_rules"] = rules_state(mine)
    editor.overwrite_button.click()
    asked.answer()
    assert asked.fleet.said[-1][2] == (mine, None) and not editor.conflict.isVisible()


def test_a_broken_file_offers_the_last_good_one(editor: RulesEditor, asked: Asked) -> None:
    asked.fleet.answers["rules"] = rules_state("keep_fre = 1\n")
    editor.open_machine(TYCHO)
    assert not editor._split.isEnabled()
    asked.answer()
    assert "kept out" in editor.status.text() and len(editor._lines) == 1
    editor.restore_button.click()
    assert editor.text.toPlainText() == TEXT and editor.save_button.isEnabled()


def test_a_refusal_and_a_lost_connection_stand_above_the_text(
    editor: RulesEditor, asked: Asked
) -> None:
    write(editor, "keep_free", "0")
    asked.fleet.problem = error(ErrorCode.INVALID_REQUEST, "No.", "Line 1: So.", "Mend it.")
    editor.save_button.click()
    asked.answer()
    assert editor.error.isVisible() and editor.error._retry.isHidden()
    asked.fleet.problem = error(ErrorCode.CONNECTION_LOST, "It broke off.")
    editor.save_button.click()
    asked.answer()
    assert not editor.error._retry.isHidden()
    asked.fleet.problem = None
    asked.fleet.answers["put_rules"] = rules_state(editor.text.toPlainText())
    editor.error._retry.click()
    assert asked.answer() == ["put_rules"] and editor.error.isHidden()


def test_leaving_asks_about_what_is_not_saved(
    editor: RulesEditor, desktop: Desktop, qtbot: QtBot
) -> None:
    write(editor, "keep_free", "0")
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert editor.confirm.isVisible() and editor.isVisible()
    editor.confirm.confirm_button.click()
    assert not editor.isVisible() and desktop.window.machines.panel.isVisible()
    desktop.window.machines.open_rules(TYCHO)
    editor.leave()
    assert not editor.isVisible()
    editor._load()  # nobody to ask
    editor.check()
    assert not editor.save_button.isEnabled()


def test_findings_are_said_in_chinese(qapp: QApplication) -> None:
    wrong = (
        'keep_fre = 1\nstrategy = "x"\ngpus = [9]\n', "keep_free = ",
        "gpus = [9]\n", "gpus = [0, 0]\n", "zzzzzz = 1\n",
    )  # fmt: skip
    found = [one for text in wrong for one in check_rules(text, {0: "GPU-0"}).findings]
    codes = {one.code for one in found}
    assert codes == {"unknown_key", "wrong_value", "syntax", "unknown_gpu", "contradiction"}
    apply_language(qapp, "zh_CN")
    try:
        texts = [finding_texts(one) for one in found]
        assert all(any(char >= "\u4e00" for char in text) for text, _ in texts)
        assert ("没有规则 keep_fre。", "是不是 keep_free？") in texts
        newer = RuleFinding(line=1, key="x", code="newer", text="So.", remedy="Do.")
        assert finding_texts(newer) == ("So.", "Do.")
        odd = replace(newer, code="unreadable", text="It is a pipe.")
        assert finding_texts(odd) == ("规则无法读取。", "Do.")
    finally:
        apply_language(qapp, "en")
