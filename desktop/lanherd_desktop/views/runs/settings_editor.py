"""Tags and notes of a run, changed in place."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout

from lanherd_desktop.state.run_settings import (
    SettingsProblem,
    notes_problem,
    split_tags,
    tags_line,
    tags_problem,
)
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton, PrimaryButton
from lanherd_desktop.views.widgets.card import CardFrame
from lanherd_desktop.views.widgets.labels import Label
from lanherd_protocol.limits import NOTES_CHARS_MAX, TAG_CHARS_MAX, TAGS_PER_RUN_MAX
from lanherd_protocol.values import RunSettings

NOTES_HEIGHT = 96


class SettingsEditor(CardFrame):
    """`saved` with the tags and the notes as they were written; nothing is sent from here."""

    saved = Signal(object, str)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__("")
        self.set_title(self.tr("Tags and notes"))
        self.tags = QLineEdit()
        self.tags.setPlaceholderText(self.tr("such as: sweep, baseline"))
        self.tags.setAccessibleName(self.tr("Tags"))
        self.notes = QPlainTextEdit()
        self.notes.setFixedHeight(NOTES_HEIGHT)
        self.notes.setProperty("frame", "field")
        self.notes.setTabChangesFocus(True)
        self.notes.setPlaceholderText(self.tr("What is this run about?"))
        self.notes.setAccessibleName(self.tr("Notes"))
        self._problem = Label("", "danger", wrap=True)
        self.save_button = PrimaryButton(self.tr("Save"))
        cancel = GhostButton(self.tr("Cancel"))
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE_5)
        form.setVerticalSpacing(SPACE_3)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(Label(self.tr("Tags"), "muted"), self.tags)
        form.addRow(Label(self.tr("Notes"), "muted"), self.notes)
        foot = QHBoxLayout()
        foot.setSpacing(SPACE_2)
        foot.addWidget(self._problem, 1)
        foot.addWidget(cancel)
        foot.addWidget(self.save_button)
        whole = QVBoxLayout()
        whole.setSpacing(SPACE_3)
        whole.addLayout(form)
        whole.addLayout(foot)
        self.body.addLayout(whole)
        self.tags.textChanged.connect(self._check)
        self.notes.textChanged.connect(self._check)
        self.tags.returnPressed.connect(self.save)
        self.save_button.clicked.connect(self.save)
        cancel.clicked.connect(self.close_editor)
        self.hide()

    def open_editor(self, settings: RunSettings) -> None:
        self.tags.setText(tags_line(settings.tags))
        self.notes.setPlainText(settings.notes)
        self.show()
        self.tags.setFocus()

    def close_editor(self) -> None:
        self.hide()
        self.closed.emit()

    def save(self) -> None:
        if not self.save_button.isEnabled():
            return
        tags, notes = split_tags(self.tags.text()), self.notes.toPlainText().strip()
        self.close_editor()
        self.saved.emit(tags, notes)

    def _check(self) -> None:
        problem = tags_problem(split_tags(self.tags.text()))
        problem = problem or notes_problem(self.notes.toPlainText().strip())
        self._problem.set_text("" if problem is None else settings_problem_text(problem))
        self.save_button.setEnabled(problem is None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_editor()
        else:
            super().keyPressEvent(event)


def settings_problem_text(problem: SettingsProblem) -> str:
    """What is wrong with tags or notes."""
    texts: dict[SettingsProblem, str] = {
        "tags_many": QCoreApplication.translate("SettingsEditor", "A run has at most {n} tags."),
        "tag_long": QCoreApplication.translate(
            "SettingsEditor", "A tag has at most {n} characters."
        ),
        "notes_long": QCoreApplication.translate(
            "SettingsEditor", "Notes have at most {n} characters."
        ),
    }
    limits = {
        "tags_many": TAGS_PER_RUN_MAX,
        "tag_long": TAG_CHARS_MAX,
        "notes_long": NOTES_CHARS_MAX,
    }
    return texts[problem].format(n=limits[problem])
