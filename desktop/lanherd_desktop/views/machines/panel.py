"""One machine beside the others: what is wrong with it, what it is, what it keeps."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFormLayout, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from lanherd_client.mirror import MachineView
from lanherd_desktop.state import numbers
from lanherd_desktop.state.machine_card import gpu_groups
from lanherd_desktop.state.problems import machine_problems
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.machines.gpu_section import GpuSection
from lanherd_desktop.views.machines.line_section import LineSection
from lanherd_desktop.views.machines.retention import RetentionSection
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton
from lanherd_desktop.views.widgets.labels import Divider, ElidedLabel, Label
from lanherd_desktop.views.widgets.notice import Notices
from lanherd_desktop.views.words import reason_remedy, reason_text
from lanherd_protocol.ids import DeviceId

WIDTH = 480
SETTLE_MS = 200
"""So long what was added may change the height of what is scrolled."""
FIELDS = ("system", "gpus", "driver", "memory", "disk", "kill", "account", "version", "id")


class MachinePanel(QWidget):
    """Opened by a card; Esc or its cross closes it."""

    opened = Signal()
    closed = Signal()
    rules_wanted = Signal(object)
    """The DeviceId whose rules somebody wants to see."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self.machine: DeviceId | None = None
        self.setMinimumWidth(WIDTH - 100)
        self._title = ElidedLabel("", "title")
        close = IconButton(IconName.X, self.tr("Close"))
        close.clicked.connect(self.close_panel)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(close)
        self.problems = Notices()
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(SPACE_5)
        self._form.setVerticalSpacing(10)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._values: dict[str, Label] = {}
        titles = self._titles()
        for field in FIELDS:
            role = "mono" if field == "id" else "base"
            value = Label("", "mono" if role == "mono" else "base", wrap=True, selectable=True)
            value.setAccessibleName(titles[field])
            self._values[field] = value
            self._form.addRow(Label(titles[field], "muted"), value)
        self.gpus = GpuSection(context)
        self.line = LineSection(context)
        self.rules_button = GhostButton(self.tr("Look at the rules…"))
        self.rules_button.clicked.connect(lambda: self.rules_wanted.emit(self.machine))
        self.retention = RetentionSection(context)
        self._area = self._scrolled()
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._area.verticalScrollBar().rangeChanged.connect(self._on_range)
        self._to_line = QTimer(self)
        self._to_line.setSingleShot(True)
        self._to_line.setInterval(0)
        self._to_line.timeout.connect(lambda: self._area.ensureWidgetVisible(self.line))
        self.line.form_opened.connect(self.show_line)
        self.retention.answered.connect(self._show_answer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, 0, 0, 0)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self._area, 1)
        self.hide()

    def _scrolled(self) -> QScrollArea:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, SPACE_3, SPACE_4)
        column.setSpacing(SPACE_4)
        column.addWidget(self.problems)
        column.addWidget(self.gpus)
        column.addWidget(Divider())
        column.addWidget(self.line)
        column.addWidget(Divider())
        column.addLayout(self._form)
        column.addWidget(Divider())
        rules = QHBoxLayout()
        rules.addWidget(Label(self.tr("The owner's rules"), "card"), 1)
        rules.addWidget(self.rules_button)
        column.addLayout(rules)
        column.addWidget(
            Label(
                self.tr("Which GPUs Lanherd may use, how many stay free, when, and for whom."),
                "secondary",
                wrap=True,
            )
        )
        column.addWidget(Divider())
        column.addWidget(Label(self.tr("Files of ended runs"), "card"))
        column.addWidget(self.retention)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return area

    def _titles(self) -> dict[str, str]:
        return {
            "system": self.tr("System"),
            "gpus": self.tr("GPUs"),
            "driver": self.tr("Driver"),
            "memory": self.tr("Memory"),
            "disk": self.tr("Disk"),
            "kill": self.tr("Ending runs"),
            "account": self.tr("Account"),
            "version": self.tr("Agent"),
            "id": self.tr("Machine id"),
        }

    def show_machine(self, machine: DeviceId) -> None:
        """Open it for a machine, at its top."""
        another = machine != self.machine
        self.machine = machine
        self.gpus.show_machine(machine)
        self.line.show_machine(machine)
        self.refresh()
        self.retention.show_machine(machine)
        self.show()
        if another:
            # At last: a field that had the focus and is gone hands it on, which scrolls.
            self._to_line.stop()
            self._area.verticalScrollBar().setValue(0)
        self.opened.emit()

    def show_line(self) -> None:
        """Scroll to the line of the machine, once it has its place."""
        self._to_line.start()

    def _show_answer(self) -> None:
        """Scroll to the end, where the answer is, and stay there while it gets its place."""
        self._settling.start()
        self._on_range(0, self._area.verticalScrollBar().maximum())

    def _on_range(self, low: int, high: int) -> None:
        if self._settling.isActive():
            self._area.verticalScrollBar().setValue(high)

    def close_panel(self) -> None:
        self.machine = None
        self.gpus.show_machine(None)
        self.line.show_machine(None)
        self.retention.show_machine(None)
        self.hide()
        self.closed.emit()

    def refresh(self) -> None:
        """The machine changed; one that is gone closes it."""
        if self.machine is None:
            return
        view = self._context.room.machines.get(self.machine)
        if view is None:
            self.close_panel()
            return
        self._title.setText(view.name)
        self.problems.set_notices(
            [
                (reason_text(reason, remedy=False), reason_remedy(reason))
                for reason in machine_problems(view)
            ]
        )
        self.gpus.refresh()
        texts = self._texts(view)
        for field, value in self._values.items():
            value.set_text(texts.get(field, ""))
            value.setToolTip(view.machine if field == "id" else "")
            self._form.setRowVisible(value, bool(texts.get(field)))

    def _texts(self, view: MachineView) -> dict[str, str]:
        facts = view.facts
        if facts is None:
            return {"id": f"{view.machine[:32]}…"}
        groups = [
            f"{group.count} × {group.name} · {numbers.vram_capacity(group.vram_bytes)}"
            for group in gpu_groups(facts.gpus)
        ]
        host = view.telemetry.host if view.telemetry is not None else None
        disk = numbers.size(facts.disk_bytes)
        if host is not None and host.disk_free_bytes is not None:
            disk = self.tr("{free} of {total} free").format(
                free=numbers.size(host.disk_free_bytes), total=disk
            )
        return {
            "system": self.tr("{os} · {count} CPUs").format(os=facts.os, count=facts.cpu_count),
            "gpus": "\n".join(groups) or self.tr("none"),
            "driver": facts.driver_version or "",
            "memory": numbers.size(facts.memory_bytes),
            "disk": disk,
            "kill": self._kill_text(facts.weak_kill),
            "account": self.tr("runs share the agent's user account") if facts.shared_uid else "",
            "version": facts.version,
            "id": f"{view.machine[:32]}…",
        }

    def _kill_text(self, weak: bool) -> str:
        if weak:
            return self.tr(
                "weak kill: this machine delegates no cgroup, so a run's processes are found one "
                "by one, and one that hides from that may stay"
            )
        return self.tr("whole: each run has a cgroup of its own")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_panel()
        else:
            super().keyPressEvent(event)
