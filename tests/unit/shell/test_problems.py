"""What is wrong with the machine: each thing said once, until it is cleared."""

from lanherd_agent.problems import PROBLEMS_MAX, Problems
from lanherd_protocol.values import Reason


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
