"""The dialog that starts a run: what it asks, what it refuses, what it keeps."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from lanherd_client.submitting import Progress
from lanherd_desktop.app import Desktop
from lanherd_desktop.state.submit_form import SubmitForm, SubmitRequest, check
from lanherd_desktop.state.submit_options import AfterField, OptionsForm, SecretField
from lanherd_desktop.views.submit import SubmitDialog
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.values import Dependency
from tests.support.desktop_window import open_desktop
from tests.support.synthetic_room import machine_id, run_id

# Qt's offscreen platform says this of dialogs; it is about the platform, not about us.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

LEFT = Qt.MouseButton.LeftButton
WITHIN_MS = 10_000
FAILURE = Failure(
    code=ErrorCode.DISK_FULL, title="The disk is full.", message="By 3 GB.", remedy="Make room."
)


def opened(desktop: Desktop, form: SubmitForm) -> SubmitDialog:
    desktop.window.open_submit(form)
    dialog = desktop.window.submit_dialog
    assert dialog is not None
    return dialog


@pytest.fixture
def dialog(desktop: Desktop) -> SubmitDialog:
    return opened(desktop, SubmitForm(command="python train.py", vram="2GB"))


def test_only_a_whole_form_can_be_sent(dialog: SubmitDialog, qtbot: QtBot) -> None:
    assert dialog.run_button.isEnabled()
    dialog.vram.setText("much")
    assert not dialog.run_button.isEnabled()
    assert dialog.where_text() == "VRAM is a number and a unit, such as 18GB."
    dialog.vram.setText("3GB")
    assert dialog.where_text() == "" and dialog.run_button.isEnabled()
    dialog.gpus.setValue(0)
    assert "no GPU" in dialog.where_text()
    dialog.gpus.setValue(1)
    dialog.command.setText("echo 'a")
    assert "quote" in dialog.where_text()
    dialog.command.setText("")
    dialog.name.setText("n" * 5000)
    assert dialog.where_text() == "Say which command to run."
    dialog.submit()
    assert dialog.cancel_button.isEnabled() and not dialog.run_button.isEnabled()


def test_an_untouched_form_is_not_scolded(desktop: Desktop) -> None:
    dialog = opened(desktop, SubmitForm())
    assert not dialog.run_button.isEnabled() and dialog.where_text() == ""


def test_the_fields_are_the_form(desktop: Desktop) -> None:
    form = SubmitForm(
        folder="/home/ada/spirals",
        command="python train.py",
        gpus=2,
        vram="18GB",
        exclusive=True,
        name="seed 0",
        machine=machine_id("kepler"),
        environment="none",
    )
    assert opened(desktop, form).form() == form


def test_the_newest_project_is_offered_and_another_can_be_chosen(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    desktop.preferences.change(projects=("/x/a", "/x/b"), commands=("python a.py",))
    dialog = opened(desktop, SubmitForm())
    assert dialog.form().folder == "/x/a"

    def choose(parent: QWidget, title: str) -> str:
        return "/x/c"

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", staticmethod(choose))
    qtbot.mouseClick(dialog.browse, LEFT)
    qtbot.mouseClick(dialog.browse, LEFT)
    assert dialog.form().folder == "/x/c"
    assert dialog.project.count() == 4


def test_a_failure_keeps_what_was_typed(dialog: SubmitDialog, qtbot: QtBot) -> None:
    before = dialog.form()
    qtbot.mouseClick(dialog.run_button, LEFT)
    assert not dialog.run_button.isEnabled() and not dialog.command.isEnabled()
    dialog.show_failure(FAILURE)
    assert dialog.form() == before
    assert dialog.run_button.isEnabled() and dialog.command.isEnabled()
    panel = dialog.findChild(ErrorPanel)
    assert panel is not None and panel.isVisible()
    dialog.command.setText("python other.py")
    assert not panel.isVisible()


def test_the_keyboard_is_at_the_new_run_once_it_is_submitted(
    desktop: Desktop, dialog: SubmitDialog
) -> None:
    window = desktop.window
    key = next(iter(desktop.context.room.runs))
    window.activateWindow()
    dialog.submitted.emit(key)
    dialog.accept()
    QApplication.processEvents()
    assert window.focusWidget() is window.runs.list.view and window.runs.list.chosen == key


def test_the_first_cancel_stops_the_submit_and_the_next_one_closes(
    desktop: Desktop, dialog: SubmitDialog, qtbot: QtBot
) -> None:
    qtbot.mouseClick(dialog.run_button, LEFT)
    dialog.submit()  # a second one beside the first begins nothing
    qtbot.mouseClick(dialog.cancel_button, LEFT)
    assert dialog.isVisible() and dialog.run_button.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert desktop.window.submit_dialog is None


def test_only_one_dialog_is_open(desktop: Desktop, dialog: SubmitDialog) -> None:
    desktop.window.open_submit(SubmitForm(command="other"))
    assert desktop.window.submit_dialog is dialog


def test_progress_is_said_in_words_and_bytes(dialog: SubmitDialog) -> None:
    dialog.submit()
    dialog._on_progress(Progress("scan", 0, 0))
    assert dialog._stage.text() == "Reading the project"
    dialog._on_progress(Progress("upload", 512, 2048))
    assert dialog._stage.text() == "Sending what is missing · 512 B / 2.00 KB"
    assert dialog._progress.value() == 250


def test_what_no_machine_has_is_said_while_it_is_written(dialog: SubmitDialog) -> None:
    dialog.vram.setText("900GB")
    assert "No connected machine can run this" in dialog.where_text()
    assert not dialog.run_button.isEnabled()
    dialog.machine.setCurrentIndex(dialog.machine.findData(machine_id("kepler")))
    assert dialog.where_text().startswith("kepler can never run this")
    dialog.vram.setText("2GB")
    assert dialog.where_text() == "" and dialog.run_button.isEnabled()


def test_the_dialog_is_no_taller_after_its_error_is_gone(dialog: SubmitDialog) -> None:
    dialog.vram.setFocus()
    QApplication.processEvents()
    height = dialog.height()
    dialog.submit()
    dialog.show_failure(FAILURE)
    QApplication.processEvents()
    assert dialog.height() > height and dialog.focusWidget() is dialog.vram
    dialog.vram.setText("3GB")
    QApplication.processEvents()
    assert dialog.height() == height


def test_the_dialog_is_no_taller_after_its_options_are_folded(dialog: SubmitDialog) -> None:
    QApplication.processEvents()
    height = dialog.height()
    dialog.options.toggle_button.click()
    QApplication.processEvents()
    assert dialog.height() > height
    dialog.options.toggle_button.click()
    QApplication.processEvents()
    assert dialog.height() == height


@pytest.fixture
def connected(qapp: QApplication) -> Iterator[Desktop]:
    with open_desktop(qapp) as desktop:
        yield desktop


def test_without_a_machine_it_says_so_and_a_submit_fails(connected: Desktop, qtbot: QtBot) -> None:
    project = Path(os.environ["HOME"]) / "p"
    project.mkdir()
    dialog = opened(connected, SubmitForm(folder=str(project), command="true"))
    assert dialog.where_text().startswith("No machine is connected.")
    assert not dialog.run_button.isEnabled()
    dialog.submit()
    panel = dialog.findChild(ErrorPanel)
    assert panel is not None
    qtbot.waitUntil(panel.isVisible, timeout=WITHIN_MS)
    assert connected.window.submit_dialog is dialog and dialog.run_button.isEnabled()
    assert connected.preferences.value.commands == ()


def test_settings_know_who_this_device_is(connected: Desktop, qtbot: QtBot) -> None:
    settings = connected.window.settings
    qtbot.waitUntil(lambda: len(settings._device.text()) == 64, timeout=WITHIN_MS)
    assert settings._home.text() == os.environ["LANHERD_HOME"]


def test_the_options_are_folded_until_they_say_something(desktop: Desktop) -> None:
    plain = opened(desktop, SubmitForm(command="true"))
    assert not plain.options.body.isVisible() and plain.options.summary.text()
    plain.reject()
    key = next(iter(desktop.context.room.runs))
    options = OptionsForm(
        time_limit="2h",
        attempts=3,
        retry_on=frozenset({"lost"}),
        held=True,
        priority=-5,
        niceness=3,
        tags="a, b",
        stop_signal="INT",
        grace="1m",
        after=(AfterField(key, "after"),),
        directory="src",
        pre="make",
        post="sh done.sh",
        variables="SEED=1",
        secrets=(SecretField("TOKEN", "hush"),),
        log_cap="64MB",
        log_split=True,
        notes="kept",
    )
    form = SubmitForm(command="true", machine=key[0], options=options)
    dialog = opened(desktop, form)
    assert dialog.options.body.isVisible() and dialog.form() == form
    dialog.machine.setCurrentIndex(dialog.machine.findData(machine_id("brahe")))
    assert dialog.options.after.afters() == options.after, "nothing that was said is unsaid"
    assert "on another machine" in dialog.options._problems["after"].text()
    dialog.reject()
    assert dialog.options.secrets.secrets() == ()


def test_a_run_can_wait_for_several_others_each_in_its_way(
    desktop: Desktop, dialog: SubmitDialog
) -> None:
    fields = dialog.options.after
    dialog.options.toggle_button.click()
    room = desktop.context.room
    kepler = machine_id("kepler")
    first, second = [(kepler, view.run) for view in room.open_runs_of(kepler)][:2]
    for key in (first, second):
        fields.add_button.click()
        fields.rows[-1].choose(key)
    fields.rows[1].kind.setCurrentIndex(fields.rows[1].kind.findData("after_any"))
    checked = check(dialog.form())
    assert isinstance(checked, SubmitRequest) and checked.machine == first[0]
    assert checked.options.dependencies == (
        Dependency(run=first[1], kind="after_ok"),
        Dependency(run=second[1], kind="after_any"),
    )
    fields.rows[1].choose(first)
    assert "twice" in dialog.options._problems["after"].text()
    fields.rows[1].removed.emit()
    assert dialog.run_button.isEnabled() and len(fields.afters()) == 1


def test_a_run_that_is_over_meanwhile_stays_chosen(desktop: Desktop) -> None:
    key = (machine_id("kepler"), run_id(12345))
    dialog = opened(
        desktop,
        SubmitForm(command="true", options=OptionsForm(after=(AfterField(key),))),
    )
    (row,) = dialog.options.after.rows
    assert row.key() == key and row.run.currentText().endswith("· kepler")


def test_what_is_wrong_is_said_where_it_can_be_seen(dialog: SubmitDialog) -> None:
    options = dialog.options
    options.toggle_button.click()
    options.grace.setText("soon")
    assert dialog.where_text().endswith("see beside it.")
    options.toggle_button.click()
    assert dialog.where_text().startswith("Options, Stop with: A time is a number")
    options.toggle_button.click()
    assert dialog.where_text().endswith("see beside it.")
    options.grace.setText("")
    options.toggle_button.click()
    assert dialog.where_text() == ""


def test_what_is_wrong_with_an_option_stands_beside_it(dialog: SubmitDialog) -> None:
    options = dialog.options
    options.toggle_button.click()
    options.time_limit.setText("soon")
    said = options._problems["time_limit"]
    assert said.isVisible() and "2h30m" in said.text()
    assert not dialog.run_button.isEnabled() and "options" in dialog.where_text()
    options.time_limit.setText("2h")
    assert said.isHidden()
    options.secrets.add_button.click()
    (row,) = options.secrets.rows
    assert row.value.echoMode() is QLineEdit.EchoMode.Password
    row.name.setText("TOKEN")
    assert options._problems["secrets"].text() == "'TOKEN' has no value."
    row.removed.emit()
    assert dialog.run_button.isEnabled()
    options.attempts.setValue(2)
    for box in options.causes.values():
        box.setChecked(False)
    assert options._problems["attempts"].text() == "Say after which end it is tried again."


def test_who_takes_a_row_away_stays_near_it(dialog: SubmitDialog) -> None:
    dialog.options.toggle_button.click()
    secrets = dialog.options.secrets
    for _ in range(3):
        secrets.add_button.click()
    first, second, third = secrets.rows
    assert third.name.hasFocus()
    first.remove_button.click()
    assert second.remove_button.hasFocus(), "the next one took its place"
    third.remove_button.click()
    assert second.remove_button.hasFocus(), "the last one that is left"
    second.remove_button.click()
    assert secrets.add_button.hasFocus() and secrets.rows == []


def test_no_preference_holds_a_secret(desktop: Desktop, tmp_path: Path) -> None:
    options = OptionsForm(secrets=(SecretField("TOKEN", "hush-hush"),))
    dialog = opened(desktop, SubmitForm(command="true", options=options))
    home = Path(os.environ["LANHERD_HOME"])
    desktop.preferences.remember_command(dialog.command.text())
    dialog.reject()
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert kept and not [path for path in kept if b"hush-hush" in path.read_bytes()]
