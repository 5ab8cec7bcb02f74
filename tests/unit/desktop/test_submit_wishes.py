"""What a run wishes of its GPUs, in the submit form."""

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lanherd_client.fleet import Fleet as RealFleet
from lanherd_desktop.app import Desktop
from lanherd_desktop.bridge import Job
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.state.submit_form import SubmitForm, SubmitRequest, check
from lanherd_desktop.state.submit_wishes import WishesForm, WishProblem, check_wishes
from lanherd_desktop.views.submit import SubmitDialog
from lanherd_desktop.views.submit_sending import gpu_request, send
from lanherd_desktop.views.submit_wishes import wish_problem_text
from tests.support.asked import Asked
from tests.support.synthetic_room import GIB

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@pytest.fixture
def dialog(desktop: Desktop, asked: Asked) -> SubmitDialog:
    desktop.window.open_submit(SubmitForm(command="true", gpus=1))
    found = desktop.window.submit_dialog
    assert found is not None
    return found


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def test_a_constraint_is_read_while_it_is_written(dialog: SubmitDialog) -> None:
    wishes = dialog.wishes
    assert not wishes.body.isVisible() and "constraints" in wishes.summary.text()
    wishes.toggle_button.click()
    assert wishes.body.isVisible() and wishes.summary.text() == ""
    wishes.where.setText("vram >= 20GX")
    assert wishes.caret.isVisible() and wishes.caret.text() == "vram >= 20GX\n        ^"
    assert "no unit of a size" in wishes._problems["where"].text()
    assert not dialog.run_button.isEnabled()
    assert dialog.where_text() == "One of the wishes can't be sent as it is: see beside it."
    wishes.toggle_button.click()
    assert dialog.where_text().startswith("Which GPUs, Only with: 'GX' is no unit")
    wishes.where.setText("vram >= 20GB")
    assert not wishes.caret.isVisible() and dialog.run_button.isEnabled()


def test_all_wishes_are_sent(dialog: SubmitDialog) -> None:
    wishes = dialog.wishes
    form = WishesForm(
        gpus_max=3, where="sm >= 80", linked=True, mig="1g.10gb", shared=True, beside="wait",
        cpus="4", memory="32GB", disk="1GB",
    )  # fmt: skip
    wishes.fill(form)
    assert wishes.toggle_button.isChecked() and wishes.form() == form
    checked = check(dialog.form())
    assert isinstance(checked, SubmitRequest)
    request = gpu_request(checked)
    assert (request.count, request.count_max, request.mig) == (1, 3, "1g.10gb")
    said: dict[str, object] = {}

    class Fleet:
        async def submit(self, **options: object) -> None:
            said.update(options)

    asyncio.run(send(cast(RealFleet, Fleet()), checked, Job(print, print, None)))
    assert said["gpus"] == "1..3" and said["where"] == "sm >= 80" and said["linked"] is True
    assert said["shared"] is True and said["beside_others"] == "wait"
    assert (said["cpus"], said["memory"], said["disk"]) == (4.0, 32 * GIB, GIB)


@pytest.mark.usefixtures("chinese")
def test_problems_are_said_in_chinese() -> None:
    codes = ("fewer", "no_gpu", "profile", "alone", "cpus", "size")
    texts = [wish_problem_text(WishProblem("where", code)) for code in codes]
    assert len(set(texts)) == len(codes) and all("。" in text for text in texts)


@pytest.mark.usefixtures("chinese")
def test_why_a_constraint_is_wrong_is_said_in_chinese() -> None:
    def wrong(where: str) -> str:
        (problem,) = check_wishes(WishesForm(where=where), 1, False)
        return wish_problem_text(problem)

    assert wrong("vram >= 20GX") == (
        "条件的第 9 个字符处：“GX”不是大小的单位。可用的单位：B, KB, MB, GB, TB。"
    )
    assert wrong("vrm > 3").startswith("条件的第 1 个字符处：没有属性“vrm”。是不是 vram？")


def test_a_busy_dialog_takes_no_wishes(dialog: SubmitDialog, qtbot: QtBot) -> None:
    dialog.submit()
    assert not dialog.wishes.isEnabled()
    dialog.reject()
    assert dialog.wishes.isEnabled()
