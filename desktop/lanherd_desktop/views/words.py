"""Reasons, failures, times and states in the language of the window.

Machines speak in codes and data; the sentence that comes along is English. Where the code is known
the sentence is made here, from the same data; where it isn't (a newer agent), the machine's own
sentence is shown as it came.
"""

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from lanherd_client.gpu_numbers import gpu_number
from lanherd_desktop.platform.preferences import PreferencesProblem
from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.runs import RunRow
from lanherd_desktop.views.cause_remedies import CAUSE_REMEDIES
from lanherd_desktop.views.causes import CAUSES
from lanherd_desktop.views.ends import END_REMEDIES
from lanherd_desktop.views.failures import FAILURES, NEXTS, WHYS
from lanherd_desktop.views.reasons import (
    LIVE_REMEDIES,
    PLAIN,
    REASONS,
    REMEDIES,
    REMEDY_RESTS,
    RESTS,
    VARIANTS,
)
from lanherd_desktop.views.refusals import INVALID
from lanherd_desktop.views.refusals_here import NOT_HERE
from lanherd_desktop.views.refusals_of_constraints import OF_CONSTRAINTS
from lanherd_desktop.views.refusals_of_environment_orders import OF_ENVIRONMENT_ORDERS
from lanherd_desktop.views.refusals_of_environments import OF_ENVIRONMENTS
from lanherd_desktop.views.refusals_of_files import OF_FILES
from lanherd_desktop.views.refusals_of_machines import OF_MACHINES
from lanherd_desktop.views.refusals_of_orders import OF_ORDERS
from lanherd_desktop.views.refusals_of_rules import OF_RULES
from lanherd_desktop.views.refusals_of_runs import OF_RUNS
from lanherd_desktop.views.refusals_of_snapshots import OF_SNAPSHOTS
from lanherd_desktop.views.refusals_of_submits import OF_SUBMITS
from lanherd_desktop.views.sayings import RESTS_OF_SAYINGS, SAYINGS
from lanherd_desktop.views.widgets.chip import chip_text
from lanherd_desktop.views.widgets.labels import plain_tooltip
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.ids import short_id
from lanherd_protocol.values import Lease, Reason

_SECONDS = frozenset(
    {
        "limit_s", "age_s", "age_s_max", "grace_s", "timeout_s", "about_s", "opens_about_s",
        "expected_about_s", "time_limit_s", "cpu_s", "wait_s",
    }
)  # fmt: skip
_IDS = frozenset({"run", "snapshot", "environment"})
_ID_CHARS_MIN = 36
"""Of a whole id: what a person wrote of one stands as it is."""
_PHRASES = frozenset({"what", "role", "needed", "wants", "problem"})
Data = Mapping[str, str | int | float]
REFUSALS = (
    *OF_RUNS, *OF_SUBMITS, *OF_ORDERS, *OF_CONSTRAINTS, *OF_RULES, *OF_ENVIRONMENTS,
    *OF_ENVIRONMENT_ORDERS, *OF_SNAPSHOTS, *OF_FILES, *OF_MACHINES, *INVALID, *NOT_HERE,
)  # fmt: skip
"""Those that are named come first: what comes along with them may stand in others too."""


def _is_told(told: Mapping[str, str | None], data: Data) -> bool:
    return all(key in data and value in (None, data[key]) for key, value in told.items())


def _known(code: ErrorCode, data: Data) -> tuple[str, str]:
    """Why and what next, from the values of a failure; empty where only the sender's words say
    it."""
    told = {key: value for key, value in data.items() if value not in (0, "")}
    for refusal in REFUSALS:
        if refusal.code is code and _is_told(refusal.told, data):
            texts = [QCoreApplication.translate("failures", why) for why in refusal.whys]
            said = next(filter(None, (_fill(text, told) for text in texts)), "")
            what_next = QCoreApplication.translate("failures", refusal.what_next)
            why = sentences(_said_before(code, data), said or _fill(texts[-1], data))
            return why, _fill(what_next, data)
    for template in WHYS.get(code, ()):
        text = _fill(QCoreApplication.translate("failures", template), told)
        if text:
            return text, QCoreApplication.translate("failures", NEXTS[code])
    return "", ""


def _said_before(code: ErrorCode, data: Data) -> str:
    """What a build failed with the first time, where a second one is refused for that."""
    if data.get("refusal") != "failed_before":
        return ""
    was = {key: value for key, value in data.items() if key not in ("refusal", "before")}
    before = {"refusal": data["before"]} if data.get("before") else {}
    return _known(code, {**was, **before})[0]


def english() -> bool:
    """Whether the window speaks English, so that a machine's own sentence can stand as it is."""
    return QLocale().language() != QLocale.Language.Chinese


def reason_text(reason: Reason, remedy: bool = True) -> str:
    """Why a run waits or how it ended; with what to do next, unless that stands elsewhere."""
    return sentences(_why(reason), reason_remedy(reason) if remedy else "")


def sentences(*parts: str) -> str:
    """One after the other, with a space where the language has one."""
    text = ""
    for part in parts:
        gap = "" if not text or not part or text.endswith(("。", "；", "！", "？")) else " "
        text += gap + part
    return text


def _why(reason: Reason) -> str:
    if english():
        return reason.text
    shown = _of_log(CAUSES, reason.code, reason.text, reason.data)
    if shown:
        return shown
    if reason.code.startswith("lost_") and _said(reason.text) != reason.text:
        return _said(reason.text)
    known = _sentence(reason.code, reason.data)
    if known:
        nearest = _sentence(str(reason.data.get("nearest", "")), reason.data)
        return sentences(known, nearest, _unseen(reason), *_rests(RESTS, reason.data))
    code = ErrorCode(reason.code)
    if reason.code in REASONS or code is ErrorCode.UNKNOWN:
        return reason.text
    # The machine's own words hold what no table has: the driver's, a newer agent's.
    why, _ = _known(code, reason.data)
    return sentences(QCoreApplication.translate("failures", FAILURES[code]), why or reason.text)


def _rests(table: Mapping[str, str | tuple[str, ...]], data: Data) -> list[str]:
    """The further sentences of those values that came along; of several the one that says most."""
    said = [texts for key, texts in table.items() if data.get(key)]
    return [
        _first_filled("reasons", (texts,) if isinstance(texts, str) else texts, data)
        for texts in said
    ]


def _first_filled(context: str, templates: tuple[str, ...], data: Data) -> str:
    texts = (_fill(QCoreApplication.translate(context, one), data) for one in templates)
    return next(filter(None, texts), "")


def _unseen(reason: Reason) -> str:
    """Of a stop or a limit whose end nobody saw: what was lost, which is a sentence of its own."""
    why = reason.data.get("why")
    if not isinstance(why, str) or not why or not reason.text.endswith(f". {why}"):
        return ""
    # Where the reason's own sentence has a place for it, it was said there.
    return "" if "{why}" in REASONS.get(reason.code, "") else _said(why)


def _said(text: str) -> str:
    """A machine's whole sentences where they are known; others stand as they came."""
    for last in RESTS_OF_SAYINGS:
        if text.endswith(f" {last}"):
            before = _said(text.removesuffix(f" {last}"))
            return sentences(before, QCoreApplication.translate("reasons", last))
    for template in SAYINGS:
        head, field, tail = template.partition("{flaw}")
        if text == template or (field and text.startswith(head) and text.endswith(tail)):
            flaw = text[len(head) : len(text) - len(tail)]
            return QCoreApplication.translate("reasons", template).replace("{flaw}", flaw)
    return text


def _of_log(table: Mapping[str, tuple[str, ...]], code: str, said: str, data: Data) -> str:
    """Of the sentences about a cause the one that the machine said; empty where it said none of
    them. Values are pieces of a log, and stand as they are."""
    for template in table.get(code, ()):
        try:
            known = template.format_map(data) == said
        except KeyError:
            continue
        if known:
            return QCoreApplication.translate("causes", template).format_map(data)
    return ""


def _sentence(code: str, data: Data) -> str:
    """The sentence of a known code that says the most; empty when the data isn't all there."""
    plain = PLAIN.get(code, {})
    if data.get("command"):
        program = str(data["command"]).split(" ", 1)[0].rsplit("/", 1)[-1]
        data = {**data, "program": program}
    told = {key: value for key, value in data.items() if value not in ("", plain.get(key, ""))}
    for template in VARIANTS.get(code, ()):
        text = _fill(QCoreApplication.translate("reasons", template), told)
        if text:
            return text
    usual = REASONS.get(code)
    return "" if usual is None else _fill(QCoreApplication.translate("reasons", usual), data)


def reason_remedy(reason: Reason) -> str:
    """What to do about it; empty where there is nothing to do."""
    if english() or not reason.remedy:
        return reason.remedy
    for table in (CAUSE_REMEDIES, END_REMEDIES):
        shown = _of_log(table, reason.code, reason.remedy, reason.data)
        if shown:
            return shown
    # Of too few GPUs the nearest says what could be done.
    code = str(reason.data.get("nearest", reason.code))
    template = (LIVE_REMEDIES.get(code) if reason.data.get("live") else None) or REMEDIES.get(code)
    if template is not None:
        known = _fill(QCoreApplication.translate("reasons", template), reason.data)
        rests = _rests(REMEDY_RESTS.get(code, {}), reason.data)
        return sentences(known, *rests) if known else reason.remedy
    _, what_next = _known(ErrorCode(reason.code), reason.data)
    return what_next or reason.remedy


def failure_texts(failure: Failure) -> tuple[str, str, str]:
    """What happened, why, and what next."""
    if english() and failure.title:
        return failure.title, failure.message, failure.remedy
    title = QCoreApplication.translate("failures", FAILURES[failure.code])
    why, what_next = _known(failure.code, failure.data)
    if why and not english():
        return title, why, what_next
    # The sender's own title names the thing, which the general one can't.
    return title, sentences(failure.title, failure.message), failure.remedy


def failure_line(failure: Failure) -> str:
    """All of it on one line, for a note or a toast."""
    return sentences(*failure_texts(failure))


def preferences_problem_text(problem: PreferencesProblem) -> str:
    """What is wrong with the file of preferences, and what became of it."""
    texts = {
        "broken": QCoreApplication.translate(
            "preferences", "{file} is broken: {why}. It was kept as {aside}."
        ),
        "unreadable": QCoreApplication.translate(
            "preferences", "{file} can't be read: {why}. The window begins as if it were new."
        ),
        "unwritable": QCoreApplication.translate(
            "preferences",
            "{file} can't be written: {why}. What you change holds until the window is closed.",
        ),
    }
    return texts[problem.what].format(file=problem.file, why=problem.why, aside=problem.aside)


def _fill(template: str, data: Data) -> str:
    """The sentence with its numbers; empty when the machine did not send them all."""
    values: dict[str, str] = {}
    for key, value in data.items():
        values[key.removesuffix("_bytes")] = _value_text(key, value)
    try:
        return template.format_map(values)
    except KeyError:
        return ""


def _value_text(key: str, value: str | int | float) -> str:
    """A value of a reason as people say it."""
    if isinstance(value, int | float):
        if key == "position":
            return str(int(value) + 1)
        if key == "failed_at":
            return clock(value)
        if "bytes" in key:
            return numbers.amount(int(value))
        return numbers.duration(value) if key in _SECONDS else str(value)
    if key in _IDS and len(value) >= _ID_CHARS_MIN:
        return short_id(value)
    if key == "outcome" and value in set(ChipKind):
        return chip_text(ChipKind(value))
    if key == "why":
        return _said(value)
    if key in _PHRASES:
        return QCoreApplication.translate("phrases", value)
    return _kind_text(value) if key == "kind" else value


def _kind_text(kind: str) -> str:
    """What of another run is waited for."""
    texts = {
        "after": QCoreApplication.translate("reasons", "to be started"),
        "after_ok": QCoreApplication.translate("reasons", "to succeed"),
        "after_any": QCoreApplication.translate("reasons", "to end"),
    }
    return texts.get(kind, kind)


def lease_text(lease: Lease) -> str:
    """'GPU 0, 1', 'GPU 3:0' of a MIG instance, or empty for a run without GPUs."""
    if not lease.gpus:
        return ""
    return "GPU " + ", ".join(gpu_number(gpu.index, gpu.instance) for gpu in lease.gpus)


def run_subtitle(row: RunRow) -> str:
    """The second line of a run in a list: when it was submitted, and what is to say of it."""
    return " · ".join((clock(row.submitted_at), _run_place(row)))


def _run_place(row: RunRow) -> str:
    """Its reason, else where it runs; that its machine is silent before all of it."""
    if row.silent_since is not None:
        return QCoreApplication.translate(
            "reasons", "{machine} unreachable · last known: {state}"
        ).format(machine=row.machine_name, state=chip_text(row.kind))
    if row.reason is not None and row.kind != ChipKind.SUCCEEDED:
        return reason_text(row.reason)
    if row.kind == ChipKind.PREPARING:
        building = QCoreApplication.translate("reasons", "Building its environment")
        return f"{row.machine_name} · {row.detail or building}"
    where = lease_text(row.lease) or QCoreApplication.translate("reasons", "no GPU")
    vram = row.lease.gpus[0].vram_bytes if row.lease.gpus else 0
    asked = numbers.vram_capacity(vram) if vram else ""
    return " · ".join(part for part in (row.machine_name, where, asked) if part)


def run_spoken(row: RunRow) -> str:
    """A run in a list, for those who hear the window."""
    said = (chip_text(row.kind), row.title, run_subtitle(row), *run_signs(row))
    return ", ".join(said)


def run_signs(row: RunRow) -> list[str]:
    """The small signs of a run in a list, in words."""
    signs = []
    if row.priority:
        text = QCoreApplication.translate("reasons", "priority {number}")
        signs.append(text.format(number=f"{row.priority:+d}"))
    if row.pinned:
        signs.append(QCoreApplication.translate("reasons", "pinned: its files are kept"))
    if row.tags:
        text = QCoreApplication.translate("reasons", "tags: {tags}")
        signs.append(text.format(tags=", ".join(row.tags)))
    return signs


def run_signs_tooltip(row: RunRow) -> str:
    """The same for those who point at them."""
    return plain_tooltip("\n".join(run_signs(row)))


def last_seen(unix_s: float, now: float) -> str:
    """Of a machine that can't be asked: how old what is known of it is."""
    return QCoreApplication.translate("reasons", "unreachable, last seen {age} ago").format(
        age=numbers.duration(max(0.0, now - unix_s))
    )


def quiet_text(quiet_at: float | None, now: float) -> str:
    """'quiet in 8 s'; empty where others aren't, or weren't a moment ago."""
    if quiet_at is None:
        return ""
    left = max(0.0, quiet_at - now)
    text = QCoreApplication.translate("WhyCard", "quiet in {left}")
    return text.format(left=numbers.duration(left))


def clock(unix_s: float) -> str:
    """A time of day to the minute, with the day when it isn't today's: what tells runs apart."""
    when = QDateTime.fromSecsSinceEpoch(int(unix_s))
    locale = QLocale()
    text = locale.toString(when.time(), "HH:mm")
    if when.date() == QDateTime.currentDateTime().date():
        return text
    return f"{locale.toString(when.date(), QLocale.FormatType.ShortFormat)} {text}"


def moment(unix_s: float) -> str:
    """A time of day, with the date when it isn't today's."""
    when = QDateTime.fromSecsSinceEpoch(int(unix_s))
    locale = QLocale()
    clock = locale.toString(when.time(), "HH:mm:ss")
    if when.date() == QDateTime.currentDateTime().date():
        return clock
    return f"{locale.toString(when.date(), QLocale.FormatType.ShortFormat)} {clock}"
