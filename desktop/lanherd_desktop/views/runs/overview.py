"""What a run is: its state and why, its attempts, where and when, and what it was made from."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.attempts import AttemptRow, attempts
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.groups import group_progress, rows_of_group
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import run_row
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.group_line import GroupRow
from lanherd_desktop.views.runs.cause_panel import CausePanel
from lanherd_desktop.views.runs.run_links import RunLinks, TagRow
from lanherd_desktop.views.runs.run_texts import (
    dependency_text,
    environment_text,
    exit_text,
    files_text,
    gpus_text,
    priority_text,
    texts_of_spec,
)
from lanherd_desktop.views.runs.settings_editor import SettingsEditor
from lanherd_desktop.views.runs.why_card import WhyCard
from lanherd_desktop.views.theme.tokens import SPACE_3, SPACE_5
from lanherd_desktop.views.widgets.labels import Label, Role
from lanherd_desktop.views.widgets.notice import Notices
from lanherd_desktop.views.widgets.run_line import RunLine
from lanherd_desktop.views.words import moment, reason_remedy, reason_text
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import Queued, Running, RunView

_BAD = frozenset({ChipKind.FAILED, ChipKind.LOST, ChipKind.TIMED_OUT})
FIELDS = (
    "reason", "group", "waits_for", "attempts", "tags", "notes", "priority", "command", "pre",
    "post", "directory", "machine", "gpus", "project", "snapshot", "environment", "variables",
    "secrets", "limit", "retry", "stop", "niceness", "log", "owner", "submitted", "started",
    "ended", "exit", "files", "restart_of", "run",
)  # fmt: skip
_MONO = frozenset({"command", "pre", "post", "directory", "snapshot", "run", "variables"})


class RunOverview(QScrollArea):
    """Labels and values; rows without a value are hidden."""

    attempt_chosen = Signal(int)
    settings_changed = Signal(object, str)
    """Tags and notes as they were edited."""
    group_wanted = Signal(str)
    """Show the runs of the group by that name."""
    log_wanted = Signal(str, object)
    """The stream and the offset of the lines that show why it failed."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._rows: tuple[AttemptRow, ...] = ()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(0, SPACE_3, 0, SPACE_3)
        layout.setSpacing(SPACE_3)
        self.problem = CausePanel()
        self.problem.hide()
        self.problem.log_wanted.connect(self.log_wanted)
        self.warnings = Notices()
        self.why = WhyCard(context)
        for widget in (self.problem, self.warnings, self.why):
            layout.addWidget(widget)
        self.editor = SettingsEditor()
        self.editor.saved.connect(self.settings_changed)
        self.editor.closed.connect(self.setFocus)
        layout.addWidget(self.editor)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(SPACE_5)
        self._form.setVerticalSpacing(10)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.waits_for = RunLinks(context)
        self.restart_of = RunLinks(context)
        self.tags = TagRow()
        self.group = GroupRow()
        self.group.activated.connect(self.group_wanted)
        self.attempts = QWidget()
        self._attempt_box = QVBoxLayout(self.attempts)
        self._attempt_box.setContentsMargins(0, 0, 0, 0)
        self._attempt_box.setSpacing(2)
        self._attempt_lines: list[RunLine] = []
        self._widgets: dict[str, QWidget] = {
            "waits_for": self.waits_for,
            "restart_of": self.restart_of,
            "tags": self.tags,
            "group": self.group,
            "attempts": self.attempts,
        }
        self._values: dict[str, Label] = {}
        titles = self._titles()
        for field in FIELDS:
            self._form.addRow(
                Label(titles[field], "muted"),
                self._widgets.get(field) or self._value(field, titles[field]),
            )
        layout.addLayout(self._form)
        layout.addStretch(1)
        self.setWidget(inner)

    def _value(self, field: str, title: str) -> Label:
        role: Role = "mono" if field in _MONO else "base"
        value = Label("", role, wrap=True, selectable=True)
        value.setAccessibleName(title)
        self._values[field] = value
        return value

    def _titles(self) -> dict[str, str]:
        return {
            "reason": self.tr("Why"),
            "group": self.tr("Sweep"),
            "waits_for": self.tr("Waits for"),
            "attempts": self.tr("Attempts"),
            "tags": self.tr("Tags"),
            "notes": self.tr("Notes"),
            "priority": self.tr("Priority"),
            "command": self.tr("Command"),
            "pre": self.tr("Before it"),
            "post": self.tr("After it"),
            "directory": self.tr("Begins in"),
            "machine": self.tr("Machine"),
            "gpus": self.tr("GPUs"),
            "project": self.tr("Project"),
            "snapshot": self.tr("Snapshot"),
            "environment": self.tr("Environment"),
            "variables": self.tr("Variables"),
            "secrets": self.tr("Secrets"),
            "limit": self.tr("Time limit"),
            "retry": self.tr("Tried again"),
            "stop": self.tr("Stopped by"),
            "niceness": self.tr("Niceness"),
            "log": self.tr("Its log"),
            "owner": self.tr("Owner"),
            "submitted": self.tr("Submitted"),
            "started": self.tr("Started"),
            "ended": self.tr("Ended"),
            "exit": self.tr("Exit"),
            "files": self.tr("Files"),
            "restart_of": self.tr("Repeats"),
            "run": self.tr("Run id"),
        }

    def edit(self, view: RunView) -> None:
        """Open the editor of tags and notes."""
        self.verticalScrollBar().setValue(0)
        self.editor.open_editor(view.settings)

    def show_view(self, machine: DeviceId, view: RunView) -> None:
        row = run_row(machine, self._context.machine_name(machine), view)
        bad = row.kind in _BAD and row.reason is not None
        self.problem.setVisible(bad)
        if bad and row.reason is not None:
            self.problem.show_reason(view.run, row.reason)
        warning = view.state.warning if isinstance(view.state, Running) else None
        self.warnings.set_notices(
            [(reason_text(warning, remedy=False), reason_remedy(warning))] if warning else []
        )
        self.why.show_view(machine, view)
        elsewhere = bad or isinstance(view.state, Queued | Running)
        self._rows = attempts(view)
        texts = {
            **texts_of_spec(view.spec),
            "reason": reason_text(row.reason) if row.reason is not None and not elsewhere else "",
            "notes": view.settings.notes,
            "priority": priority_text(view),
            "machine": self._machine_text(machine),
            "gpus": gpus_text(view),
            "environment": environment_text(view),
            "owner": view.owner,
            "submitted": moment(view.submitted_at),
            "started": moment(row.started_at) if row.started_at is not None else "",
            "ended": moment(row.ended_at) if row.ended_at is not None else "",
            "exit": exit_text(self._rows[0]),
            "files": files_text(view),
            "run": view.run,
        }
        for field, text in texts.items():
            self._values[field].set_text(text)
            self._form.setRowVisible(self._values[field], bool(text))
        self._show_others(machine, view)

    def refresh_times(self) -> None:
        """A second went by."""
        self.why.refresh()
        for line, row in zip(self._attempt_lines, self._rows, strict=False):
            self._show_attempt(line, row)

    def refresh_group(self, view: RunView) -> None:
        """Other runs of its sweep changed."""
        if view.spec.group is not None:
            name = view.spec.group.name
            rows = rows_of_group(self._context.rows().values(), name)
            self.group.show_group(name, group_progress(rows))

    def _show_others(self, machine: DeviceId, view: RunView) -> None:
        after = [
            ((machine, dependency.run), dependency_text(dependency.kind))
            for dependency in view.spec.dependencies
        ]
        before: list[tuple[RunKey, str]] = []
        if view.spec.restart_of is not None:
            before.append(((machine, view.spec.restart_of), ""))
        self.waits_for.set_links(after)
        self.restart_of.set_links(before)
        self.tags.set_tags(view.settings.tags)
        self.refresh_group(view)
        shown = {
            "group": view.spec.group is not None,
            "waits_for": bool(after),
            "restart_of": bool(before),
            "tags": bool(view.settings.tags),
            "attempts": len(self._rows) > 1,
        }
        self._lay_attempts(len(self._rows) if shown["attempts"] else 0)
        for field, visible in shown.items():
            self._form.setRowVisible(self._widgets[field], visible)

    def _lay_attempts(self, count: int) -> None:
        while len(self._attempt_lines) > count:
            gone = self._attempt_lines.pop()
            gone.hide()
            gone.deleteLater()
        while len(self._attempt_lines) < count:
            place = len(self._attempt_lines)
            line = RunLine(ChipKind.WAITING, "")
            line.activated.connect(lambda place=place: self._on_attempt(place))
            self._attempt_lines.append(line)
            self._attempt_box.addWidget(line)
        self.refresh_times()

    def _show_attempt(self, line: RunLine, row: AttemptRow) -> None:
        seconds = row.seconds(self._context.now)
        began = moment(row.started_at) if row.started_at is not None else ""
        took = numbers.duration(seconds) if seconds is not None else ""
        reason = reason_text(row.reason, remedy=False) if row.reason is not None else ""
        line.set_line(
            row.kind,
            self.tr("attempt {number}").format(number=row.number),
            " · ".join(part for part in (began, took) if part),
            reason,
        )

    def _on_attempt(self, place: int) -> None:
        if place < len(self._rows):
            self.attempt_chosen.emit(self._rows[place].number)

    def _machine_text(self, machine: DeviceId) -> str:
        name = self._context.machine_name(machine)
        known = self._context.room.machines.get(machine)
        if known is None or known.facts is None or not known.facts.weak_kill:
            return name
        weak = self.tr("weak kill: it delegates no cgroup, so processes are found one by one")
        return f"{name} · {weak}"
