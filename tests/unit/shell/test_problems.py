"""What is wrong with the machine: each thing said once, until it is cleared."""

from msgspec.structs import replace

from lanherd_agent.problems import PROBLEMS_MAX, Problems
from lanherd_protocol.states import Running, RunView
from lanherd_protocol.values import Lease, Reason
from tests.simulation.making import NOW, PLAIN, run_id


def reason(code: str, text: str = "Something is wrong.") -> Reason:
    return Reason(code=code, text=text)


def test_a_problem_is_said_once_and_until_it_is_cleared() -> None:
    problems = Problems()
    assert problems.all() == ()
    problems.put(reason("disk_low", "5 GB are free."))
    problems.put(reason("run_directory_untrusted", "Run a."), "a")
    problems.put(reason("run_directory_untrusted", "Run b."), "b")
    problems.put(reason("disk_low", "4 GB are free."))
    assert [one.text for one in problems.all()] == ["Run a.", "Run b.", "4 GB are free."]
    problems.clear("run_directory_untrusted", "a")
    problems.clear("never said")
    assert [one.text for one in problems.all()] == ["Run b.", "4 GB are free."]


def test_only_so_many_are_said() -> None:
    problems = Problems()
    for number in range(PROBLEMS_MAX + 5):
        problems.put(reason("run_directory_untrusted", str(number)), str(number))
    assert [one.text for one in problems.all()] == [
        str(number) for number in range(5, PROBLEMS_MAX + 5)
    ]


def test_a_run_that_uses_too_much_is_a_problem_until_it_does_not() -> None:
    warning = Reason(code="over_use", text="It holds 5 GB of GPU 0.", data={"gpu": 0})
    state = Running(since=NOW, pid=7, lease=Lease(), warning=warning)
    view = RunView(run=run_id(1), spec=PLAIN, owner="ann", submitted_at=NOW, state=state, seq=1)
    problems = Problems()
    problems.note_use(view)
    (said,) = problems.all()
    assert said.data == {"gpu": 0, "run": run_id(1)} and said.text.endswith(warning.text)
    problems.note_use(replace(view, state=replace(state, warning=None)))
    assert problems.all() == ()
    lost = Reason(code="gpu_lost", text="Its GPU 0 was lost.", data={"gpu": 0})
    problems.note_use(replace(view, state=replace(state, warning=lost)))
    assert problems.all() == ()
