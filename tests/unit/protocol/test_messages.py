from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import RunSpec


def test_a_new_run_never_shows_its_secrets_in_a_text():
    new = NewRun(run="r", spec=RunSpec(command=("x",), secrets=("TOKEN",)), secrets={"TOKEN": "s3"})
    assert "s3" not in f"{new!r} {new}"
    assert "TOKEN" in repr(new)
