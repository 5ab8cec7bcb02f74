"""What is refused at submit, and with which words."""

import pytest

from lanherd_agent.core.admission import check_runs
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.rules import Rules
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import RunId, SnapshotId
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import GpuRequest, RunSpec
from tests.simulation.making import LOCKED, PROJECT, gpu, gpu_spec, new, run_id


def refusal(*runs: NewRun, gpus: list[GpuCapacity] | None = None) -> LanherdError:
    with pytest.raises(LanherdError) as refused:
        check_runs(runs, gpus, Rules())
    return refused.value


def test_what_can_be_taken() -> None:
    variables = {"A": "1", "B": ""}
    check_runs(
        [
            new(1, PROJECT),
            new(2, gpu_spec(24, count=2)),
            new(3, RunSpec(command=("true",), variables=variables)),
            new(4, gpu_spec()),
        ],
        [gpu(0), gpu(1)],
        Rules(),
    )
    check_runs([new(1, gpu_spec(999))], None, Rules())


@pytest.mark.parametrize(
    "broken",
    [
        RunSpec(command=()),
        RunSpec(command=("",)),
        RunSpec(command=("a\0b",)),
        RunSpec(command=("a",) * (limits.COMMAND_ARGUMENTS_MAX + 1)),
        RunSpec(command=("a" * limits.COMMAND_BYTES_MAX,)),
        RunSpec(command=("true",), name="n" * (limits.RUN_NAME_CHARS_MAX + 1)),
        RunSpec(command=("true",), variables={"": "x"}),
        RunSpec(command=("true",), variables={"A=B": "x"}),
        RunSpec(command=("true",), variables={"A": "\0"}),
        RunSpec(command=("true",), variables={"A\0": ""}),
        RunSpec(command=("true",), variables={"A": "x" * limits.COMMAND_BYTES_MAX}),
        RunSpec(
            command=("true",),
            variables={f"A{n}": "" for n in range(limits.RUN_ENV_VARIABLES_MAX + 1)},
        ),
        RunSpec(command=("true",), snapshot=SnapshotId("../..")),
        RunSpec(command=("true",), environment=LOCKED),
        RunSpec(command=("true",), gpus=GpuRequest(count=-1)),
        RunSpec(command=("true",), gpus=GpuRequest(count=limits.GPUS_PER_RUN_MAX + 1)),
        RunSpec(command=("true",), gpus=GpuRequest(count=1, vram_bytes=-1)),
        RunSpec(command=("true",), gpus=GpuRequest(vram_bytes=1)),
        RunSpec(command=("true",), gpus=GpuRequest(exclusive=True)),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(broken: RunSpec) -> None:
    failure = refusal(new(1), new(2, broken)).failure
    assert failure.code is ErrorCode.INVALID_REQUEST
    assert failure.title and failure.remedy


def test_a_submit_as_a_whole() -> None:
    assert "takes 1 to" in str(refusal())
    assert "the same run twice" in str(refusal(new(1), new(1)))
    assert "no run id" in str(refusal(NewRun(run=RunId("x"), spec=RunSpec(command=("true",)))))


def test_a_request_larger_than_the_machine_says_what_it_has() -> None:
    failure = refusal(new(1, gpu_spec(40)), gpus=[gpu(0), gpu(1), gpu(2, 12)]).failure
    assert failure.code is ErrorCode.IMPOSSIBLE_REQUEST
    assert failure.message == (
        "It asks for 1 GPU with 40 GB; the machine has 2 GPUs of 24 GB and 1 GPU of 12 GB."
    )
    assert failure.title == "This request can never be met here."
    assert failure.data["run"] == run_id(1)
    nothing = refusal(new(1, gpu_spec(count=2)), gpus=[]).failure
    assert nothing.message == "It asks for 2 GPUs; the machine has no GPU."
