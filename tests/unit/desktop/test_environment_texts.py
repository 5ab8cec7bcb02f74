"""What the window says of a run's environment, whatever it is made of."""

import pytest

from lanherd_desktop.views.runs.run_texts import environment_text
from lanherd_protocol.ids import BlobHash, EnvironmentId
from lanherd_protocol.states import RunView
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    RunSpec,
    SourceEnvironment,
)
from tests.support.scripted_values import queued, run_id


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        (NoEnvironment(), "the machine's own"),
        (
            LockedEnvironment(lock_path="uv.lock", lock_hash=BlobHash("0123456789ab" * 5 + "cdef")),
            "from uv.lock (0123456789ab)",
        ),
        (
            SourceEnvironment(source_path="requirements.txt", packages=("numpy",)),
            "made of requirements.txt, numpy, locked there",
        ),
        (SourceEnvironment(base=EnvironmentId("b" * 64)), "made of bbbbbbbbbbbb, locked there"),
        (RegisteredEnvironment(name="lab"), "lab, registered there"),
    ],
)
def test_the_environment_of_a_run(environment: EnvironmentSpec, text: str) -> None:
    view = RunView(
        run=run_id(1),
        spec=RunSpec(command=("train",), environment=environment),
        owner="ada",
        submitted_at=1.0,
        state=queued(),
        seq=1,
    )
    assert environment_text(view) == text
