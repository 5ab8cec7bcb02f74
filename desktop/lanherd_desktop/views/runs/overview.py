"""What a run is: its state and why, where and when, its command and what it was made from."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.runs import run_row
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme.tokens import SPACE_3, SPACE_5
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.labels import Label, Role
from lanherd_desktop.views.words import lease_text, moment, reason_remedy, reason_text
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import Ended, RunView
from lanherd_protocol.values import LockedEnvironment

_BAD = frozenset({ChipKind.FAILED, ChipKind.LOST, ChipKind.TIMED_OUT})
FIELDS = (
    "reason", "command", "machine", "gpus", "project", "snapshot", "environment", "owner",
    "submitted", "started", "ended", "exit", "variables", "run",
)  # fmt: skip
_MONO = frozenset({"command", "snapshot", "run", "variables"})


class RunOverview(QScrollArea):
    """Labels and values; rows without a value are hidden."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(0, SPACE_3, 0, 0)
        layout.setSpacing(SPACE_3)
        self._problem = ErrorPanel()
        self._problem.setVisible(False)
        layout.addWidget(self._problem)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(SPACE_5)
        self._form.setVerticalSpacing(10)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._values: dict[str, Label] = {}
        titles = self._titles()
        for field in FIELDS:
            role: Role = "mono" if field in _MONO else "base"
            value = Label("", role, wrap=True)
            value.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            value.setAccessibleName(titles[field])
            self._values[field] = value
            self._form.addRow(Label(titles[field], "muted"), value)
        layout.addLayout(self._form)
        layout.addStretch(1)
        self.setWidget(inner)

    def _titles(self) -> dict[str, str]:
        return {
            "reason": self.tr("Why"),
            "command": self.tr("Command"),
            "machine": self.tr("Machine"),
            "gpus": self.tr("GPUs"),
            "project": self.tr("Project"),
            "snapshot": self.tr("Snapshot"),
            "environment": self.tr("Environment"),
            "owner": self.tr("Owner"),
            "submitted": self.tr("Submitted"),
            "started": self.tr("Started"),
            "ended": self.tr("Ended"),
            "exit": self.tr("Exit"),
            "variables": self.tr("Variables"),
            "run": self.tr("Run id"),
        }

    def show_view(self, machine: DeviceId, view: RunView) -> None:
        row = run_row(machine, self._context.machine_name(machine), view)
        bad = row.kind in _BAD and row.reason is not None
        self._problem.setVisible(bad)
        if bad and row.reason is not None:
            self._problem.set_error(
                self.tr("This run did not succeed."),
                reason_text(row.reason, remedy=False),
                reason_remedy(row.reason),
                f"{view.run}\n{row.reason.text}",
            )
        texts = {
            "reason": reason_text(row.reason) if row.reason is not None and not bad else "",
            "command": " ".join(view.spec.command),
            "machine": row.machine_name,
            "gpus": self._gpus(view),
            "project": view.spec.project,
            "snapshot": view.spec.snapshot or "",
            "environment": self._environment(view),
            "owner": view.owner,
            "submitted": moment(view.submitted_at),
            "started": moment(row.started_at) if row.started_at is not None else "",
            "ended": moment(row.ended_at) if row.ended_at is not None else "",
            "exit": self._exit(view),
            "variables": "\n".join(f"{k}={v}" for k, v in sorted(view.spec.variables.items())),
            "run": view.run,
        }
        for field, text in texts.items():
            self._values[field].setText(text)
            self._form.setRowVisible(self._values[field], bool(text))

    def _gpus(self, view: RunView) -> str:
        request = view.spec.gpus
        if request.count == 0:
            return self.tr("none asked for")
        parts = [
            lease_text(run_row(DeviceId(""), "", view).lease),
            self.tr("{count} asked for").format(count=request.count),
        ]
        if request.vram_bytes:
            parts.append(
                self.tr("{vram} each").format(vram=numbers.vram_capacity(request.vram_bytes))
            )
        if request.exclusive:
            parts.append(self.tr("for itself"))
        return " · ".join(part for part in parts if part)

    def _environment(self, view: RunView) -> str:
        match view.spec.environment:
            case LockedEnvironment(lock_path=path, lock_hash=lock_hash):
                return self.tr("from {lock} ({hash})").format(lock=path, hash=lock_hash[:12])
            case _:
                return self.tr("the machine's own")

    def _exit(self, view: RunView) -> str:
        match view.state:
            case Ended(exit_code=int(code)):
                return self.tr("code {code}").format(code=code)
            case Ended(signal=int(signal)):
                return self.tr("signal {signal}").format(signal=signal)
            case _:
                return ""
