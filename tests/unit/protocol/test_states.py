import pytest

from lanherd_protocol.states import (
    Ended,
    Preparing,
    Queued,
    Running,
    Starting,
    Stopping,
    is_live,
    lease_of,
    state_name,
)
from lanherd_protocol.values import Lease, LeasedGpu, Reason

WHY = Reason(code="x", text="Because.")
LEASE = Lease(gpus=(LeasedGpu(index=0, uuid="GPU-1", vram_bytes=1),))


@pytest.mark.parametrize(
    ("state", "name", "live", "lease"),
    [
        (Queued(since=0, reason=WHY), "queued", False, Lease()),
        (Preparing(since=0, step="snapshot"), "preparing", False, Lease()),
        (Starting(since=0, lease=LEASE), "starting", True, LEASE),
        (Running(since=0, pid=1, lease=LEASE), "running", True, LEASE),
        (
            Stopping(since=0, started_at=0, pid=1, lease=LEASE, kill_at=1, outcome="cancelled"),
            "stopping",
            True,
            LEASE,
        ),
        (Ended(at=0, outcome="failed", reason=WHY, lease=LEASE), "ended", False, LEASE),
    ],
)
def test_every_state_tells_its_name_its_life_and_its_lease(state, name, live, lease):
    assert (state_name(state), is_live(state), lease_of(state)) == (name, live, lease)
