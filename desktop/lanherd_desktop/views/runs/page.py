"""Runs: the list stays at the left while the detail changes."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from lanherd_desktop.models.run_list import GroupWords, RunListModel
from lanherd_desktop.state.room import RoomChange, RunKey
from lanherd_desktop.state.run_commands import RunCommand
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.group_line import head_spoken, head_subtitle, head_tooltip, head_trailing
from lanherd_desktop.views.room_stack import RoomStack
from lanherd_desktop.views.run_list_pane import LIST_WIDTH, RunListPane
from lanherd_desktop.views.runs.commands import RunCommands
from lanherd_desktop.views.runs.detail import RunDetail
from lanherd_desktop.views.runs.group_panel import GroupPanel
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.action_bar import ConfirmBar
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.words import run_signs_tooltip, run_spoken, run_subtitle

OPEN_GROUPS_MAX = 200


class RunsPage(QWidget):
    """The list of runs, and the detail of one, or of a sweep."""

    offered_changed = Signal()
    """Other commands are offered than before."""
    menu_wanted = Signal(QPoint)

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self.model = RunListModel(
            run_subtitle,
            context.run_trailing,
            run_spoken,
            run_signs_tooltip,
            self,
            GroupWords(head_subtitle, head_trailing, head_spoken, head_tooltip),
        )
        self.model.open_those(context.preferences.value.open_groups)
        self.detail = RunDetail(context)
        self.group = GroupPanel(context, self.model)
        self._shown = QStackedWidget()
        self._shown.addWidget(self.detail)
        self._shown.addWidget(self.group)
        self.list = _DetailList(context, self.tr("Runs"), self.model, self)
        self.commands = RunCommands(context, self._confirm, self.list.chosen_keys)
        self._connect_commands()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(1)
        self.list.setMinimumWidth(220)
        self._shown.setMinimumWidth(460)
        self._split.addWidget(self.list)
        self._split.addWidget(self._shown)
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
        self.group.command_wanted.connect(commands.do)
        self.group.open_wanted.connect(self.list.set_open)
        self.list.chosen_changed.connect(self.offered_changed)
        self.list.menu_wanted.connect(self.menu_wanted)

    def _on_offered(self) -> None:
        key = self.detail.key
        asked = key is not None and self.commands.is_asked(key, RunCommand.STOP)
        self.detail.set_stop_asked(asked)
        self.offered_changed.emit()

    def _confirm(self) -> ConfirmBar:
        """Where a question stands: beside what is shown."""
        return self.group.confirm if self.list.group else self.detail.confirm

    def show_chosen(self, key: RunKey | None) -> None:
        """A run was chosen in the list, or nothing."""
        self.group.show_group("", is_open=False)
        self._shown.setCurrentWidget(self.detail)
        self.detail.show_run(key)

    def show_chosen_group(self, name: str) -> None:
        """The head of a sweep was chosen in the list."""
        self.detail.show_run(None)
        self.group.show_group(name, is_open=self.model.is_open(name))
        self._shown.setCurrentWidget(self.group)
        self._on_offered()

    def remember_open(self, name: str) -> None:
        """A sweep was opened or folded: it is so again when the window is next opened."""
        opened = tuple(self.model.opened()[:OPEN_GROUPS_MAX])
        if opened != self._context.preferences.value.open_groups:
            self._context.preferences.change(open_groups=opened)
        if name == self.group.name:
            self.group.show_group(name, is_open=self.model.is_open(name))

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
        if change is not None:
            self.group.on_room_changed(change)


class _DetailList(RunListPane):
    """The list whose choice the page shows."""

    def __init__(
        self, context: WindowContext, title: str, model: RunListModel, page: RunsPage
    ) -> None:
        self._page = page
        super().__init__(context, title, model, several=True)

    def on_chosen(self, key: RunKey | None) -> None:
        self._page.show_chosen(key)

    def on_group_chosen(self, name: str) -> None:
        self._page.show_chosen_group(name)

    def on_opened(self, name: str) -> None:
        self._page.remember_open(name)
