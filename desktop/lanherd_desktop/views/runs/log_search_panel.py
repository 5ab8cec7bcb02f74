"""A search through all of a log on its machine: how far it is, and the lines that match."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.state import numbers
from lanherd_desktop.state.ansi import readable
from lanherd_desktop.state.log_times import LogTimes
from lanherd_desktop.state.remote_search import FoundLine, RemoteSearch, SearchQuery
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.streams import LogPart, SearchStream
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import mono_font
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.search_field import SearchField
from lanherd_desktop.views.words import failure_line, moment
from lanherd_protocol.errors import Failure
from lanherd_protocol.log_messages import LogDescription, LogMatches

HEIGHT = 220


class LogSearchPanel(QWidget):
    """Open while somebody searches; `chosen` says where a line begins in the log."""

    chosen = Signal(object)
    """The offset of a line that was found, an int beyond 32 bits."""
    left = Signal()
    """It was closed, and had the focus."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._key: RunKey | None = None
        self._part = LogPart()
        self._size_bytes = 0
        self._gap_from: int | None = None
        self._times = LogTimes()
        self._stream: SearchStream | None = None
        self.search: RemoteSearch | None = None
        self.field = SearchField(self.tr("Search all of the log on its machine"))
        self.regex = QCheckBox(self.tr("regular expression"))
        self.exact = QCheckBox(self.tr("match case"))
        self._state = Label("", "secondary")
        self._problem = Label("", "danger", wrap=True)
        self._problem.hide()
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._progress.setAccessibleName(self.tr("Progress"))
        self._progress.setMaximumWidth(140)
        self.cancel_button = GhostButton(self.tr("Cancel"))
        close = IconButton(IconName.X, self.tr("Close the search"))
        self.lines = QListWidget()
        self.lines.setFrameShape(QFrame.Shape.NoFrame)
        self.lines.setProperty("frame", "card")
        self.lines.setUniformItemSizes(True)
        self.lines.setFont(mono_font())
        self.lines.setAccessibleName(self.tr("Lines that match"))
        self.lines.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.lines.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._lay(close)
        self.field.query_changed.connect(self._begin)
        self.regex.toggled.connect(self._begin)
        self.exact.toggled.connect(self._begin)
        self.cancel_button.clicked.connect(self.cancel)
        close.clicked.connect(self.close_panel)
        self.field.cancelled.connect(self.close_panel)
        self.lines.itemActivated.connect(self._on_item)
        self.lines.itemClicked.connect(self._on_item)
        self.setFixedHeight(HEIGHT)
        self.hide()

    def _lay(self, close: QWidget) -> None:
        head = QHBoxLayout()
        head.setSpacing(tokens.SPACE_3)
        head.addWidget(self.field, 1)
        for part in (self.regex, self.exact, self._state, self._progress):
            head.addWidget(part)
        head.addWidget(self.cancel_button)
        head.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, tokens.SPACE_2, 0, 0)
        layout.setSpacing(tokens.SPACE_2)
        layout.addLayout(head)
        layout.addWidget(self._problem)
        layout.addWidget(self.lines, 1)

    def show_log(self, key: RunKey | None, part: LogPart, size_bytes: int) -> None:
        """Which log is searched; another one begins without a search."""
        if (key, part.attempt, part.stream) != (self._key, self._part.attempt, self._part.stream):
            self.cancel()
            self.search = None
            self.lines.clear()
            self._tell("")
        self._key, self._part, self._size_bytes = key, part, size_bytes

    def show_description(self, description: LogDescription) -> None:
        """What was given up of the log, and when its lines were printed."""
        self._gap_from = description.gap_from if description.gap_to else None
        self._times = LogTimes(description.times)

    def open_panel(self, text: str) -> None:
        """Search for a text; with none, ask for it."""
        self.show()
        if text and text != self.field.query():
            self.field.set_query(text)
        self.field.setFocus()
        self.field.selectAll()

    def close_panel(self) -> None:
        self.cancel()
        focused = QApplication.focusWidget()
        was_here = focused is not None and self.isAncestorOf(focused)
        self.hide()
        if was_here:
            self.left.emit()

    def cancel(self) -> None:
        """End the search; what was found stays."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self._end()

    def _begin(self) -> None:
        self.cancel()
        self.lines.clear()
        text = self.field.query()
        if not text or self._key is None:
            self.search = None
            self._tell("")
            return
        query = SearchQuery(text, self.regex.isChecked(), not self.exact.isChecked())
        self.search = RemoteSearch(query, self._size_bytes)
        self._stream = self._context.bridge.search_log(
            SearchStream(
                *self._key,
                query=query,
                part=self._part,
                on_found=self.show_found,
                on_end=self._on_end,
            )
        )
        self._show_progress()

    def show_found(self, found: LogMatches) -> None:
        """Some more was searched."""
        if self.search is None:
            return
        for line in self.search.take(found.searched_to, found.matches):
            item = QListWidgetItem(self._line_text(line))
            item.setData(Qt.ItemDataRole.UserRole, line.offset)
            self.lines.addItem(item)
        self._show_progress()

    def _on_end(self, failure: Failure | None) -> None:
        self._stream = None
        self._end()
        if failure is not None:
            self._tell("", failure_line(failure))

    def _end(self) -> None:
        if self.search is not None:
            self.search.end()
        self._show_progress()

    def _show_progress(self) -> None:
        search = self.search
        under_way = search is not None and not search.over
        self._progress.setVisible(under_way)
        self.cancel_button.setVisible(under_way)
        if search is None:
            return
        self._progress.setValue(round(search.share * 1000))
        count = numbers.count(len(search.lines)) + ("+" if search.capped else "")
        if len(search.lines) == 1:
            self._tell(self.tr("one line"))
        elif search.lines or under_way:
            self._tell(self.tr("{count} lines").format(count=count))
        else:
            self._tell(self.tr("Nothing found"))

    def _tell(self, text: str, problem: str = "") -> None:
        """What is wrong has a line of its own: it says what and why."""
        self._state.set_text(text)
        self._problem.set_text(problem)
        self._problem.setVisible(bool(problem))

    def _on_item(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))

    def _line_text(self, line: FoundLine) -> str:
        """Its number and time, and the line from a little before the match on.

        Behind what was given up for the log's cap nobody knows a line's number.
        """
        known = self._gap_from is None or line.offset < self._gap_from
        number = numbers.count(line.number + 1) if known else "…"
        at = self._times.at(line.offset)
        when = moment(at) if at is not None else ""
        begin = max(0, line.start - 40)
        cut = "…" if begin else ""
        return f"{number:>9}  {when:<8}  {cut}{readable(line.text[begin:].encode())}"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_panel()
        else:
            super().keyPressEvent(event)
