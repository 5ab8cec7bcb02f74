"""The machines of the room: how much is free, and what runs where."""

import time
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from lanherd_client.discovery import Sighting
from lanherd_client.mirror import Connecting, MachineView
from lanherd_desktop.models.machine_list import MachineListModel
from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.machine_card import (
    MachineCard,
    machine_accepted,
    machine_card,
    machine_query,
    totals,
)
from lanherd_desktop.state.room import RoomChange
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.machines.card import MachineCardView
from lanherd_desktop.views.machines.panel import WIDTH as PANEL_WIDTH
from lanherd_desktop.views.machines.panel import MachinePanel
from lanherd_desktop.views.machines.pause_watch import PauseWatch
from lanherd_desktop.views.machines.rules_editor import RulesEditor
from lanherd_desktop.views.room_stack import RoomStack
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton, PrimaryButton
from lanherd_desktop.views.widgets.card import CardFrame, DotKind
from lanherd_desktop.views.widgets.card_grid import CardGrid
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.numbers_line import Number, NumbersLine
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.widgets.search_field import SearchField
from lanherd_desktop.views.words import failure_line
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId

NARROW = 900
SLICE_S = 0.010
"""For making cards, each of which takes some milliseconds, and as long again to be shown."""
START_COMMAND = "lanherd-agent serve"


class MachinesPage(QWidget):
    """Cards by name: paired machines first, then those that were found."""

    def __init__(self, context: WindowContext, model: MachineListModel) -> None:
        super().__init__()
        self._context = context
        self._model = model
        self._cards: dict[DeviceId, MachineCardView] = {}
        self._data: dict[DeviceId, MachineCard] = {}
        self._shown: list[DeviceId] = []
        self.pauses = PauseWatch(context, self)
        self._build_soon = _idle_timer(self, self._build)
        self._found: dict[DeviceId, SightingCard] = {}
        self.search = SearchField(self.tr("Search, or free:>20GB"))
        self.search.setFixedWidth(300)
        self.new_run = PrimaryButton(self.tr("New run"), IconName.PLUS)
        self.new_run.clicked.connect(lambda: context.submit_wanted.emit(SubmitForm()))
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(Label(self.tr("Machines"), "title"))
        head.addStretch(1)
        head.addWidget(self.search)
        head.addWidget(self.new_run)
        self._numbers = NumbersLine()
        self._numbers.set_legend(True)
        self._grid = CardGrid()
        self._no_match = self._nothing_found()
        empty = self._empty()
        # In the turn after it: only then is it known what is seen.
        self._catch_up_soon = _idle_timer(self, self._catch_up)
        self._grid.seen_changed.connect(self._catch_up_soon.start)
        self._content = StateStack(self._grid)
        self._content.keep(self._no_match)
        self.panel = MachinePanel(context)
        self.pauses.changed.connect(self._on_pauses_changed)
        self.panel.line.told.connect(self.pauses.take)
        self.panel.closed.connect(self._on_panel_closed)
        self._shown_found: list[SightingCard] = []
        self._opened_by: MachineCardView | None = None
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.setProperty("kind", "gap")
        self._split.addWidget(self._content)
        self._split.addWidget(self.panel)
        self._split.setStretchFactor(0, 1)
        self._split.setSizes([10_000, PANEL_WIDTH])
        self._stack = RoomStack(context, self._split, empty, "cards")
        self.rules = RulesEditor(context)
        self._lay_pages(head)
        self.panel.rules_wanted.connect(self.open_rules)
        self.rules.left.connect(self._on_rules_left)
        self.search.query_changed.connect(self._lay)
        context.room_changed.connect(self._on_room_changed)
        context.second_passed.connect(self._on_second)
        self._lay()

    def _nothing_found(self) -> EmptyState:
        """What stands there where no machine is as the search wants it."""
        found_none = EmptyState(
            IconName.SEARCH,
            self.tr("No machine matches"),
            self.tr("Other words, or none, show more of them."),
            self.tr("Clear the search"),
        )
        found_none.activated.connect(lambda: self.search.set_query(""))
        return found_none

    def _empty(self) -> EmptyState:
        """What stands there before there is a machine."""
        empty = EmptyState(
            IconName.SERVER,
            self.tr("No machine yet"),
            self.tr(
                "Start an agent on a machine with GPUs. On this one, run: {command}. "
                "It appears here by itself."
            ).format(command=_unbroken(START_COMMAND)),
            self.tr("Copy the command"),
        )
        empty.activated.connect(self._copy_command)
        return empty

    def _lay_pages(self, head: QHBoxLayout) -> None:
        """The room, and in its place the rules of one machine."""
        self._room = QWidget()
        layout = QVBoxLayout(self._room)
        layout.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, 0)
        layout.setSpacing(SPACE_4)
        layout.addLayout(head)
        layout.addWidget(self._numbers)
        layout.addWidget(self._stack, 1)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._room)
        self._pages.addWidget(self.rules)

    @property
    def cards(self) -> dict[DeviceId, MachineCardView]:
        return self._cards

    @property
    def building(self) -> bool:
        """Whether some machines have no card yet: those of a whole room come in slices."""
        return self._build_soon.isActive()

    @property
    def found(self) -> dict[DeviceId, "SightingCard"]:
        return self._found

    def _on_room_changed(self, change: RoomChange) -> None:
        touched = change.machines | {key[0] for key in change.runs}
        if self.panel.machine in change.machines:
            self.panel.refresh()
        for machine in touched:
            self._data.pop(machine, None)
            self._refresh(machine)
        if change.machines_came_or_went or change.sightings or self.search.query() != "":
            self._lay()
            return
        self._stack.show_room(bool(self._cards or self._found), self._known() or bool(self._found))
        if touched:
            self._refresh_numbers()
            self._model.set_machines(self._context.room.machines_by_name())

    def _on_pauses_changed(self, machine: DeviceId) -> None:
        self._data.pop(machine, None)
        self._refresh(machine)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.pauses.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.pauses.stop()

    def _on_second(self) -> None:
        if self.isVisible():
            self._catch_up()
            for card in self._cards.values():
                card.refresh_times()

    def _refresh(self, machine: DeviceId) -> None:
        view = self._context.room.machines.get(machine)
        card = self._cards.get(machine)
        if view is not None and card is not None:
            data = self._data_of(view)
            if not card.show_later(data):
                card.set_card(data)

    def _data_of(self, view: MachineView) -> MachineCard:
        room, machine = self._context.room, view.machine
        data = self._data.get(machine)
        if data is None:
            histories = room.histories.get(machine, {})
            data = machine_card(
                view, histories, room.open_runs_of(machine), self.pauses.of(machine)
            )
            self._data[machine] = data
        return data

    def _catch_up(self) -> None:
        """Cards came into sight that were not kept up to date while nobody saw them."""
        for card in self._cards.values():
            card.catch_up()

    def _known(self) -> bool:
        """Whether there is anything to count: not while every first answer is on its way."""
        room = self._context.room
        return room.heard and not (room.machines and all(map(_is_unmet, room.machines.values())))

    def _refresh_numbers(self) -> None:
        views = tuple(self._context.room.machines.values())
        if not self._known():
            unknown = (self.tr("GPUs"), self.tr("free"), self.tr("VRAM in use"))
            self._numbers.set_numbers([Number(numbers.UNKNOWN, label) for label in unknown])
            return
        sums = totals(views)
        self._numbers.set_numbers(
            (
                Number(numbers.count(sums.gpus), self.tr("GPUs")),
                Number(numbers.count(sums.gpus_free), self.tr("free")),
                Number(
                    numbers.vram_of(sums.vram_used_bytes, sums.vram_total_bytes),
                    self.tr("VRAM in use"),
                ),
                Number(numbers.count(sums.running), self.tr("running")),
                Number(numbers.count(sums.waiting), self.tr("waiting")),
            )
        )

    def _lay(self) -> None:
        """Machines or found ones came, went or are filtered: lay the grid anew."""
        room = self._context.room
        query = machine_query(self.search.query())
        views: list[MachineView] = room.machines_by_name()
        for gone in self._cards.keys() - room.machines.keys():
            self._cards.pop(gone).deleteLater()
        for gone in self._data.keys() - room.machines.keys():
            del self._data[gone]
        self._shown = [
            view.machine
            for view in views
            if query.empty or machine_accepted(self._data_of(view), query)
        ]
        self._shown_found = [
            card for card in self._sighting_cards() if query.accepts(card.sighting.name, {})
        ]
        self._build()
        shown = bool(self._shown or self._shown_found)
        self._refresh_numbers()
        self._model.set_machines(views)
        if shown or query.empty:
            self._content.show_content()
        else:
            self._content.show_empty(self._no_match)
        self._stack.show_room(bool(views or self._found), self._known() or bool(self._found))

    def _build(self) -> None:
        """Make the cards that are still to be made, from the top on, and no more at once than
        the window has time for: it goes on with the rest when it has done what came meanwhile."""
        until = time.perf_counter() + SLICE_S
        cards: list[QWidget] = []
        made = False
        for machine in self._shown:
            card = self._cards.get(machine)
            if card is None:
                if made and time.perf_counter() > until:
                    self._build_soon.start()
                    break
                card = self._make_card(machine)
                made = True
            cards.append(card)
        else:
            cards.extend(self._shown_found)
        self._grid.set_cards(cards)

    def _make_card(self, machine: DeviceId) -> MachineCardView:
        card = MachineCardView(machine)
        card.run_activated.connect(self._on_run_activated)
        card.activated.connect(lambda: self.open_machine(machine))
        card.set_card(self._data_of(self._context.room.machines[machine]))
        self._cards[machine] = card
        return card

    def _sighting_cards(self) -> "list[SightingCard]":
        """Made anew when an agent was started again: it is behind another socket then."""
        found = {sighting.machine: sighting for sighting in self._context.room.found()}
        for machine in tuple(self._found):
            if found.get(machine) != self._found[machine].sighting:
                gone = self._found.pop(machine)
                focused = QApplication.focusWidget()
                if focused is not None and gone.isAncestorOf(focused):
                    self.new_run.setFocus()
                gone.deleteLater()
        for machine, sighting in found.items():
            if machine not in self._found:
                self._found[machine] = SightingCard(self._context, sighting)
        return [self._found[machine] for machine in found]

    def open_machine(self, machine: DeviceId) -> None:
        """One machine beside the others; where there is little room, in their place."""
        self._opened_by = self._cards.get(machine)
        self.panel.show_machine(machine)
        self._give_room()

    def open_line(self, machine: DeviceId, *, pause: bool) -> None:
        """The line of a machine, to be paused or resumed."""
        if self._pages.currentWidget() is self.rules:
            self.rules.leave()
        self.open_machine(machine)
        self.panel.show_line()
        if pause:
            self.panel.line.begin()
        else:
            self.panel.line.focus_resume()

    def open_rules(self, machine: DeviceId) -> None:
        """The rules of a machine, in the place of the machines."""
        self.rules.open_machine(machine)
        self._pages.setCurrentWidget(self.rules)
        self.rules.text.setFocus()

    def _on_rules_left(self) -> None:
        self._pages.setCurrentWidget(self._room)
        if self.panel.isVisible():
            self.panel.rules_button.setFocus()

    def _on_panel_closed(self) -> None:
        self._give_room()
        if self._opened_by is not None and self._opened_by in self._cards.values():
            self._opened_by.setFocus()

    def _give_room(self) -> None:
        self._content.setVisible(self.panel.isHidden() or self.width() >= NARROW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._give_room()

    def _on_run_activated(self, machine: DeviceId, run: object) -> None:
        self._context.run_wanted.emit((machine, run), "")

    def _copy_command(self) -> None:
        QGuiApplication.clipboard().setText(START_COMMAND)
        self._context.toast_wanted.emit(self.tr("Copied: {text}").format(text=START_COMMAND), "ok")


def _is_unmet(view: MachineView) -> bool:
    return view.facts is None and isinstance(view.link, Connecting)


def _unbroken(command: str) -> str:
    """The same to look at, but never divided between two lines."""
    return command.replace(" ", "\u00a0").replace("-", "\u2011")


def _idle_timer(owner: QWidget, then: Callable[[], None]) -> QTimer:
    """Goes off once the events that came meanwhile are through."""
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(0)
    timer.timeout.connect(then)
    return timer


class SightingCard(CardFrame):
    """An agent that was found and isn't paired yet."""

    def __init__(self, context: WindowContext, sighting: Sighting) -> None:
        super().__init__(sighting.name)
        self._context = context
        self.sighting = sighting
        self.set_dashed(True)
        self.set_badge(ChipKind.SIMULATED if sighting.simulated else None)
        self.set_status(DotKind.NONE, self.tr("found on this machine"))
        self.set_subtitle(
            self.tr("An agent that you have not paired with. Version {version}.").format(
                version=sighting.version
            )
        )
        self.pair_button = PrimaryButton(self.tr("Pair"))
        self.pair_button.clicked.connect(self._on_pair)
        why = GhostButton(self.tr("What is this?"))
        why.clicked.connect(self._on_why)
        buttons = QHBoxLayout()
        buttons.addWidget(self.pair_button)
        buttons.addWidget(why)
        buttons.addStretch(1)
        self.body.addLayout(buttons)

    def _on_pair(self) -> None:
        self.pair_button.setEnabled(False)
        sighting = self.sighting
        self._context.ask(
            lambda fleet, job: fleet.pair(sighting),
            lambda view: self._context.toast_wanted.emit(
                self.tr("Paired with {name}.").format(name=view.name), "ok"
            ),
            self._on_failed,
        )

    def _on_failed(self, failure: Failure) -> None:
        self.pair_button.setEnabled(True)
        self.set_note(failure_line(failure), danger=True)

    def _on_why(self) -> None:
        self.set_note(
            self.tr(
                "A Lanherd agent runs there. Pairing lets this device start runs on it: each side "
                "keeps the other's key. It goes through the agent's own socket on this machine."
            )
        )
