"""A run's outputs in the window: what the tree can show, and how much it can't."""

from msgspec.structs import replace

from lanherd_desktop.app import Desktop
from lanherd_desktop.views.runs.detail import TAB_OUTPUTS
from lanherd_protocol.messages import OutputsChanged
from lanherd_protocol.values import OutputEntry

OUTPUTS = OutputsChanged(attempt=1, entries=(OutputEntry(path="a.txt", kind="file", size_bytes=3),))


def show(desktop: Desktop, name: str) -> None:
    runs = desktop.context.room.runs
    key = next(key for key, view in runs.items() if view.spec.name == name)
    desktop.window.show_run(key, TAB_OUTPUTS)


def test_outputs_that_no_tree_can_show_are_counted(desktop: Desktop) -> None:
    show(desktop, "prepare data")
    panel = desktop.window.runs.detail.outputs
    panel.show_listing(OUTPUTS)
    assert not panel.unlisted.isVisible()
    panel.show_listing(replace(OUTPUTS, unlisted=1))
    assert panel.unlisted.text().startswith("1 entry is not shown:")
    panel.show_listing(OutputsChanged(attempt=1, entries=(), unlisted=1_200))
    assert panel._empty.isVisible() and panel.unlisted.isVisible()
    assert panel.unlisted.text().startswith("1,200 entries are not shown: they are no plain files")
    panel.show_listing(replace(OUTPUTS, truncated=True))
    assert panel.unlisted.text() == "There are more outputs than a listing holds."
    show(desktop, "ablation")
    assert not panel.unlisted.isVisible()
