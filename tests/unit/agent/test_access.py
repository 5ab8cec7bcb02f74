"""What is told of a run to those who may not read its log."""

from msgspec.structs import replace

from lanherd_agent.api.access import without_log
from lanherd_protocol.states import AttemptEnd, Ended, Queued, RunView
from lanherd_protocol.values import Reason
from tests.simulation.making import NOW, PLAIN, run_id


def shows(**data: int) -> Reason:
    shown: dict[str, str | int | float] = {"lines": "hush", "offset": 0}
    return Reason(code="exception", text="Ended by X: hush", data={**shown, **data})


def view(reason: Reason, *earlier: Reason) -> RunView:
    return RunView(
        run=run_id(1),
        spec=PLAIN,
        owner="ann",
        submitted_at=NOW,
        state=Ended(at=NOW, outcome="failed", reason=reason),
        seq=1,
        earlier=tuple(
            AttemptEnd(attempt=number, at=NOW, outcome="failed", reason=one)
            for number, one in enumerate(earlier, 1)
        ),
    )


def test_what_holds_nothing_of_a_log_is_told_as_it_is() -> None:
    plain = view(Reason(code="exit_code", text="It ended.", data={"exit_code": 1}))
    assert without_log(plain) is plain


def test_nothing_of_the_log_is_left() -> None:
    whole = view(shows(exit_code=3), shows(signal=11), shows(), Reason(code="stopped", text="S."))
    told = without_log(whole)
    assert "hush" not in str(told)
    assert isinstance(told.state, Ended) and told.state.reason.data == {"exit_code": 3}
    codes = [end.reason.code for end in told.earlier]
    assert codes == ["signal", "exit_unknown", "stopped"]
    waits = replace(whole, state=Queued(since=NOW, reason=shows(exit_code=3)), earlier=())
    assert "hush" not in str(without_log(waits))
