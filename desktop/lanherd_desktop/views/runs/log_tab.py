"""A run's log, live; and the log of its environment's build."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from lanherd_desktop.state.ansi import strip_escapes
from lanherd_desktop.state.log_buffer import LogBuffer
from lanherd_desktop.state.room import RunKey, is_ended
from lanherd_desktop.streams import LogStream
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.widgets.buttons import MenuButton
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.log_pane import LogPane, LogState
from lanherd_desktop.views.widgets.log_tools import LogTools
from lanherd_desktop.views.words import failure_texts, reason_text, sentences
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.messages import LogSource
from lanherd_protocol.states import Ended, Preparing, Queued, RunView
from lanherd_protocol.values import NoEnvironment, Reason

_OF_THE_BUILD = frozenset(
    {
        ErrorCode.ENVIRONMENT_FAILED.value,
        ErrorCode.LOCK_UNRESOLVABLE.value,
        ErrorCode.TIMED_OUT.value,
        ErrorCode.DISK_FULL.value,
    }
)


class LogTab(QWidget):
    """Shows one log at a time: the run's own, or the build's while its environment is built."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._key: RunKey | None = None
        self._source: LogSource = "run"
        self._chosen: LogSource | None = None
        self._stream: LogStream | None = None
        self._attempt = 0
        self.pane = LogPane(LogBuffer())
        self._error = ErrorPanel()
        self._error.retried.connect(self._open)
        self._error.setVisible(False)
        self.tools = QWidget()
        tools_row = QHBoxLayout(self.tools)
        tools_row.setContentsMargins(0, 0, 0, 4)
        tools_row.setSpacing(8)
        self._which = MenuButton(self.tr("Run"))
        self._which.setMenu(self._menu())
        self.log_tools = LogTools(self.pane)
        tools_row.addWidget(self._which)
        tools_row.addWidget(self.log_tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._error)
        layout.addWidget(self.pane, 1)

    def show_run(self, key: RunKey | None) -> None:
        """Another run: close what is open; `show_view` opens what its state has."""
        self._close()
        self._key = key
        self._chosen = None
        self._source = "run"
        self._attempt = 0
        # Another run's log begins at its end, wherever the one before was left.
        self.pane.set_following(True)

    def show_view(self, view: RunView) -> None:
        """The run's state changed: another log may be the one to look at."""
        self.log_tools.set_live(not is_ended(view))
        has_build = not isinstance(view.spec.environment, NoEnvironment)
        self._which.setVisible(has_build)
        wanted = self._chosen or _source_of(view)
        fresh = wanted != self._source or view.attempt != self._attempt
        self._attempt = view.attempt
        if wanted == "run" and isinstance(view.state, Queued | Preparing):
            self._close()
            self.pane.set_state(LogState.EMPTY, self.tr("The log begins when the run is started."))
            self._source = wanted
            return
        if fresh or self._stream is None:
            self._source = wanted
            self._open()

    def close_stream(self) -> None:
        self._close()

    def last_line(self) -> str:
        """The last line of the log as it is shown; empty while there is none."""
        buffer = self.pane.buffer()
        if buffer.end_row == buffer.first_row:
            return ""
        start, end = buffer.shown_span(buffer.first_row + buffer.row_count - 1)
        return strip_escapes(buffer.read(start, end)).decode("utf-8", "replace")

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for source, text in (("run", self.tr("Run")), ("build", self.tr("Build"))):
            action = QAction(text, menu)
            action.triggered.connect(
                lambda checked=False, source=source, text=text: self._choose(source, text)
            )
            menu.addAction(action)
        return menu

    def _choose(self, source: LogSource, text: str) -> None:
        self._which.setText(text)
        self._chosen = source
        view = self._context.room.runs.get(self._key) if self._key is not None else None
        if view is not None:
            self.show_view(view)

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> None:
        self._close()
        self._error.setVisible(False)
        self.pane.setVisible(True)
        if self._key is None:
            return
        self.pane.set_buffer(LogBuffer())
        self.pane.set_following(True)
        self.pane.set_state(LogState.LOADING)
        self._which.setText(self.tr("Run") if self._source == "run" else self.tr("Build"))
        stream = LogStream(
            *self._key,
            on_chunk=self._on_chunk,
            on_end=self._on_end,
            source=self._source,
            attempt=self._attempt,
        )
        self._stream = self._context.bridge.open_log(stream)

    def _on_chunk(self, data: bytes, offset: int) -> None:
        self.pane.set_state(LogState.READY)
        self.pane.append(data, offset)

    def _on_end(self, failure: Failure | None) -> None:
        if failure is not None and failure.code is not ErrorCode.NOT_FOUND:
            title, reason, remedy = failure_texts(failure)
            retry = QCoreApplication.translate("LogTab", "Try again")
            self._error.set_error(title, reason, remedy, str(failure), retry)
            self._error.setVisible(True)
            self.pane.setVisible(self.pane.line_count() > 0)
        elif self.pane.line_count() == 0:
            self.pane.set_state(LogState.EMPTY, self._why_empty())

    def _why_empty(self) -> str:
        """Of a run that ended before it was started: how, and what to do about it."""
        view = self._context.room.runs.get(self._key) if self._key is not None else None
        if view is not None and isinstance(view.state, Ended) and view.state.started_at is None:
            return sentences(self.tr("It was never started."), reason_text(view.state.reason))
        return self.tr("It printed nothing.")


def _source_of(view: RunView) -> LogSource:
    """The build's log while the environment is built, and when the run ended because of it."""
    if isinstance(view.spec.environment, NoEnvironment):
        return "run"
    match view.state:
        case Preparing():
            return "build"
        case Ended(started_at=None, outcome="failed", reason=Reason(code=code)):
            return "build" if code in _OF_THE_BUILD else "run"
        case _:
            return "run"
