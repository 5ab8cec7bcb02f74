"""What the overview of a run says of each of its properties, in the language of the window."""

import shlex

from PySide6.QtCore import QCoreApplication

from lanherd_desktop.state import numbers
from lanherd_desktop.state.attempts import AttemptRow
from lanherd_desktop.state.runs import run_row
from lanherd_desktop.views.words import lease_text, moment
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import RunView
from lanherd_protocol.values import (
    DependencyKind,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    RetryCause,
    RetryRule,
    RunSpec,
    SourceEnvironment,
    StopRule,
)


def gpus_text(view: RunView) -> str:
    """The lease, and what was asked for."""
    request = view.spec.gpus
    if request.count == 0:
        return QCoreApplication.translate("RunTexts", "none asked for")
    parts = [
        lease_text(run_row(DeviceId(""), "", view).lease),
        QCoreApplication.translate("RunTexts", "{count} asked for").format(count=request.count),
    ]
    if request.vram_bytes:
        each = QCoreApplication.translate("RunTexts", "{vram} each")
        parts.append(each.format(vram=numbers.vram_capacity(request.vram_bytes)))
    if request.exclusive:
        parts.append(QCoreApplication.translate("RunTexts", "for itself"))
    return " · ".join(part for part in parts if part)


def environment_text(view: RunView) -> str:
    match view.spec.environment:
        case LockedEnvironment(lock_path=path, lock_hash=lock_hash):
            template = QCoreApplication.translate("RunTexts", "from {lock} ({hash})")
            return template.format(lock=path, hash=lock_hash[:12])
        case SourceEnvironment(source_path=path, packages=packages, base=base):
            parts = (base[:12] if base is not None else "", path, *packages)
            template = QCoreApplication.translate("RunTexts", "made of {source}, locked there")
            return template.format(source=", ".join(part for part in parts if part))
        case RegisteredEnvironment(name=name):
            template = QCoreApplication.translate("RunTexts", "{name}, registered there")
            return template.format(name=name)
        case NoEnvironment():
            return QCoreApplication.translate("RunTexts", "the machine's own")


def exit_text(row: AttemptRow) -> str:
    """'code 1', 'signal 9'; empty while it goes on, or where nobody knows."""
    if row.exit_code is not None:
        template = QCoreApplication.translate("RunTexts", "code {code}")
        return template.format(code=row.exit_code)
    if row.signal is not None:
        template = QCoreApplication.translate("RunTexts", "signal {signal}")
        return template.format(signal=row.signal)
    return ""


def cause_text(cause: RetryCause) -> str:
    texts: dict[RetryCause, str] = {
        "failed": QCoreApplication.translate("RunTexts", "it failed"),
        "lost": QCoreApplication.translate("RunTexts", "it was lost"),
        "timed_out": QCoreApplication.translate("RunTexts", "its time was over"),
    }
    return texts[cause]


def retry_text(rule: RetryRule) -> str:
    """How many attempts, after which ends, how far apart; '' for a single one."""
    if rule.attempts_max <= 1:
        return ""
    joint = QCoreApplication.translate("RunTexts", " or ")
    template = QCoreApplication.translate(
        "RunTexts", "up to {count} attempts, when {causes}; the first pause is {pause}"
    )
    text = template.format(
        count=rule.attempts_max,
        causes=joint.join(map(cause_text, rule.on)),
        pause=numbers.duration(rule.backoff_s),
    )
    only = [*map(str, rule.exit_codes), *(f"SIG {number}" for number in rule.signals)]
    if only:
        codes = QCoreApplication.translate("RunTexts", "only exit codes and signals {codes}")
        text = f"{text} · {codes.format(codes=', '.join(only))}"
    return text


def stop_text(rule: StopRule) -> str:
    """Of a rule that isn't the usual one; '' of the usual."""
    if rule == StopRule():
        return ""
    template = QCoreApplication.translate("RunTexts", "SIG{signal}, and SIGKILL after {grace}")
    return template.format(signal=rule.signal, grace=numbers.duration(rule.grace_s))


def limit_text(spec: RunSpec) -> str:
    if spec.time_limit_s is None:
        return ""
    template = QCoreApplication.translate("RunTexts", "{limit} for each attempt")
    return template.format(limit=numbers.duration(spec.time_limit_s))


def log_text(spec: RunSpec) -> str:
    """How its log is kept, where that was asked for."""
    parts = []
    if spec.log.split:
        parts.append(QCoreApplication.translate("RunTexts", "errors in a log of their own"))
    if spec.log.bytes_max is not None:
        template = QCoreApplication.translate("RunTexts", "at most {size}, its middle goes first")
        parts.append(template.format(size=numbers.size(spec.log.bytes_max)))
    return " · ".join(parts)


def priority_text(view: RunView) -> str:
    """'+10', '-20'; '' for the usual one."""
    return f"{view.settings.priority:+d}" if view.settings.priority else ""


def files_text(view: RunView) -> str:
    """What is to say of its files: that they are gone, or that they stay."""
    if view.files_removed_at is not None:
        template = QCoreApplication.translate(
            "RunTexts", "removed {when}, by hand or by the machine's rules for old runs"
        )
        return template.format(when=moment(view.files_removed_at))
    if view.settings.pinned:
        return QCoreApplication.translate("RunTexts", "pinned: they stay until it is unpinned")
    return ""


def dependency_text(kind: DependencyKind) -> str:
    """What is waited for."""
    texts: dict[DependencyKind, str] = {
        "after": QCoreApplication.translate("RunTexts", "until it was started"),
        "after_ok": QCoreApplication.translate("RunTexts", "until it succeeded"),
        "after_any": QCoreApplication.translate("RunTexts", "until it ended"),
    }
    return texts[kind]


def texts_of_spec(spec: RunSpec) -> dict[str, str]:
    """The rows that follow from the specification alone."""
    return {
        "command": shlex.join(spec.command),
        "pre": shlex.join(spec.pre_command),
        "post": shlex.join(spec.post_command),
        "directory": spec.directory,
        "project": spec.project,
        "snapshot": spec.snapshot or "",
        "variables": "\n".join(f"{k}={v}" for k, v in sorted(spec.variables.items())),
        "secrets": ", ".join(spec.secrets),
        "limit": limit_text(spec),
        "retry": retry_text(spec.retry),
        "stop": stop_text(spec.stop),
        "log": log_text(spec),
        "niceness": str(spec.niceness) if spec.niceness else "",
    }
