"""Projects: the folders that runs are made from."""

from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QListView,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lanherd_client.fleet import Fleet
from lanherd_client.projects.project import Project
from lanherd_desktop.bridge import Job, in_thread
from lanherd_desktop.models.project_list import ProjectListModel
from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.models.run_list import RunListModel
from lanherd_desktop.state.projects import ProjectRow, project_rows
from lanherd_desktop.state.room import RoomChange
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.projects.remarks import remark_text
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton, PrimaryButton
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label
from lanherd_desktop.views.widgets.list_row import ListRowDelegate
from lanherd_desktop.views.widgets.numbers_line import Number, NumbersLine
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.words import (
    failure_line,
    moment,
    run_signs_tooltip,
    run_spoken,
    run_subtitle,
)
from lanherd_protocol.errors import Failure
from lanherd_protocol.values import (
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)

LIST_WIDTH = 386


class ProjectsPage(QWidget):
    """The list of folders, and one of them: its environment and its runs."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._folder = ""
        self._job: Job[Project] | None = None
        self.setAcceptDrops(True)
        self.model = ProjectListModel(
            lambda row: moment(row.last_at) if row.last_at is not None else "", self
        )
        self.runs = RunListModel(
            run_subtitle, context.run_trailing, run_spoken, run_signs_tooltip, self
        )
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        split.addWidget(self._list())
        split.addWidget(self._detail())
        split.setStretchFactor(1, 1)
        split.setSizes([LIST_WIDTH, 10_000])
        self._stack = StateStack(split)
        self._empty = EmptyState(
            IconName.FOLDER,
            self.tr("No project yet"),
            self.tr("A project is a folder with your code. Drop one here, or choose it."),
            self.tr("Add a project"),
        )
        self._empty.activated.connect(self.add)
        self._stack.keep(self._empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        context.room_changed.connect(self._on_room_changed)
        self.reload()

    def _list(self) -> QWidget:
        pane = QWidget()
        pane.setMinimumWidth(260)
        add = IconButton(IconName.PLUS, self.tr("Add a project"))
        add.clicked.connect(self.add)
        head = QHBoxLayout()
        head.setContentsMargins(14, 0, 14, 0)
        head.addWidget(Label(self.tr("Projects"), "title"))
        head.addStretch(1)
        head.addWidget(add)
        self.view = _row_list(self.tr("Projects"))
        self.view.setModel(self.model)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        layout = QVBoxLayout(pane)
        layout.setContentsMargins(0, SPACE_4, 0, 0)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        return pane

    def _detail(self) -> QWidget:
        detail = QWidget()
        self._title = ElidedLabel("", "title")
        remove = GhostButton(self.tr("Remove from the list"))
        remove.clicked.connect(self.remove)
        new_run = PrimaryButton(self.tr("New run"), IconName.PLUS)
        new_run.clicked.connect(
            lambda: self._context.submit_wanted.emit(SubmitForm(folder=self._folder))
        )
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(remove)
        head.addWidget(new_run)
        self._numbers = NumbersLine()
        self._path = ElidedLabel("", "mono")
        self._environment = Label("", "secondary", wrap=True)
        self._notes = Label("", "secondary", wrap=True)
        self._runs_view = _row_list(self.tr("Runs of this project"))
        self._runs_view.setModel(self.runs)
        self._runs_view.activated.connect(self._on_run)
        self._runs_view.clicked.connect(self._on_run)
        layout = QVBoxLayout(detail)
        layout.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self._numbers)
        layout.addWidget(self._path)
        layout.addWidget(self._environment)
        layout.addWidget(self._notes)
        layout.addWidget(Label(self.tr("Runs"), "card"))
        layout.addWidget(self._runs_view, 1)
        return detail

    def add(self) -> None:
        """Ask for a folder and remember it."""
        folder = QFileDialog.getExistingDirectory(self, self.tr("Choose the project's folder"))
        if folder:
            self.add_folder(folder)

    def add_folder(self, folder: str) -> None:
        self._folder = folder
        self._context.preferences.remember_project(folder)
        self.reload()

    def remove(self) -> None:
        """Take it off the list; the folder itself is not touched, and adding it undoes this."""
        self._context.preferences.forget_project(self._folder)
        self._folder = ""
        self.reload()

    def reload(self) -> None:
        """The remembered folders changed, or their runs."""
        rows = project_rows(self._context.preferences.value.projects, self._context.rows().values())
        self.model.set_projects(rows)
        if not rows:
            self._stack.show_empty(self._empty)
            return
        self._stack.show_content()
        if self._folder not in {row.folder for row in rows}:
            self._folder = rows[0].folder
        place = [row.folder for row in rows].index(self._folder)
        self.view.setCurrentIndex(self.model.index(place))
        self._show(rows[place])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(Path(url.toLocalFile()).is_dir() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if Path(url.toLocalFile()).is_dir():
                self.add_folder(url.toLocalFile())

    def _on_room_changed(self, change: RoomChange) -> None:
        if not change.runs and not change.machines_came_or_went:
            return
        if self.isVisible():
            self.reload()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.reload()

    def _on_current(self, current: QModelIndex, previous: QModelIndex) -> None:
        row = self.model.project_at(current.row())
        if row is not None and row.folder != self._folder:
            self._folder = row.folder
            self._show(row)

    def _show(self, row: ProjectRow) -> None:
        self._numbers.set_numbers((Number(str(row.runs), self.tr("runs")),))
        self.runs.replace(
            {key: run for key, run in self._context.rows().items() if run.project == row.name}
        )
        if self._title.text() == row.name and self._path.text() == row.folder:
            return
        self._title.setText(row.name)
        self._path.setText(row.folder)
        self._say_environment(self.tr("Reading the folder…"))
        self._notes.setVisible(False)
        if self._job is not None:
            self._job.cancel()
        self._job = self._context.ask(
            lambda fleet, job: _open_project(fleet, row.folder), self.show_project, self._on_failed
        )

    def show_project(self, project: Project) -> None:
        """What its folder says, read in the background."""
        self._job = None
        match project.environment:
            case LockedEnvironment(lock_path=path):
                self._say_environment(
                    self.tr("Its environment is built from {lock}.").format(lock=path)
                )
            case SourceEnvironment(source_path=path):
                self._say_environment(
                    self.tr(
                        "Its environment is made of {source}: each machine chooses the versions"
                        " once and keeps to them."
                    ).format(source=path)
                )
            case RegisteredEnvironment(name=name):
                self._say_environment(
                    self.tr("Its runs use the environment {name} of the machine.").format(name=name)
                )
            case NoEnvironment():
                self._say_environment(
                    self.tr("It has no lock, so its runs use the machine's own Python.")
                )
        remarks = project.described.remarks
        self._notes.setText("\n".join(map(remark_text, remarks)))
        self._notes.setVisible(bool(remarks))

    def _say_environment(self, text: str) -> None:
        self._environment.setText(text)

    def _on_failed(self, failure: Failure) -> None:
        self._job = None
        self._say_environment(failure_line(failure))

    def _on_run(self, index: QModelIndex) -> None:
        self._context.run_wanted.emit(index.data(RowRole.KEY.value), "")


async def _open_project(fleet: Fleet, folder: str) -> Project:
    return await in_thread(lambda: Project.open(Path(folder)))


def _row_list(name: str) -> QListView:
    view = QListView()
    view.setItemDelegate(ListRowDelegate(view))
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setUniformItemSizes(True)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setAccessibleName(name)
    return view
