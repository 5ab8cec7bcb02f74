"""A run's log, live; of each attempt and stream, and of its environment's build."""

from dataclasses import replace
from typing import Literal

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.state.ansi import strip_escapes
from lanherd_desktop.state.log_buffer import Gap, GapKind, LogBuffer
from lanherd_desktop.state.log_times import LogTimes
from lanherd_desktop.state.room import RunKey, is_ended
from lanherd_desktop.state.silence import silent_since
from lanherd_desktop.streams import LOG_TAIL_BYTES, LogPart, LogStream
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.runs.log_search_panel import LogSearchPanel
from lanherd_desktop.views.widgets.buttons import GhostButton, MenuButton
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.log_pane import LogPane, LogState
from lanherd_desktop.views.widgets.log_tools import LogTools
from lanherd_desktop.views.words import failure_texts, moment, reason_text, sentences
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.log_messages import LogDescription
from lanherd_protocol.log_messages import LogStream as StreamName
from lanherd_protocol.states import Ended, Preparing, Queued, RunView
from lanherd_protocol.values import NoEnvironment, Reason

Choice = Literal["out", "err", "build"]
DESCRIBE_MS = 3000
BEFORE_BYTES = 1024 * 1024
"""So much is loaded before a place that somebody goes to."""
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
        self._choice: Choice = "out"
        self._wished: Choice | None = None
        self._stream: LogStream | None = None
        self._attempt = 0
        self._goal: int | None = None
        self._described: LogDescription | None = None
        self._describing = False
        self._loading = False
        self.pane = LogPane(LogBuffer())
        self.search = LogSearchPanel(context)
        self.search.chosen.connect(self.go_to)
        self.search.left.connect(self.pane.setFocus)
        self._error = ErrorPanel()
        self._error.retried.connect(self._reopen)
        self._error.setVisible(False)
        self.tools = QWidget()
        tools_row = QHBoxLayout(self.tools)
        tools_row.setContentsMargins(0, 0, 0, 4)
        tools_row.setSpacing(8)
        self._which = MenuButton("")
        self._which.hide()
        self._which.setMenu(QMenu(self._which))
        self.end_button = GhostButton(self.tr("Back to the end"))
        self.end_button.clicked.connect(self._reopen)
        self.log_tools = LogTools(self.pane)
        self.log_tools.search_all_wanted.connect(self.search.open_panel)
        tools_row.addWidget(self._which)
        tools_row.addWidget(self.end_button)
        tools_row.addWidget(self.log_tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._error)
        layout.addWidget(self.pane, 1)
        self._note = Label("", "secondary", wrap=True)
        self._note.hide()
        layout.addWidget(self._note)
        layout.addWidget(self.search)
        self.pane.more_wanted.connect(self._on_more_wanted)
        self._timer = QTimer(self)
        self._timer.setInterval(DESCRIBE_MS)
        self._timer.timeout.connect(self._describe)
        self._timer.start()
        context.room_changed.connect(self._show_loading)

    @property
    def stream(self) -> StreamName:
        """Which of the run's own logs is shown."""
        return "err" if self._choice == "err" else "out"

    def show_run(self, key: RunKey | None) -> None:
        """Another run: close what is open; `show_view` opens what its state has."""
        self._close()
        self._key = key
        self._wished = None
        self._choice = "out"
        self._attempt = 0
        self.search.close_panel()
        # Another run's log begins at its end, wherever the one before was left.
        self.pane.set_following(True)

    def show_view(self, view: RunView, attempt: int) -> None:
        """The run's state changed, or another attempt is looked at: another log may be the one."""
        latest = attempt == view.attempt
        self.log_tools.set_live(not is_ended(view) and latest)
        wanted = self._wished or (_choice_of(view) if latest else "out")
        choices = _choices(view)
        self._show_choices(choices, wanted)
        fresh = wanted != self._choice or attempt != self._attempt
        self._choice, self._attempt = wanted, attempt
        if view.files_removed_at is not None and wanted != "build":
            gone = self.tr("The run's files were removed {when}, and with them what it printed.")
            self._show_nothing(gone.format(when=moment(view.files_removed_at)))
        elif wanted != "build" and latest and isinstance(view.state, Queued | Preparing):
            begins = self.tr("The log begins when the run is started.")
            why = view.state.reason if isinstance(view.state, Queued) else None
            self._show_nothing(sentences(begins, reason_text(why) if why is not None else ""))
        elif fresh or self._stream is None:
            self._reopen()

    def _show_nothing(self, why: str) -> None:
        self._close()
        self._loading = False
        self._note.hide()
        self._error.setVisible(False)
        self.end_button.hide()
        self.pane.setVisible(True)
        if self.pane.line_count():
            self.pane.set_buffer(LogBuffer())
        self.pane.set_state(LogState.EMPTY, why)

    def close_stream(self) -> None:
        self._close()

    def last_line(self) -> str:
        """The last line of the log as it is shown; empty while there is none."""
        buffer = self.pane.buffer()
        if buffer.end_row == buffer.first_row:
            return ""
        start, end = buffer.shown_span(buffer.first_row + buffer.row_count - 1)
        return strip_escapes(buffer.read(start, end)).decode("utf-8", "replace")

    # --- which log -------------------------------------------------------------------------------

    def _choice_text(self, choice: Choice) -> str:
        texts: dict[Choice, str] = {
            "out": self.tr("Run"),
            "err": self.tr("Errors"),
            "build": self.tr("Build"),
        }
        return texts[choice]

    def _show_choices(self, choices: tuple[Choice, ...], current: Choice) -> None:
        self._which.setVisible(len(choices) > 1)
        self._which.setText(self._choice_text(current))
        menu = self._which.menu()
        if [action.data() for action in menu.actions()] == list(choices):
            return
        menu.clear()
        for choice in choices:
            action = menu.addAction(self._choice_text(choice))
            action.setData(choice)
            action.triggered.connect(lambda checked=False, choice=choice: self.choose(choice))

    def choose(self, choice: Choice) -> None:
        """Look at another of the run's logs."""
        self._wished = choice
        view = self._context.room.runs.get(self._key) if self._key is not None else None
        if view is not None:
            self.show_view(view, self._attempt)

    # --- reading ---------------------------------------------------------------------------------

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _part(self) -> LogPart:
        return LogPart(
            attempt=self._attempt,
            source="build" if self._choice == "build" else "run",
            stream=self.stream,
            tail_bytes=LOG_TAIL_BYTES,
        )

    def _reopen(self) -> None:
        """From its beginning, or the end of a long one; followed."""
        self._open(self._part(), None)

    def go_to(self, offset: int) -> None:
        """Show the line at an offset of the log, wherever that is."""
        row = self.pane.buffer().row_of(offset)
        if row is not None:
            self.pane.set_following(False)
            self.pane.mark_row(row)
            return
        begin = max(0, offset - BEFORE_BYTES)
        part = replace(self._part(), offset=begin, length=LOG_TAIL_BYTES, tail_bytes=None)
        self._open(part, offset)

    def _on_more_wanted(self, gap: Gap) -> None:
        """Of what isn't loaded, the part that borders on what is."""
        after = gap.end >= (self._described.size_bytes if self._described is not None else 0)
        self.go_to(gap.start if after else max(gap.start, gap.end - LOG_TAIL_BYTES // 2))

    def _open(self, part: LogPart, goal: int | None) -> None:
        self._close()
        self._error.setVisible(False)
        self.pane.setVisible(True)
        self._goal = goal
        self.end_button.setVisible(part.length is not None)
        if self._key is None:
            return
        self.pane.set_buffer(LogBuffer())
        self.pane.set_following(goal is None)
        self._loading = True
        self._note.hide()
        self._show_loading()
        stream = LogStream(
            *self._key,
            on_chunk=self._on_chunk,
            on_end=self._on_end,
            on_gap=self.pane.skip,
            part=part,
        )
        self._stream = self._context.bridge.open_log(stream)
        self.search.show_log(self._key, part, 0)
        self._described = None
        self._describe()

    def _show_loading(self) -> None:
        """A machine that is silent sends nothing: that is said, instead of a wait without end."""
        if not self._loading or self._key is None:
            return
        machine = self._key[0]
        if silent_since(self._context.room.machines.get(machine)) is None:
            self.pane.set_state(LogState.LOADING)
            return
        why = self.tr("{machine} can't be reached; the log comes as soon as it is back.")
        self.pane.set_state(LogState.EMPTY, why.format(machine=self._context.machine_name(machine)))

    def _on_chunk(self, data: bytes, offset: int) -> None:
        self._loading = False
        self.pane.set_state(LogState.READY)
        self.pane.append(data, offset)
        if self._goal is not None:
            row = self.pane.buffer().row_of(self._goal)
            if row is not None:
                self._goal = None
                self.pane.mark_row(row)

    def _on_end(self, failure: Failure | None) -> None:
        self._loading = False
        self._describe()
        part = self._stream.part if self._stream is not None else None
        if failure is not None and failure.code is not ErrorCode.NOT_FOUND:
            title, reason, remedy = failure_texts(failure)
            self._error.set_error(title, reason, remedy, str(failure), self.tr("Try again"))
            self._error.setVisible(True)
            self.pane.setVisible(self.pane.line_count() > 0)
        elif self.pane.line_count() == 0:
            self.pane.set_state(LogState.EMPTY, self._why_empty())
        elif part is not None and part.length is not None and self._described is not None:
            self.pane.skip(self._described.size_bytes, GapKind.NOT_LOADED)

    def _why_empty(self) -> str:
        """Of a run that did not succeed: how it ended, and what to do about it."""
        view = self._context.room.runs.get(self._key) if self._key is not None else None
        described = self._described
        gone = described is not None and described.missing
        nothing = self._gone() if gone else self.tr("It printed nothing.")
        if view is None or not isinstance(view.state, Ended) or self._attempt != view.attempt:
            return nothing
        state = view.state
        if state.started_at is None:
            return sentences(self.tr("It was never started."), reason_text(state.reason))
        # To look at the end of this log would be no advice.
        good = state.outcome == "succeeded"
        return nothing if good else sentences(nothing, reason_text(state.reason, remedy=False))

    def _gone(self) -> str:
        return self.tr(
            "The log's file isn't there any more: somebody removed it from the machine. What the "
            "run printed can't be read again."
        )

    # --- times and size --------------------------------------------------------------------------

    def _describe(self) -> None:
        """Ask how long the log is and when it grew, while somebody looks and it may have grown."""
        key, attempt, stream = self._key, self._attempt, self.stream
        known = self._described
        if key is None or self._stream is None or self._choice == "build" or self._describing:
            return
        if known is not None and known.complete:
            return

        async def describe(fleet: Fleet, job: Job[LogDescription]) -> LogDescription:
            return await fleet.run_at(*key).describe_log(attempt=attempt, stream=stream)

        def on_done(description: LogDescription) -> None:
            self._describing = False
            if (key, attempt, stream) == (self._key, self._attempt, self.stream):
                self.show_description(description)

        def on_failed(failure: Failure) -> None:
            # The log itself says what is wrong; its times are a help that may be lacking.
            self._describing = False

        self._describing = True
        self._context.ask(describe, on_done, on_failed)

    def show_description(self, description: LogDescription) -> None:
        """How long the log is, and when its lines were printed."""
        self._described = description
        self.pane.set_times(LogTimes(description.times))
        cap = self.tr("The log's cap can't be kept: {why}").format(why=description.problem)
        if description.missing and self.pane.line_count() == 0:
            # Also of a run that goes on: what it prints comes to light no more.
            self._loading = False
            self.pane.set_state(LogState.EMPTY, self._why_empty())
        gone = self._gone() if description.missing and self.pane.line_count() else ""
        note = cap if description.problem else gone
        self._note.set_text(note)
        self._note.setVisible(bool(note))
        self.search.show_log(self._key, self._part(), description.size_bytes)
        self.search.show_description(description)


def _choices(view: RunView) -> tuple[Choice, ...]:
    choices: list[Choice] = ["out"]
    if view.spec.log.split:
        choices.append("err")
    if not isinstance(view.spec.environment, NoEnvironment):
        choices.append("build")
    return tuple(choices)


def _choice_of(view: RunView) -> Choice:
    """The build's log while the environment is built, and when the run ended because of it."""
    if isinstance(view.spec.environment, NoEnvironment):
        return "out"
    match view.state:
        case Preparing():
            return "build"
        case Ended(started_at=None, outcome="failed", reason=Reason(code=code)):
            return "build" if code in _OF_THE_BUILD else "out"
        case _:
            return "out"
