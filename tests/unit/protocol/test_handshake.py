import pytest

from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.handshake import local_hello, negotiate
from lanherd_protocol.messages import Hello


def test_the_newest_common_protocol_is_spoken():
    assert negotiate("client", Hello(1, 3, "1"), Hello(2, 5, "2")) == 3
    assert negotiate("server", local_hello("a"), local_hello("b")) == 1


@pytest.mark.parametrize(
    ("side", "ours", "theirs", "older"),
    [
        ("client", (1, 1), (2, 3), "controller"),
        ("client", (2, 3), (1, 1), "agent"),
        ("server", (1, 1), (2, 3), "agent"),
        ("server", (2, 3), (1, 1), "controller"),
    ],
)
def test_a_mismatch_names_the_side_to_upgrade(side, ours, theirs, older):
    with pytest.raises(LanherdError) as caught:
        negotiate(side, Hello(*ours, "1.0", name="here"), Hello(*theirs, "2.0"))
    failure = caught.value.failure
    assert failure.code is ErrorCode.VERSION_MISMATCH
    assert failure.remedy == f"Upgrade Lanherd on the {older}'s machine."
    assert "'here' has version 1.0" in failure.message


@pytest.mark.parametrize("theirs", [(0, 1), (3, 2), (-5, -1)])
def test_a_range_that_makes_no_sense_is_refused(theirs):
    with pytest.raises(LanherdError) as caught:
        negotiate("server", local_hello(), Hello(*theirs, "1.0"))
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
