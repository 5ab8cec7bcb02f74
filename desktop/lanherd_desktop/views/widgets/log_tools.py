"""The tools of a log: find, the count, up and down, and whether the view follows."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.log_search import MATCHES_MAX
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.buttons import IconButton, MenuButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.log_pane import LogPane
from lanherd_desktop.views.widgets.search_field import SearchField

_FIELD_WIDTH, _FIELD_WIDTH_LEAST = 220, 90


class LogTools(QWidget):
    search_all_wanted = Signal(str)
    """Search all of the log on its machine, for this text."""

    def __init__(self, pane: LogPane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pane = pane
        self._field = SearchField("")
        # It gives way first where the window is narrow.
        self._field.setMinimumWidth(_FIELD_WIDTH_LEAST)
        self._field.setMaximumWidth(_FIELD_WIDTH)
        self._count = Label("", "secondary")
        self._count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._previous = IconButton(IconName.CHEVRON_UP, self.tr("Previous match"))
        self._next = IconButton(IconName.CHEVRON_DOWN, self.tr("Next match"))
        self._search_all = IconButton(
            IconName.SERVER, self.tr("Search all of the log on its machine")
        )
        self._follow = MenuButton("")
        self._build()
        self._connect()
        self._field.set_placeholder(self.tr("Find in the log"))
        self._show_following(pane.following())
        self._show_found(0, 0, True)

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(tokens.SPACE_1)
        for part in (self._count, self._previous, self._next, self._field, self._search_all):
            row.addWidget(part)
        row.addSpacing(tokens.SPACE_2)
        row.addWidget(self._follow)
        # Both words have the same room: the button doesn't change its width.
        metrics = QFontMetrics(self._follow.font())
        words = (self.tr("Following"), self.tr("Paused"))
        self._follow.setMinimumWidth(max(map(metrics.horizontalAdvance, words)) + 56)
        menu = QMenu(self._follow)
        self._follow_action = menu.addAction(self.tr("Follow the end"))
        self._pause_action = menu.addAction(self.tr("Stay here"))
        for action in (self._follow_action, self._pause_action):
            action.setCheckable(True)
        menu.addSeparator()
        self._top_action = menu.addAction(self.tr("Go to the beginning"))
        self._follow.setMenu(menu)

    def _connect(self) -> None:
        pane = self._pane
        self._field.query_changed.connect(pane.find_text)
        self._field.cancelled.connect(pane.setFocus)
        self._field.installEventFilter(self)
        self._search_all.clicked.connect(self.search_all)
        self._previous.clicked.connect(pane.find_previous)
        self._next.clicked.connect(pane.find_next)
        self._follow_action.triggered.connect(lambda: pane.set_following(True))
        self._pause_action.triggered.connect(lambda: pane.set_following(False))
        self._top_action.triggered.connect(lambda: pane.show_row(pane.buffer().first_row))
        pane.following_changed.connect(self._show_following)
        pane.found.connect(self._show_found)
        pane.find_requested.connect(self.focus_field)

    def focus_field(self) -> None:
        self._field.setFocus()
        self._field.selectAll()

    def field(self) -> SearchField:
        return self._field

    def search_all(self) -> None:
        """Look for what stands in the field in all of the log, loaded or not."""
        self.search_all_wanted.emit(self._field.query())

    def count_text(self) -> str:
        return self._count.text()

    def set_live(self, live: bool) -> None:
        """Of a log that grows no more there is nothing to follow."""
        self._follow.setVisible(live)

    def _show_following(self, following: bool) -> None:
        self._follow.setText(self.tr("Following") if following else self.tr("Paused"))
        self._follow_action.setChecked(following)
        self._pause_action.setChecked(not following)

    def _show_found(self, current: int, total: int, done: bool) -> None:
        asked = bool(self._field.query())
        for part in (self._count, self._previous, self._next):
            part.setVisible(asked)
            part.setEnabled(total > 0)
        more = "+" if total >= MATCHES_MAX else "" if done else "…"
        if total:
            text = self.tr("{0} of {1}").format(numbers.count(current), numbers.count(total) + more)
        else:
            text = self.tr("Nothing found") if done else self.tr("Searching…")
        self._count.set_text(text if asked else "")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            backwards = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            if enter and self._field.query() == self._field.sent():
                (self._pane.find_previous if backwards else self._pane.find_next)()
                return True
        return super().eventFilter(watched, event)
