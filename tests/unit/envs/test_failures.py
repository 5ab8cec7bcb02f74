import time
from pathlib import Path

import pytest

from lanherd_agent.envs import failures
from lanherd_agent.envs.failures import PASSING_S, Remembered
from lanherd_agent.envs.surroundings import fingerprint, where_from
from lanherd_protocol.errors import ErrorCode, LanherdError, error


def remembered(code: ErrorCode, refusal: str = "", at: float = 0.0) -> Remembered:
    failure = error(code, "It failed.", "uv's words", "Mend it.", refusal=refusal).failure
    return Remembered(at or time.time(), "same", failure, "uv.lock", "3.11.7")


def test_a_failure_holds_until_something_changes(tmp_path: Path) -> None:
    failures.check(tmp_path, "same")
    failures.remember(tmp_path, remembered(ErrorCode.ENVIRONMENT_FAILED))
    with pytest.raises(LanherdError) as refused:
        failures.check(tmp_path, "same")
    failure = refused.value.failure
    assert failure.code is ErrorCode.ENVIRONMENT_FAILED
    assert failure.title == "It failed."
    assert "nothing has changed" in failure.message
    assert "uv's words" in failure.message
    assert (
        failure.remedy == "Mend it. To have it tried again as it is: 'lanherd env build --retry'."
    )
    assert failure.data["refusal"] == "failed_before"
    failures.check(tmp_path, "other")
    failures.forget(tmp_path)
    failures.check(tmp_path, "same")


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (ErrorCode.DISK_FULL, ""),
        (ErrorCode.ENVIRONMENT_FAILED, "index_down"),
        (ErrorCode.ENVIRONMENT_FAILED, "index_slow"),
        (ErrorCode.ENVIRONMENT_FAILED, "no_index"),
    ],
)
def test_what_passes_by_itself_is_tried_again_soon(code: ErrorCode, refusal: str) -> None:
    failed = remembered(code, refusal, at=1000.0)
    assert failed.holds("same", 1000.0 + PASSING_S - 1)
    assert not failed.holds("same", 1000.0 + PASSING_S)
    # A clock that was set back doesn't keep it for ever.
    assert not failed.holds("same", 999.0)


@pytest.mark.parametrize("refusal", ["index_password", "index_certificate", "no_package", ""])
def test_what_does_not_pass_by_itself_is_not(refusal: str) -> None:
    failed = remembered(ErrorCode.LOCK_UNRESOLVABLE, refusal, at=1000.0)
    assert failed.holds("same", 1000.0 + 1e6)


def test_only_the_end_of_a_build_is_remembered(tmp_path: Path) -> None:
    failures.remember(tmp_path, remembered(ErrorCode.INTERNAL))
    assert failures.recall(tmp_path) is None
    # A place that can't be written to leaves it out.
    failures.remember(tmp_path / "absent", remembered(ErrorCode.TIMED_OUT))
    assert failures.recall(tmp_path / "absent") is None
    (tmp_path / failures.FAILED).write_text("torn")
    assert failures.recall(tmp_path) is None


def test_what_a_build_depends_on_beside_its_lock(tmp_path: Path) -> None:
    config, wheels = tmp_path / "uv.toml", tmp_path / "wheels"
    wheels.mkdir()
    given = {
        "HOME": str(tmp_path),
        "UV_CONFIG_FILE": str(config),
        "UV_FIND_LINKS": str(wheels),
        "UV_CACHE_DIR": "/cache",
    }
    seen = [fingerprint(given, "uv 1")]
    assert fingerprint({**given, "UV_CACHE_DIR": "/elsewhere"}, "uv 1") == seen[0]
    seen.append(fingerprint(given, "uv 2"))
    seen.append(fingerprint({**given, "UV_DEFAULT_INDEX": "https://x.invalid"}, "uv 1"))
    config.write_text('index-url = "https://y.invalid"')
    seen.append(fingerprint(given, "uv 1"))
    (tmp_path / ".netrc").write_text("machine y.invalid")
    seen.append(fingerprint(given, "uv 1"))
    (wheels / "tiny-1.0-py3-none-any.whl").touch()
    seen.append(fingerprint(given, "uv 1"))
    seen.append(fingerprint(given, "uv 1", folders=(str(tmp_path / "absent"),)))
    assert len(set(seen)) == len(seen)


def test_where_packages_come_from_has_no_credentials() -> None:
    given = {"UV_DEFAULT_INDEX": "https://lab:old@mirror.invalid/index", "PATH": "/bin"}
    renewed = {"UV_DEFAULT_INDEX": "https://lab:new@mirror.invalid/index"}
    assert where_from(given, ()) == where_from(renewed, ())
    assert where_from(given, ()) != where_from(given, ("--no-index",))
    assert where_from(given, ()) != where_from({}, ())
