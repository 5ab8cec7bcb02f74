"""One run: what it is, its log, its outputs; of each of its attempts."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from lanherd_desktop.state.attempts import attempt_row, attempt_to_show, attempts
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.room import RoomChange, RunKey, is_ended
from lanherd_desktop.state.run_commands import RunCommand, commands
from lanherd_desktop.state.runs import chip_kind, run_title
from lanherd_desktop.state.submit_form import form_of_run
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.outputs.panel import OutputsPanel
from lanherd_desktop.views.runs.detail_numbers import detail_numbers
from lanherd_desktop.views.runs.log_saving import LogSaver
from lanherd_desktop.views.runs.log_tab import LogTab
from lanherd_desktop.views.runs.overview import RunOverview
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.action_bar import ConfirmBar
from lanherd_desktop.views.widgets.buttons import DangerButton, GhostButton, MenuButton
from lanherd_desktop.views.widgets.chip import Chip, chip_text
from lanherd_desktop.views.widgets.labels import ElidedLabel
from lanherd_desktop.views.widgets.numbers_line import NumbersLine
from lanherd_desktop.views.widgets.tab_bar import TabBar
from lanherd_protocol.states import RunView

TAB_OVERVIEW, TAB_LOG, TAB_OUTPUTS = "overview", "log", "outputs"
TABS = (TAB_OVERVIEW, TAB_LOG, TAB_OUTPUTS)
WIDTH, WIDTH_WITH_ATTEMPTS = 640, 760
"""So wide it is at least with the tools of the log beside the tabs."""


class RunDetail(QWidget):
    """Follows one run; its streams are open until it shows another one."""

    run_shown = Signal(object)
    """A RunKey."""
    command_wanted = Signal(object, object)
    """A RunCommand, for the run (RunKey) that is shown."""
    settings_changed = Signal(object, object, str)
    """The RunKey, and its new tags and notes."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._key: RunKey | None = None
        self._chosen_attempt: int | None = None
        self._asked = False
        self._chip = Chip(ChipKind.WAITING)
        self._title = ElidedLabel("", "title")
        self._again = GhostButton(self.tr("Run again…"))
        self._again.clicked.connect(lambda: self._want(RunCommand.AGAIN))
        self.release_button = GhostButton(self.tr("Release"))
        self.release_button.clicked.connect(lambda: self._want(RunCommand.RELEASE))
        self.stop_button = DangerButton(self.tr("Stop"))
        self.stop_button.clicked.connect(lambda: self._want(RunCommand.STOP))
        self.more_button = MenuButton(self.tr("More"))
        self.confirm = ConfirmBar()
        self.saver = LogSaver(context)
        self._numbers = NumbersLine()
        self.tabs = TabBar()
        self.tabs.add_tab(TAB_OVERVIEW, self.tr("Overview"))
        self.tabs.add_tab(TAB_LOG, self.tr("Log"))
        self.tabs.add_tab(TAB_OUTPUTS, self.tr("Outputs"))
        self.overview = RunOverview(context)
        self.log = LogTab(context)
        self.outputs = OutputsPanel(context)
        self.attempt_button = MenuButton("")
        self.attempt_button.setMenu(QMenu(self.attempt_button))
        self.attempt_button.hide()
        self._stack = QStackedWidget()
        for page in (self.overview, self.log, self.outputs):
            self._stack.addWidget(page)
        self._tools = QWidget()
        which_row = QHBoxLayout()
        # As high over the line as the tools of the log beside it.
        which_row.setContentsMargins(0, 0, 0, 4)
        which_row.addWidget(self.attempt_button)
        tools_row = QHBoxLayout(self._tools)
        tools_row.setContentsMargins(0, 0, 0, 0)
        tools_row.setSpacing(SPACE_2)
        tools_row.addLayout(which_row)
        tools_row.addWidget(self.log.tools, 1)
        self.tabs.corner.addWidget(self._tools)
        self._lay()
        self.tabs.selected.connect(self._on_tab)
        self.overview.attempt_chosen.connect(self._on_attempt_activated)
        self.overview.settings_changed.connect(self._on_settings)
        self.overview.log_wanted.connect(self.show_in_log)
        self.outputs.count_changed.connect(
            lambda count: self.tabs.set_count(TAB_OUTPUTS, count or None)
        )
        context.room_changed.connect(self._on_room_changed)
        context.second_passed.connect(self._on_second)
        self.show_tab(TAB_LOG)

    def _lay(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._chip)
        head.addWidget(self._title, 1)
        for button in (self.release_button, self._again, self.stop_button, self.more_button):
            head.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self.confirm)
        layout.addWidget(self.saver.bar)
        layout.addWidget(self._numbers)
        layout.addWidget(self.tabs)
        self._below = QHBoxLayout()
        layout.addLayout(self._below)
        layout.addWidget(self._stack, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Where it is narrow, the tools of the log stand below the tabs, and what the menu has too
        gives way to the title."""
        least = WIDTH_WITH_ATTEMPTS if self._has_attempts() else WIDTH
        row = self._below if self.width() < least else self.tabs.corner
        if row.indexOf(self._tools) < 0:
            row.addWidget(self._tools)
        self._refresh_again()

    @property
    def key(self) -> RunKey | None:
        return self._key

    @property
    def view(self) -> RunView | None:
        return self._context.room.runs.get(self._key) if self._key is not None else None

    @property
    def attempt(self) -> int:
        """The attempt whose log and outputs are shown; 0 while there is no run."""
        view = self.view
        if view is None:
            return 0
        if self._chosen_attempt is not None and attempt_row(view, self._chosen_attempt):
            return self._chosen_attempt
        return attempt_to_show(view)

    def show_run(self, key: RunKey | None) -> None:
        """Show another run, at the tab that is open."""
        if key == self._key:
            return
        self._key = key
        self._chosen_attempt = None
        self.confirm.close_bar()
        self.overview.editor.close_editor()
        self.tabs.set_count(TAB_OUTPUTS, None)
        self.log.show_run(key)
        self._refresh()
        self.outputs.show_run(key, self._attempt_of_outputs())
        if key is not None:
            self.run_shown.emit(key)

    def show_tab(self, tab: str) -> None:
        self.tabs.set_current(tab)
        self._on_tab(tab)

    def show_attempt(self, number: int) -> None:
        """Show the log and the outputs of another attempt."""
        view = self.view
        if view is None or number == self.attempt:
            return
        # The latest one is followed: when another begins, that is the one to look at.
        self._chosen_attempt = None if number == attempt_to_show(view) else number
        self._refresh()
        self.outputs.show_run(self._key, self._attempt_of_outputs())

    def show_in_log(self, stream: str, offset: int) -> None:
        """The lines of the latest attempt's log that show why it failed."""
        if self.view is None:
            return
        self.show_attempt(self.view.attempt)
        self.show_tab(TAB_LOG)
        self.log.choose("err" if stream == "err" else "out")
        self.log.go_to(offset)

    def run_again(self) -> None:
        """The submit dialog, filled with what this run was."""
        view, key = self.view, self._key
        if view is None or key is None:
            return
        known = self._context.preferences.value.projects
        self._context.submit_wanted.emit(form_of_run(view, key[0], known))

    def edit(self) -> None:
        """Open the editor of tags and notes."""
        if self.view is not None:
            self.show_tab(TAB_OVERVIEW)
            self.overview.edit(self.view)

    def save_log(self) -> None:
        """Ask for a place and download the log that is shown there."""
        view, key = self.view, self._key
        if view is not None and key is not None:
            self.saver.ask(key, run_title(view), self.attempt, self.log.stream)

    def _want(self, command: RunCommand) -> None:
        if self._key is not None:
            self.command_wanted.emit(command, self._key)

    def set_stop_asked(self, asked: bool) -> None:
        """Whether a stop was asked for that the machine hasn't taken yet."""
        self._asked = asked
        self._refresh_buttons()

    def _attempt_of_outputs(self) -> int:
        view = self.view
        return self.attempt if view is not None and self.attempt != view.attempt else 0

    def _on_attempt_activated(self, number: int) -> None:
        self.show_attempt(number)
        self.show_tab(TAB_LOG)

    def _on_settings(self, tags: tuple[str, ...], notes: str) -> None:
        if self._key is not None:
            self.settings_changed.emit(self._key, tags, notes)

    def _on_tab(self, tab: str) -> None:
        self._stack.setCurrentIndex(TABS.index(tab))
        self.log.tools.setVisible(tab == TAB_LOG)
        self._refresh_attempts()

    def _on_room_changed(self, change: RoomChange) -> None:
        if self._key is None:
            return
        view = self.view
        if view is not None and change.runs and self.overview.isVisible():
            self.overview.refresh_group(view)
        others = {d.run for d in view.spec.dependencies} if view is not None else set()
        if self._key in change.runs:
            before = self._attempt_of_outputs()
            self._refresh()
            if self._attempt_of_outputs() != before:
                self.outputs.show_run(self._key, self._attempt_of_outputs())
        elif view is not None and any((self._key[0], run) in change.runs for run in others):
            self.overview.show_view(self._key[0], view)
        elif self._key[0] in change.machines:
            self._refresh_numbers()
            if self.overview.isVisible():
                self.overview.why.refresh()

    def _on_second(self) -> None:
        if self.isVisible():
            self._refresh_numbers()
            self.overview.refresh_times()

    def _refresh(self) -> None:
        view = self.view
        self.setEnabled(view is not None)
        if view is None or self._key is None:
            return
        self._chip.set_kind(chip_kind(view))
        self._title.setText(run_title(view))
        self._refresh_buttons()
        self._refresh_attempts()
        self.overview.show_view(self._key[0], view)
        self.log.show_view(view, self.attempt)
        self._refresh_numbers()

    def _refresh_buttons(self) -> None:
        """Stop is offered while the run goes on; asked for once, until the machine has taken it."""
        view = self.view
        goes_on = view is not None and not is_ended(view)
        offered = commands(view) if view is not None else frozenset()
        may_stop = RunCommand.STOP in offered and not self._asked
        if self.stop_button.hasFocus() and not may_stop:
            # Qt would hand it to whatever comes next.
            self.tabs.focus_current()
        self.stop_button.setEnabled(may_stop)
        self.stop_button.setVisible(goes_on)
        self.release_button.setVisible(RunCommand.RELEASE in offered)
        self._refresh_again()

    def _refresh_again(self) -> None:
        view = self.view
        held = view is not None and RunCommand.RELEASE in commands(view)
        self._again.setVisible(not held and self.width() >= WIDTH)

    def _has_attempts(self) -> bool:
        view = self.view
        return view is not None and bool(view.earlier)

    def _refresh_attempts(self) -> None:
        view = self.view
        rows = attempts(view) if view is not None else ()
        self.attempt_button.setVisible(len(rows) > 1 and self.tabs.current() != TAB_OVERVIEW)
        on_log = self.tabs.current() == TAB_LOG
        self._tools.setVisible(on_log or not self.attempt_button.isHidden())
        self._fit()
        if len(rows) < 2:
            return
        self.attempt_button.setText(
            self.tr("Attempt {number} of {count}").format(number=self.attempt, count=len(rows))
        )
        menu = self.attempt_button.menu()
        menu.clear()
        for row in rows:
            text = self.tr("Attempt {number} · {state}").format(
                number=row.number, state=chip_text(row.kind)
            )
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(row.number == self.attempt)
            action.triggered.connect(
                lambda checked=False, number=row.number: self.show_attempt(number)
            )

    def _refresh_numbers(self) -> None:
        view, key = self.view, self._key
        if view is not None and key is not None:
            self._numbers.set_numbers(detail_numbers(self._context, key, view))
