"""Runs: the list stays at the left while the detail changes."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from lanherd_desktop.models.run_list import RunListModel
from lanherd_desktop.state.room import RoomChange, RunKey
from lanherd_desktop.state.run_commands import RunCommand
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.room_stack import RoomStack
from lanherd_desktop.views.run_list_pane import LIST_WIDTH, RunListPane
from lanherd_desktop.views.runs.commands import RunCommands
from lanherd_desktop.views.runs.detail import RunDetail
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.words import run_signs_tooltip, run_spoken, run_subtitle


class RunsPage(QWidget):
    """The list of runs, and the detail of one."""

    offered_changed = Signal()
    """Other commands are offered than before."""
    menu_wanted = Signal(QPoint)

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self.model = RunListModel(
            run_subtitle, context.run_trailing, run_spoken, run_signs_tooltip, self
        )
        self.detail = RunDetail(context)
        self.list = _DetailList(context, self.tr("Runs"), self.model, self.detail)
        self.commands = RunCommands(context, self.detail.confirm, self.list.chosen_keys)
        self._connect_commands()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(1)
        self.list.setMinimumWidth(220)
        self.detail.setMinimumWidth(460)
        self._split.addWidget(self.list)
        self._split.addWidget(self.detail)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([LIST_WIDTH, 10_000])
        empty = EmptyState(
            IconName.PLAY,
            self.tr("No run yet"),
            self.tr("A run is a command with a snapshot of your project, on a GPU that fits."),
            self.tr("New run"),
        )
        empty.activated.connect(lambda: context.submit_wanted.emit(SubmitForm()))
        self._stack = RoomStack(context, self._split, empty, "rows")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        context.room_changed.connect(self._on_room_changed)
        self._on_room_changed(None)

    def _connect_commands(self) -> None:
        commands, detail = self.commands, self.detail
        commands.offered_changed.connect(self._on_offered)
        commands.again_wanted.connect(detail.run_again)
        commands.edit_wanted.connect(detail.edit)
        commands.save_wanted.connect(detail.save_log)
        detail.command_wanted.connect(commands.do)
        detail.settings_changed.connect(self._on_settings)
        detail.run_shown.connect(self._on_offered)
        detail.overview.group_wanted.connect(self.show_group)
        self.list.chosen_changed.connect(self.offered_changed)
        self.list.menu_wanted.connect(self.menu_wanted)

    def _on_offered(self) -> None:
        key = self.detail.key
        asked = key is not None and self.commands.is_asked(key, RunCommand.STOP)
        self.detail.set_stop_asked(asked)
        self.offered_changed.emit()

    def _on_settings(self, key: RunKey, tags: tuple[str, ...], notes: str) -> None:
        view = self._context.room.runs.get(key)
        if view is not None:
            self.commands.change(key, view.settings, tags, notes)

    def show_group(self, name: str) -> None:
        """Only the runs of one sweep, with how far they are together."""
        self.list.search.set_query(f"group:{name}")

    def show_run(self, key: RunKey, tab: str) -> None:
        self.list.choose(key)
        if tab:
            self.detail.show_tab(tab)

    def _on_room_changed(self, change: RoomChange | None) -> None:
        self._stack.show_room(bool(self._context.room.runs))
        if not self.list.has_chosen():
            self.list.choose_first()


class _DetailList(RunListPane):
    """The list whose choice the detail shows."""

    def __init__(
        self, context: WindowContext, title: str, model: RunListModel, detail: RunDetail
    ) -> None:
        self._detail = detail
        super().__init__(context, title, model, several=True)

    def on_chosen(self, key: RunKey | None) -> None:
        self._detail.show_run(key)
