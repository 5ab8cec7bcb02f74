"""A whole room at once: its cards come in slices, in their order, and what changes meanwhile is
not lost."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as with_fields
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lanherd_desktop.app import Desktop
from lanherd_desktop.state.room import RoomUpdate
from lanherd_desktop.views.machines import page
from tests.support.desktop_window import finish_cards
from tests.support.synthetic_room import Card, machine

COUNT = 12


def crowd(heat: float = 60) -> RoomUpdate:
    made = [machine(f"m{n:02}", "RTX 4090", 24, [Card(10, 2, 50, heat, 300)]) for n in range(COUNT)]
    return RoomUpdate(
        machines={view.machine: view for view, _ in made},
        histories={view.machine: history for view, history in made},
        sightings=(),
    )


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SLICE_S", -1.0)


def test_cards_come_from_the_top_on_and_nothing_jumps(empty_desktop: Desktop) -> None:
    machines = empty_desktop.window.machines
    empty_desktop.bridge.room_updated.emit(crowd())
    places = {}
    while machines.building:
        QApplication.processEvents()
        for card in machines._grid.cards():
            assert places.setdefault(card, card.pos()) == card.pos()
    assert len(machines._grid.cards()) == len(machines.cards) == COUNT


def test_what_changes_before_its_card_is_made_is_in_it(empty_desktop: Desktop) -> None:
    machines = empty_desktop.window.machines
    empty_desktop.bridge.room_updated.emit(crowd())
    assert machines.building and len(machines.cards) == 1
    later = replace(crowd(heat=88), sightings=None)
    empty_desktop.bridge.room_updated.emit(later)
    finish_cards(empty_desktop)
    heats = {card.gauges[0].reading().temperature_c for card in machines.cards.values()}
    assert heats == {88}


def test_machines_that_go_before_they_have_a_card_get_none(empty_desktop: Desktop) -> None:
    machines = empty_desktop.window.machines
    update = crowd()
    empty_desktop.bridge.room_updated.emit(update)
    gone = list(update.machines)[3:]
    empty_desktop.bridge.room_updated.emit(RoomUpdate(machines=dict.fromkeys(gone)))
    finish_cards(empty_desktop)
    assert list(machines.cards) == list(update.machines)[:3]


def test_a_search_among_cards_that_are_still_made_shows_what_matches(
    empty_desktop: Desktop,
) -> None:
    machines = empty_desktop.window.machines
    empty_desktop.bridge.room_updated.emit(crowd())
    machines.search.set_query("m11")
    finish_cards(empty_desktop)
    machines._lay()
    assert [card.accessibleName() for card in machines._grid.cards()] == ["m11"]
    machines.search.set_query("")
    machines._lay()
    finish_cards(empty_desktop)
    assert len(machines._grid.cards()) == COUNT


def rooms(utilisation: float, problem: bool = False) -> RoomUpdate:
    cards = [Card(10, 2, utilisation, 60, 300)] * 8
    made = [machine(f"m{n:02}", "RTX 4090", 24, cards) for n in range(60)]
    machines = {view.machine: view for view, _ in made}
    if problem:
        machines = {
            m: replace(view, facts=with_fields(view.facts, gpu_problem="No driver."))
            for m, view in machines.items()
            if view.facts is not None
        }
    return RoomUpdate(machines=machines, histories={view.machine: h for view, h in made})


def test_cards_out_of_sight_are_brought_up_to_date_when_they_are_seen(
    empty_desktop: Desktop, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(page, "SLICE_S", 10.0)
    machines = empty_desktop.window.machines
    empty_desktop.bridge.room_updated.emit(replace(rooms(10), sightings=()))
    finish_cards(empty_desktop)
    QApplication.processEvents()
    first, *_, last = machines.cards.values()
    assert first.in_sight() and not last.in_sight()

    def shown() -> list[float | None]:
        return [card.gauges[0].reading().utilisation_percent for card in (first, last)]

    empty_desktop.bridge.room_updated.emit(rooms(55))
    assert shown() == [55, 10], "nobody sees the last one"
    bar = machines._grid.verticalScrollBar()
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: shown() == [55, 55])
    empty_desktop.bridge.room_updated.emit(rooms(70))
    assert shown() == [55, 70]
    empty_desktop.window.show_page("runs")
    empty_desktop.bridge.room_updated.emit(rooms(80))
    assert shown() == [55, 70]
    empty_desktop.bridge.room_updated.emit(rooms(90, problem=True))
    assert shown() == [90, 90], "what changes its height is shown at once"
    empty_desktop.bridge.room_updated.emit(rooms(95, problem=True))
    empty_desktop.window.show_page("machines")
    qtbot.waitUntil(lambda: shown() == [90, 95])
    bar.setValue(0)
    qtbot.waitUntil(lambda: shown() == [95, 95])
