"""The main window: navigation at the left, pages at the right, and every action's handler."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lanherd_client.fleet import Fleet
from lanherd_desktop.actions.registry import (
    ACTIONS,
    RUN_MENU,
    WITH_REASON,
    ActionId,
    action_text,
)
from lanherd_desktop.bridge import Job
from lanherd_desktop.models.machine_list import MachineListModel
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.run_commands import RunCommand
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.machines.page import MachinesPage
from lanherd_desktop.views.outputs.page import OutputsPage
from lanherd_desktop.views.outputs.panel import OutputsPanel
from lanherd_desktop.views.palette import Palette
from lanherd_desktop.views.projects.page import ProjectsPage
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OUTPUTS
from lanherd_desktop.views.runs.page import RunsPage
from lanherd_desktop.views.settings.page import SettingsPage
from lanherd_desktop.views.submit import SubmitDialog
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.nav_list import NavList
from lanherd_desktop.views.widgets.toast import ToastHost, ToastKind
from lanherd_desktop.views.words import preferences_problem_text
from lanherd_protocol.ids import DeviceId

PAGES = ("machines", "projects", "runs", "outputs", "settings")
_ICONS = (IconName.SERVER, IconName.FOLDER, IconName.PLAY, IconName.FILES, IconName.SETTINGS)
SIZE = (1440, 900)
SIZE_LEAST = (900, 560)
NARROW = 1100
UNDO_MAX = 20
"""So many changes can be taken back, the last one first."""
Change = tuple[str, Callable[[], object]]
COMMANDS: dict[ActionId, RunCommand] = {
    ActionId(f"run.{command.value}"): command for command in RunCommand
}
SEEN_THERE = frozenset(
    {RunCommand.STOP_NOW, RunCommand.REMOVE_FILES, RunCommand.EDIT, RunCommand.SAVE_LOG}
)
"""Commands that ask or show something beside the run."""
_TOASTS: dict[str, ToastKind] = {"info": "info", "danger": "danger"}


@dataclass(frozen=True, slots=True)
class WindowPlace:
    """What a window of another language takes over from the one before it."""

    page: str
    geometry: QByteArray
    rect: QRect
    run: RunKey | None
    group: str
    on_language: bool
    """The choice of the language has the focus."""


class MainWindow(QMainWindow):
    """Five pages; their order is that of the navigation and of Ctrl+1 to Ctrl+4."""

    language_changed = Signal()
    quit_wanted = Signal()

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._left = False
        self._changes: deque[Change] = deque(maxlen=UNDO_MAX)
        self._narrow = False
        self.setWindowTitle("Lanherd")
        self.setMinimumSize(*SIZE_LEAST)
        self.resize(*SIZE)
        self.machine_model = MachineListModel(self)
        self.machines = MachinesPage(context, self.machine_model)
        self.projects = ProjectsPage(context)
        self.runs = RunsPage(context)
        self.outputs = OutputsPage(context)
        self.settings = SettingsPage(context)
        self._pages = QStackedWidget()
        self.nav = NavList()
        texts = (
            self.tr("Machines"),
            self.tr("Projects"),
            self.tr("Runs"),
            self.tr("Outputs"),
            self.tr("Settings"),
        )
        widgets = (self.machines, self.projects, self.runs, self.outputs, self.settings)
        for key, icon, text, page in zip(PAGES, _ICONS, texts, widgets, strict=True):
            self.nav.add_item(key, icon, text)
            self._pages.addWidget(page)
        self.nav.set_footer(self.tr("Ctrl+K  anything"))
        self.nav.set_folded(context.preferences.value.folded)
        centre = QWidget()
        layout = QHBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.nav)
        self._beside_nav = QVBoxLayout()
        self._beside_nav.addWidget(self._pages)
        layout.addLayout(self._beside_nav, 1)
        self.setCentralWidget(centre)
        self._toasts = ToastHost(self)
        self._toasts.height_changed.connect(
            lambda height: self._beside_nav.setContentsMargins(0, 0, 0, height)
        )
        self.submit_dialog: SubmitDialog | None = None
        self.actions_by_id = self._make_actions()
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(context.second_passed)
        self._second.start()
        self._connect()
        self.show_page("machines")
        self._refresh_counts()
        problem = context.preferences.problem
        if problem is not None:
            self._show_toast(preferences_problem_text(problem), "danger")

    def _connect(self) -> None:
        context = self._context
        self.nav.selected.connect(self.show_page)
        self.nav.fold_changed.connect(self._on_fold_wished)
        self.settings.language_changed.connect(self.language_changed)
        context.room_changed.connect(self._refresh_counts)
        self.runs.offered_changed.connect(self._refresh_actions)
        self.runs.menu_wanted.connect(self._open_run_menu)
        self._run_menu = QMenu(self)
        self._run_menu.aboutToShow.connect(self._fill_run_menu)
        for button in (self.runs.detail.more_button, self.runs.group.more_button):
            button.setMenu(self._run_menu)
        for panel in (self.outputs.panel, self.runs.detail.outputs):
            panel.chosen_changed.connect(self._refresh_actions)
        self.machines.panel.opened.connect(self._refresh_actions)
        self.machines.panel.closed.connect(self._refresh_actions)
        context.run_wanted.connect(self.show_run)
        context.submit_wanted.connect(self.open_submit)
        context.toast_wanted.connect(self._show_toast)
        context.undo_offered.connect(self._offer_undo)

    def place(self) -> WindowPlace:
        """Where the window is, for the one that takes its place."""
        return WindowPlace(
            self.nav.current(),
            self.saveGeometry(),
            self.geometry(),
            self.runs.detail.key,
            self.runs.list.group,
            self.settings.language.hasFocus(),
        )

    def take_place(self, place: WindowPlace) -> None:
        self.restoreGeometry(place.geometry)
        if not self.isMaximized() and not self.isFullScreen():
            # Restored, it may stand a frame's width beside where it was.
            self.setGeometry(place.rect)
        if place.run is not None:
            self.runs.show_run(place.run, "")
        elif place.group:
            self.runs.list.choose_group(place.group)
        self.show_page(place.page)
        if place.on_language:
            self.settings.language.setFocus()

    def leave(self) -> None:
        """Close what flows into this window; another one takes its place."""
        self._second.stop()
        if not self._left:
            # Once only: what is asked after that is asked by the window that comes next.
            self._left = True
            self._context.bridge.forget_questions()
        self.runs.detail.show_run(None)
        self.outputs.panel.show_run(None)

    def show_page(self, key: str) -> None:
        self.nav.set_current(key)
        if self._pages.currentIndex() != PAGES.index(key):
            self._toasts.dismiss_failures()
        self._pages.setCurrentIndex(PAGES.index(key))
        self._refresh_actions()

    def show_run(self, key: RunKey, tab: str) -> None:
        """Go to a run, at one of its tabs."""
        self.show_page("runs")
        self.runs.show_run(key, tab)

    def open_submit(self, form: SubmitForm) -> None:
        """The submit dialog; one at a time."""
        if self.submit_dialog is not None:
            self.submit_dialog.raise_()
            return
        dialog = SubmitDialog(self._context, form, self)
        self.submit_dialog = dialog
        dialog.submitted.connect(self._on_submitted)
        dialog.finished.connect(self._on_submit_closed)
        dialog.open()

    def _on_submitted(self, key: RunKey) -> None:
        self.projects.reload()
        self.show_run(key, TAB_LOG)
        # The button that began this may be on a page that is out of sight now.
        self.runs.list.view.setFocus()

    def _on_submit_closed(self) -> None:
        if self.submit_dialog is not None:
            self.submit_dialog.deleteLater()
            self.submit_dialog = None

    def _refresh_counts(self) -> None:
        room = self._context.room
        self.nav.set_count("machines", len(room.machines) or None)
        self.nav.set_count("projects", len(self._context.preferences.value.projects) or None)
        self.nav.set_count("runs", len(room.runs) or None)
        self._refresh_actions()

    def _refresh_actions(self) -> None:
        """What has nothing to act on isn't offered."""
        view = self.runs.detail.view
        commands = self.runs.commands.offered()
        self.runs.group.set_offered(commands)
        offered = {
            **{action: command in commands for action, command in COMMANDS.items()},
            ActionId.RUN_UNDO: bool(self._changes),
            ActionId.RUN_LOG: view is not None,
            ActionId.RUN_OUTPUTS: view is not None,
            ActionId.VIEW_FIND: view is not None,
            ActionId.VIEW_SEARCH_ALL: view is not None,
            ActionId.VIEW_FOLLOW: view is not None,
            ActionId.OUTPUT_SAVE: bool(self._output_panel().selected),
            ActionId.PROJECT_REMOVE: bool(self._context.preferences.value.projects),
            ActionId.VIEW_FILTER: self._search() is not None,
            ActionId.MACHINE_PAUSE: self._machine_meant() is not None,
            ActionId.MACHINE_RESUME: self._machine_meant() is not None,
        }
        for action, enabled in offered.items():
            self.actions_by_id[action].setEnabled(enabled)
        why = self.runs.commands.why_not_moved()
        for one in ACTIONS:
            if one.id in WITH_REASON:
                text = " · ".join(part for part in (action_text(one), why) if part)
                self.actions_by_id[one.id].setText(text)

    def _offer_undo(self, text: str, take_back: Callable[[], object]) -> None:
        """By the toast while it is there, by the action also when it is gone."""
        toast = self._toasts.show_toast(text, "ok", self.tr("Undo"))
        change = (text, take_back)
        self._changes.append(change)
        toast.activated.connect(lambda: self._undo(change))
        self._refresh_actions()

    def _undo(self, change: Change | None = None) -> None:
        """Take a change back, the last one where none is named."""
        if change is None and self._changes:
            change = self._changes[-1]
        if change is None or change not in self._changes:
            return
        self._changes.remove(change)
        text, take_back = change
        take_back()
        self._toasts.dismiss_text(text)
        self._show_toast(self.tr("Undone: {change}").format(change=text), "info")
        self._refresh_actions()

    def _fill_run_menu(self) -> None:
        """Only what makes sense of the chosen runs, in groups, and what says why it doesn't."""
        self._run_menu.clear()
        count = len(self.runs.list.chosen_keys())
        if count > 1:
            header = self._run_menu.addAction(self.tr("{count} runs").format(count=count))
            header.setEnabled(False)
        for group in RUN_MENU:
            shown = [
                self.actions_by_id[action]
                for action in group
                if action in WITH_REASON or self.actions_by_id[action].isEnabled()
            ]
            if shown and not self._run_menu.isEmpty():
                self._run_menu.addSeparator()
            self._run_menu.addActions(shown)

    def _open_run_menu(self, point: QPoint) -> None:
        self._run_menu.popup(point)

    def _do(self, command: RunCommand) -> None:
        if command in SEEN_THERE:
            self.show_page("runs")
        self.runs.commands.do(command)

    def _show_toast(self, text: str, kind: str) -> None:
        self._toasts.show_toast(text, _TOASTS.get(kind, "ok"))

    def closeEvent(self, event: QCloseEvent) -> None:
        event.accept()
        self.leave()
        self.quit_wanted.emit()

    # --- actions ---------------------------------------------------------------------------------

    def _handlers(self) -> dict[ActionId, Callable[[], object]]:
        commands = {
            action: lambda command=command: self._do(command)
            for action, command in COMMANDS.items()
        }
        return {
            **commands,
            ActionId.GO_MACHINES: lambda: self.show_page("machines"),
            ActionId.GO_PROJECTS: lambda: self.show_page("projects"),
            ActionId.GO_RUNS: lambda: self.show_page("runs"),
            ActionId.GO_OUTPUTS: lambda: self.show_page("outputs"),
            ActionId.GO_SETTINGS: lambda: self.show_page("settings"),
            ActionId.RUN_NEW: lambda: self.open_submit(SubmitForm()),
            ActionId.RUN_UNDO: self._undo,
            ActionId.RUN_LOG: lambda: self._show_tab(TAB_LOG),
            ActionId.RUN_OUTPUTS: lambda: self._show_tab(TAB_OUTPUTS),
            ActionId.OUTPUT_SAVE: self._save_output,
            ActionId.MACHINE_RECONNECT: self._reconnect,
            ActionId.MACHINE_PAUSE: lambda: self._open_line(pause=True),
            ActionId.MACHINE_RESUME: lambda: self._open_line(pause=False),
            ActionId.PROJECT_ADD: self._add_project,
            ActionId.PROJECT_REMOVE: self.projects.remove,
            ActionId.VIEW_FIND: self._find,
            ActionId.VIEW_SEARCH_ALL: self._search_all,
            ActionId.VIEW_FILTER: self._filter,
            ActionId.VIEW_FOLLOW: self._follow,
            ActionId.VIEW_FOLD: self._fold,
            ActionId.VIEW_THEME: self.settings.next_theme,
            ActionId.VIEW_LANGUAGE: self.settings.next_language,
            ActionId.APP_PALETTE: self.open_palette,
            ActionId.APP_QUIT: self.close,
        }

    def _make_actions(self) -> dict[ActionId, QAction]:
        handlers = self._handlers()
        made: dict[ActionId, QAction] = {}
        for action in ACTIONS:
            qt_action = QAction(action_text(action), self)
            if action.shortcut:
                qt_action.setShortcut(QKeySequence(action.shortcut))
            handler = handlers[action.id]
            qt_action.triggered.connect(lambda checked=False, handler=handler: handler())
            if action.in_list:
                qt_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
                self.runs.list.view.addAction(qt_action)
            else:
                self.addAction(qt_action)
            made[action.id] = qt_action
        return made

    def open_palette(self) -> None:
        palette = Palette(list(self.actions_by_id.values()), self)
        palette.finished.connect(palette.deleteLater)
        palette.open_over(self)

    def _show_tab(self, tab: str) -> None:
        self.show_page("runs")
        self.runs.detail.show_tab(tab)

    def _save_output(self) -> None:
        self._output_panel().save()

    def _output_panel(self) -> OutputsPanel:
        on_outputs = self.nav.current() == "outputs"
        return self.outputs.panel if on_outputs else self.runs.detail.outputs

    def _reconnect(self) -> None:
        async def reconnect(fleet: Fleet, job: Job[None]) -> None:
            fleet.reconnect()

        self._context.ask(reconnect, lambda done: None)

    def _machine_meant(self) -> DeviceId | None:
        """The machine that is looked at: its panel, that of the run, or the only one there is."""
        shown = self.machines.panel.machine
        if self.nav.current() == "machines" and shown is not None:
            return shown
        chosen = self.runs.list.shown_key() if self.nav.current() == "runs" else None
        if chosen is not None:
            return chosen[0]
        machines = self._context.room.machines
        return shown or (next(iter(machines)) if len(machines) == 1 else None)

    def _open_line(self, *, pause: bool) -> None:
        """Where a machine's line is paused and resumed: who did it and why is to be seen there."""
        machine = self._machine_meant()
        if machine is not None:
            self.show_page("machines")
            self.machines.open_line(machine, pause=pause)

    def _add_project(self) -> None:
        self.show_page("projects")
        self.projects.add()

    def _find(self) -> None:
        self._show_tab(TAB_LOG)
        self.runs.detail.log.log_tools.focus_field()

    def _search_all(self) -> None:
        self._show_tab(TAB_LOG)
        self.runs.detail.log.log_tools.search_all()

    def _search(self) -> QWidget | None:
        searches: dict[str, QWidget] = {
            "machines": self.machines.search,
            "runs": self.runs.list.search,
            "outputs": self.outputs.list.search,
        }
        return searches.get(self.nav.current())

    def _filter(self) -> None:
        search = self._search()
        if search is not None:
            search.setFocus()

    def _follow(self) -> None:
        pane = self.runs.detail.log.pane
        pane.set_following(not pane.following())

    def _fold(self) -> None:
        self.nav.toggle()

    def _on_fold_wished(self, folded: bool) -> None:
        # What is wished in a narrow window holds for it alone.
        if self.width() >= NARROW:
            self._context.preferences.change(folded=folded)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Below a width the navigation folds by itself, above it it is as it was wished."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            self.nav.set_folded(narrow or self._context.preferences.value.folded)
