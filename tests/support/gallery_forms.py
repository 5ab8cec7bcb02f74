"""Forms and panels of the gallery: what somebody fills in, asks for, or looks through."""

import tempfile
from pathlib import Path

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lanherd_desktop.bridge import Bridge
from lanherd_desktop.platform.preferences import PreferencesFile
from lanherd_desktop.state.remote_search import RemoteSearch, SearchQuery
from lanherd_desktop.state.submit_options import AfterField, SecretField
from lanherd_desktop.views.after_fields import AfterFields
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.machines.retention import RetentionSection
from lanherd_desktop.views.runs.log_search_panel import LogSearchPanel
from lanherd_desktop.views.runs.overview import RunOverview
from lanherd_desktop.views.secret_fields import SecretFields
from lanherd_desktop.views.widgets.labels import Label
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.log_messages import LogMatch, LogMatches
from lanherd_protocol.retention_messages import RetentionPlan, RetentionState
from lanherd_protocol.values import Reason, Removal, RetentionRule, RetentionRules
from tests.support import synthetic_room
from tests.support.synthetic_room import GIB, machine_id, run_id

RULES = RetentionRules(rules=(RetentionRule(age_s_max=30 * 86_400.0, bytes_max=200 * GIB),))
WHY = Reason(code="retention_age", text="It ended 34 d ago; files are kept for 30 d.")


def a_context(owner: QWidget) -> WindowContext:
    """The synthetic room, without a thread or a network."""
    with tempfile.TemporaryDirectory(prefix="lanherd-gallery-") as home:
        bridge = Bridge(Path(home), owner)
        context = WindowContext(bridge, PreferencesFile(Path(home)))
    context.setParent(owner)
    bridge.room_updated.emit(synthetic_room.room())
    return context


def forms() -> QWidget:
    """Who is waited for, secrets, and what a machine keeps: asked, told and refused."""
    whole = QWidget()
    context = a_context(whole)
    left, middle, right = QVBoxLayout(), QVBoxLayout(), QVBoxLayout()
    keys = [key for key in context.room.runs if key[0] == machine_id("kepler")]
    afters = AfterFields(lambda key: context.room.runs[key].spec.name)
    afters.offer(keys)
    afters.fill([AfterField(keys[0]), AfterField(keys[1], "after_any"), AfterField()])
    secrets = SecretFields()
    secrets.fill((SecretField("WANDB_API_KEY", "hush"), SecretField()))
    for title, part in (("Runs to wait for", afters), ("Secrets", secrets)):
        left.addWidget(Label(title, "card"))
        left.addWidget(part)
    left.addStretch(1)
    planned, refused = RetentionSection(context), RetentionSection(context)
    for section, column in ((planned, middle), (refused, right)):
        section.show_state(RetentionState(rules=RULES, size_bytes=184 * GIB, runs=412))
        column.addWidget(section)
        column.addStretch(1)
    removals = tuple(Removal(run=run_id(n), size_bytes=n * GIB, reason=WHY) for n in (900, 901))
    planned.show_plan(RetentionPlan(removals=removals, size_bytes=48 * GIB, runs=31))
    refused.fields["free"].setText("1GB")
    refused.fields["count"].setText("many")
    refused._show_failure(
        Failure(
            code=ErrorCode.INVALID_REQUEST,
            title="1.5 TB can't be made free.",
            message="With all files of ended runs removed that may go, 412 GB would be.",
            remedy="Ask for less, or unpin what you don't need.",
        )
    )
    row = QHBoxLayout(whole)
    row.setContentsMargins(24, 24, 24, 24)
    row.setSpacing(24)
    for column in (left, middle, right):
        row.addLayout(column, 1)
    return whole


def panels() -> QWidget:
    """Searches of a whole log under way, over and refused; a run with its attempts."""
    whole = QWidget()
    context = a_context(whole)
    column = QVBoxLayout(whole)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(16)
    found = tuple(LogMatch(n * 37, n * 25, b"epoch 3  loss 0.1984", 9, 13) for n in range(20))
    for end in ("", "over", "refused"):
        panel = LogSearchPanel(context)
        # It has been asked: typing it would ask again, and nobody answers here.
        with QSignalBlocker(panel.field):
            panel.field.setText("loss")
        panel.search = RemoteSearch(SearchQuery("loss", regex=False, ignore_case=True), 4_000)
        panel.show_found(LogMatches(1_000, found, 20))
        if end:
            failure = Failure(
                code=ErrorCode.INVALID_REQUEST,
                title="The pattern is no regular expression.",
                message="Unterminated character set, at character 5.",
                data={"position": 4},
            )
            panel._on_end(failure if end == "refused" else None)
        panel.setFixedHeight(170)
        column.addWidget(panel)
        panel.show()
    overview = RunOverview(context)
    key = next(k for k, view in context.room.runs.items() if len(view.earlier) > 1)
    overview.show_view(key[0], context.room.runs[key])
    column.addWidget(overview, 1)
    return whole
