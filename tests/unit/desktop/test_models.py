"""Each model under Qt's own tester, with data, while it changes."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as with_fields
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from lanherd_desktop.models.machine_list import MachineListModel
from lanherd_desktop.models.output_tree import CHANGED, NAME, SIZE, OutputTreeModel
from lanherd_desktop.models.project_list import ProjectListModel
from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.models.run_list import ONE_BY_ONE_MAX, RunListModel
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.projects import ProjectRow
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import RunRow, run_accepted, run_query, run_row
from lanherd_protocol.states import RunState
from lanherd_protocol.values import OutputEntry, RunSettings
from tests.support import synthetic_room
from tests.support.synthetic_room import (
    FINE,
    Card,
    ended,
    machine,
    machine_id,
    run,
    run_id,
    waiting,
)

KEPLER = machine_id("kepler")
ENDED = ended("failed", 5, FINE)
DISPLAY = Qt.ItemDataRole.DisplayRole


def row(number: int, state: RunState | None = None, name: str = "run") -> RunRow:
    view = run(number, f"{name} {number}", "true", state or waiting(1, 2))
    return run_row(KEPLER, "kepler", view)


def rows(*numbers: int, state: RunState | None = None) -> dict[RunKey, RunRow]:
    return {(KEPLER, run_id(n)): row(n, state) for n in numbers}


def run_model() -> RunListModel:
    return RunListModel(
        lambda r: "sub", lambda r: "trail", lambda r: f"spoken {r.title}", lambda r: "signs"
    )


def test_a_row_has_its_signs() -> None:
    settings = RunSettings(priority=-5, pinned=True, tags=("a", "b"))
    view = with_fields(run(1, "n", "true", ENDED), settings=settings)
    model = run_model()
    model.replace({(KEPLER, run_id(1)): run_row(KEPLER, "kepler", view)})
    index = model.index(0)
    assert index.data(RowRole.TAGS.value) == ("a", "b")
    assert index.data(RowRole.PRIORITY.value) == -5
    assert index.data(RowRole.PINNED.value) is True
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "signs"


def titles(model: RunListModel) -> list[str]:
    return [model.index(place).data() for place in range(model.rowCount())]


class Told:
    """What a model tells its views, as names of signals."""

    def __init__(self, model: RunListModel) -> None:
        self.names: list[str] = []
        model.modelReset.connect(lambda: self.names.append("reset"))
        model.rowsInserted.connect(lambda *_: self.names.append("inserted"))
        model.rowsRemoved.connect(lambda *_: self.names.append("removed"))
        model.dataChanged.connect(lambda *_: self.names.append("changed"))


def test_runs_are_newest_first_and_change_in_place(qtmodeltester: ModelTester) -> None:
    model = run_model()
    told = Told(model)
    qtmodeltester.check(model)
    model.replace(rows(1, 2, 3))
    assert titles(model) == ["run 3", "run 2", "run 1"]
    model.change(rows(2, state=ENDED))
    assert model.index(1).data(RowRole.CHIP.value) == ChipKind.FAILED
    model.replace(rows(1, 2, 3, 4))
    assert titles(model)[0] == "run 4"
    model.replace(rows(1, 4))
    assert titles(model) == ["run 4", "run 1"]
    # A run is never laid anew: the list under the pointer stays where it is.
    assert "reset" not in told.names
    model.replace(rows(*range(ONE_BY_ONE_MAX + 5)))
    assert told.names.count("reset") == 1
    assert model.total == model.rowCount() == ONE_BY_ONE_MAX + 5
    model.replace({})
    assert model.rowCount() == 0


def test_a_row_answers_every_role(qtmodeltester: ModelTester) -> None:
    model = run_model()
    model.replace(rows(1, state=ENDED))
    qtmodeltester.check(model)
    index = model.index(0)
    assert index.data() == index.data(RowRole.TITLE.value) == "run 1"
    assert index.data(RowRole.SUBTITLE.value) == "sub"
    assert index.data(RowRole.TRAILING.value) == "trail"
    assert index.data(RowRole.DANGER.value) is True
    assert index.data(RowRole.KEY.value) == (KEPLER, run_id(1))
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "spoken run 1"
    assert index.data(Qt.ItemDataRole.DecorationRole) is None
    assert model.data(QModelIndex()) is None
    assert model.row_at(7) is None and model.place_of((KEPLER, run_id(9))) is None


def test_a_filter_lets_runs_in_and_out(qtmodeltester: ModelTester) -> None:
    model = run_model()
    qtmodeltester.check(model)
    model.replace(rows(1, 2))
    model.set_filter("state:waiting")
    model.change(rows(1, state=ENDED))
    assert titles(model) == ["run 2"]
    model.change(rows(1))
    assert titles(model) == ["run 2", "run 1"]
    model.change(rows(3, state=ENDED))
    assert (model.rowCount(), model.total) == (2, 3)


def test_seconds_that_pass_are_told_of_live_rows_alone(qtbot: QtBot) -> None:
    model = run_model()
    model.replace(rows(1, 2, state=ENDED))
    with qtbot.assertNotEmitted(model.dataChanged):
        model.refresh_times()
    live = {key: one for key, one in _room_rows().items() if one.kind is ChipKind.RUNNING}
    model.replace(live)
    with qtbot.waitSignal(model.dataChanged) as told:
        model.refresh_times()
    assert told.args[2] == [RowRole.TRAILING.value]


def _room_rows() -> dict[RunKey, RunRow]:
    return {key: run_row(key[0], "machine", view) for key, view in synthetic_room.runs().items()}


changes = st.lists(
    st.tuples(st.sets(st.integers(0, 6)), st.sampled_from(["", "state:waiting", "run"])),
    max_size=8,
)


@given(changes)
@settings(max_examples=60)
def test_however_it_comes_the_list_is_the_runs_in_their_order(
    history: list[tuple[set[int], str]],
) -> None:
    model = run_model()
    tester = ModelTester(_NoConfig())
    tester.check(model)
    try:
        for step, (numbers, line) in enumerate(history):
            wanted = {
                key: one
                for n in numbers
                for key, one in rows(n, state=ENDED if (n + step) % 2 else None).items()
            }
            model.set_filter(line)
            model.replace(wanted)
            shown = [r.title for r in wanted.values() if run_accepted(r, run_query(line))]
            assert titles(model) == sorted(shown, reverse=True)
            for place in range(model.rowCount()):
                found = model.row_at(place)
                assert found is not None and model.place_of((found.machine, found.run)) == place
    finally:
        tester._cleanup()


class _NoConfig:
    """The tester asks pytest's configuration for one thing only."""

    def getini(self, name: str) -> str:
        return ""


def test_machines_are_listed(qtmodeltester: ModelTester, qtbot: QtBot) -> None:
    model = MachineListModel()
    qtmodeltester.check(model)
    views = [machine(name, "RTX", 24, (Card(0, 0, 0, 1, 1),))[0] for name in ("a", "b")]
    model.set_machines(views)
    with qtbot.waitSignal(model.dataChanged):
        model.set_machines(views)
    assert [model.index(n).data() for n in range(2)] == ["a", "b"]
    assert model.index(1).data(RowRole.KEY.value) == machine_id("b")
    assert model.index(1).data(Qt.ItemDataRole.DecorationRole) is None
    assert model.data(QModelIndex()) is None and model.machine_at(5) is None
    model.set_machines([])
    model.set_machines([])
    assert model.rowCount() == 0


def test_projects_are_listed(qtmodeltester: ModelTester, qtbot: QtBot) -> None:
    model = ProjectListModel(lambda r: f"at {r.last_at}")
    qtmodeltester.check(model)
    model.set_projects([ProjectRow("/x/a", "a"), ProjectRow("/x/b", "b")])
    fresh = [ProjectRow("/x/a", "a"), ProjectRow("/x/b", "b", 1, ChipKind.FAILED, 5.0)]
    with qtbot.waitSignal(model.dataChanged):
        model.set_projects(fresh)
    with qtbot.assertNotEmitted(model.dataChanged):
        model.set_projects(fresh)
    index = model.index(1)
    assert [index.data(role.value) for role in (RowRole.TITLE, RowRole.CHIP, RowRole.SUBTITLE)] == [
        "b", ChipKind.FAILED, "/x/b",
    ]  # fmt: skip
    assert (index.data(RowRole.TRAILING.value), index.data(RowRole.KEY.value)) == ("at 5.0", "/x/b")
    assert index.data(RowRole.DANGER.value) is False
    assert index.data(Qt.ItemDataRole.DecorationRole) is None
    assert model.data(QModelIndex()) is None


def entry(path: str, size: int = 1, kind: str = "file") -> OutputEntry:
    return OutputEntry(path=path, kind=kind, size_bytes=size, modified_at=3.0)


@pytest.fixture
def tree() -> OutputTreeModel:
    size: Callable[[int], str] = str
    return OutputTreeModel(size, lambda at: f"at {at:.0f}", lambda section: f"head {section}")


def test_outputs_are_a_tree(qtmodeltester: ModelTester, tree: OutputTreeModel) -> None:
    qtmodeltester.check(tree)
    tree.set_entries([entry("a.txt"), entry("d/e/f.pt", 4), entry("d/g", 2)])
    folder = tree.index(0, NAME)
    assert [tree.index(0, column).data() for column in (NAME, SIZE, CHANGED)] == ["d", "6", ""]
    assert tree.index(0, NAME, folder).data() == "e"
    assert tree.index_of("d/e/f.pt").data(RowRole.KEY.value) == "d/e/f.pt"
    assert tree.index_of("d/e/f.pt").siblingAtColumn(CHANGED).data() == "at 3"
    assert not tree.index_of("no").isValid()
    assert tree.rowCount(tree.index(0, SIZE)) == 0
    assert not tree.index(0, NAME, tree.index(0, SIZE)).isValid()
    assert tree.data(QModelIndex()) is None
    assert tree.headerData(1, Qt.Orientation.Horizontal) == "head 1"
    assert tree.headerData(1, Qt.Orientation.Vertical) is None
    assert folder.data(Qt.ItemDataRole.DecorationRole) is None
    assert tree.index(0, SIZE).data(Qt.ItemDataRole.TextAlignmentRole) is not None
    assert tree.parent() is None


def test_sizes_change_in_place_and_paths_do_not(
    qtmodeltester: ModelTester, tree: OutputTreeModel, qtbot: QtBot
) -> None:
    qtmodeltester.check(tree)
    tree.set_entries([entry("d/a", 1), entry("b", 1)])
    with qtbot.assertNotEmitted(tree.modelReset), qtbot.waitSignal(tree.dataChanged):
        tree.set_entries([entry("d/a", 9), entry("b", 2)])
    assert tree.index_of("d/a").siblingAtColumn(SIZE).data() == "9"
    assert tree.index(0, SIZE).data() == "9"
    with qtbot.waitSignal(tree.modelReset):
        tree.set_entries([entry("d/a", 9)])
    assert tree.file_paths() == ["d/a"]
    tree.set_entries(())
    assert tree.rowCount() == 0
