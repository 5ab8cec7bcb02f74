"""Settings: how the window looks and speaks, and who this device is."""

from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QComboBox, QFormLayout, QVBoxLayout, QWidget

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.platform.preferences import LANGUAGES, THEMES, ThemeChoice
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme import theme
from lanherd_desktop.views.theme.tokens import SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.words import english, preferences_problem_text
from lanherd_protocol.version import __version__


class SettingsPage(QWidget):
    """Each choice is taken at once; nothing here needs a restart."""

    language_changed = Signal()

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        chosen = context.preferences.value
        self.theme = self._choice(
            self.tr("Theme"),
            (self.tr("As the system"), self.tr("Dark"), self.tr("Light")),
            THEMES.index(chosen.theme),
        )
        self.language = self._choice(
            self.tr("Language"),
            (self.tr("As the system"), "English", "简体中文"),
            LANGUAGES.index(chosen.language),
        )
        self._device = _value(self.tr("This device"))
        self._home = _value(self.tr("Its data"))
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE_5)
        form.setVerticalSpacing(SPACE_4)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(Label(self.tr("Theme"), "muted"), self.theme)
        form.addRow(Label(self.tr("Language"), "muted"), self.language)
        form.addRow(Label(self.tr("This device"), "muted"), self._device)
        form.addRow(Label(self.tr("Its data"), "muted"), self._home)
        form.addRow(Label(self.tr("Version"), "muted"), Label(__version__, "base"))
        broken = context.preferences.problem
        problem = Label(
            preferences_problem_text(broken) if broken is not None else "", "danger", wrap=True
        )
        problem.setVisible(broken is not None)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_5)
        layout.addWidget(Label(self.tr("Settings"), "title"))
        layout.addWidget(problem)
        layout.addLayout(form)
        layout.addStretch(1)
        self.theme.currentIndexChanged.connect(self._on_theme)
        self.language.currentIndexChanged.connect(self._on_language)
        context.ask(_who, self.show_device, lambda failure: self._device.setText(failure.title))

    def next_theme(self) -> None:
        """Light when it is dark now, else dark."""
        self.theme.setCurrentIndex(THEMES.index("light" if theme.is_dark() else "dark"))

    def next_language(self) -> None:
        """Chinese when it is English now, else English."""
        self.language.setCurrentIndex(LANGUAGES.index("zh_CN" if english() else "en"))

    def _choice(self, name: str, texts: tuple[str, ...], current: int) -> QComboBox:
        box = QComboBox()
        box.addItems(list(texts))
        box.setCurrentIndex(current)
        box.setAccessibleName(name)
        box.setFixedWidth(280)
        return box

    def _on_theme(self, index: int) -> None:
        choice: ThemeChoice = THEMES[index]
        self._context.preferences.change(theme=choice)
        theme.apply(cast(QApplication, QApplication.instance()), choice)

    def _on_language(self, index: int) -> None:
        self._context.preferences.change(language=LANGUAGES[index])
        self.language_changed.emit()

    def show_device(self, who: tuple[str, str]) -> None:
        """The id of this controller, and the folder of its data."""
        device, home = who
        self._device.setText(device)
        self._home.setText(home)


async def _who(fleet: Fleet, job: Job[tuple[str, str]]) -> tuple[str, str]:
    return fleet.device, str(fleet.home)


def _value(name: str) -> Label:
    label = Label("", "mono", wrap=True)
    label.setAccessibleName(name)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
