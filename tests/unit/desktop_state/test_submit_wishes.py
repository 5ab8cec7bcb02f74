import pytest

from lanherd_desktop.state.submit_form import SubmitForm, SubmitRequest, check, form_of_run
from lanherd_desktop.state.submit_wishes import (
    Wishes,
    WishesForm,
    WishProblem,
    check_wishes,
    wishes_of_run,
)
from lanherd_protocol.values import GpuRequest, HostRequest, RunSpec
from tests.support.synthetic_room import GIB, machine_id, run, waiting

FULL = WishesForm(
    gpus_max=4, where=' sm >= 80 and name ~ "A100" ', linked=True, mig="1G.10gb", shared=True,
    beside="wait", cpus="2.5", memory="32GB", disk="100 GB",
)  # fmt: skip


def codes(form: WishesForm, gpus: int = 1, exclusive: bool = False) -> list[tuple[str, str]]:
    checked = check_wishes(form, gpus, exclusive)
    assert not isinstance(checked, Wishes)
    return [(problem.field, problem.code) for problem in checked]


def test_wishes_that_can_be_sent() -> None:
    assert check_wishes(WishesForm(), 0, False) == Wishes()
    assert check_wishes(FULL, 2, False) == Wishes(
        gpus_max=4, where='sm >= 80 and name ~ "A100"', linked=True, mig="1g.10gb", shared=True,
        beside="wait",
        host=HostRequest(cpu_cores=2.5, memory_bytes=32 * GIB, disk_bytes=100 * GIB),
    )  # fmt: skip
    exact = check_wishes(WishesForm(gpus_max=2), 2, False)
    assert isinstance(exact, Wishes) and exact.gpus_max == 0


@pytest.mark.parametrize(
    ("form", "gpus", "exclusive", "found"),
    [
        (WishesForm(gpus_max=1), 2, False, [("gpus_max", "fewer")]),
        (WishesForm(gpus_max=2), 0, False, [("gpus_max", "no_gpu")]),
        (WishesForm(where="sm > 80"), 0, False, [("where", "no_gpu")]),
        (WishesForm(linked=True), 0, False, [("gpus_max", "no_gpu")]),
        (WishesForm(mig="big"), 1, False, [("mig", "profile")]),
        (WishesForm(shared=True), 1, True, [("share", "alone")]),
        (WishesForm(cpus="many"), 0, False, [("cpus", "cpus")]),
        (WishesForm(cpus="-1"), 0, False, [("cpus", "cpus")]),
        (WishesForm(memory="32GB", disk="x"), 0, False, [("disk", "size")]),
        (WishesForm(memory="x"), 0, False, [("memory", "size")]),
    ],
)
def test_wishes_that_cannot_be_sent(
    form: WishesForm, gpus: int, exclusive: bool, found: list[tuple[str, str]]
) -> None:
    assert codes(form, gpus, exclusive) == found


def test_a_constraint_says_where_it_goes_wrong() -> None:
    (wrong,) = check_wishes(WishesForm(where="vram >= 20GX"), 1, False)
    assert isinstance(wrong, WishProblem) and wrong.failure is not None
    assert (wrong.field, wrong.code, wrong.column) == ("where", "constraint", 9)
    assert wrong.failure.message.startswith("'GX' is no unit of a size.")
    (alone,) = check_wishes(WishesForm(shared=True), 1, True)
    assert isinstance(alone, WishProblem) and alone.column == 0


def test_a_form_holds_its_wishes_and_a_run_gives_them_back() -> None:
    wrong = check(SubmitForm(command="true", wishes=WishesForm(where="vrm > 3")))
    assert not isinstance(wrong, SubmitRequest) and wrong[0].code == "constraint"
    request = check(SubmitForm(command="true", gpus=2, wishes=FULL))
    assert isinstance(request, SubmitRequest) and request.wishes.linked
    spec = RunSpec(
        command=("true",),
        gpus=GpuRequest(
            count=2, count_max=4, where="sm >= 80", linked=True, mig="1g.10gb", shared=True,
            beside="wait",
        ),
        host=HostRequest(cpu_cores=2.5, memory_bytes=32 * GIB, disk_bytes=GIB),
    )  # fmt: skip
    again = wishes_of_run(spec)
    assert again == WishesForm(
        gpus_max=4, where="sm >= 80", linked=True, mig="1g.10gb", shared=True, beside="wait",
        cpus="2.5", memory="32.0 GB", disk="1.00 GB",
    )  # fmt: skip
    assert wishes_of_run(RunSpec(command=("true",))) == WishesForm()
    view = run(1, "x", "true", waiting(1, 2))
    assert form_of_run(view, machine_id("kepler"), ()).wishes == WishesForm()
