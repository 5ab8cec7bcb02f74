from pathlib import Path

import pytest

from lanherd_agent.envs.problems import build_failed, needs_source
from lanherd_agent.envs.uv_tool import TAIL_LINES_MAX, last_words, uv_variables
from lanherd_protocol.errors import ErrorCode


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("error: No solution found when resolving dependencies", ErrorCode.LOCK_UNRESOLVABLE),
        ("error: x\n  cause: Hash mismatch for `idna==3.10`", ErrorCode.LOCK_UNRESOLVABLE),
        ("error: No space left on device (os error 28)", ErrorCode.DISK_FULL),
        ("error: Failed to fetch: `https://index.invalid/x/`", ErrorCode.ENVIRONMENT_FAILED),
        ("error: gcc failed", ErrorCode.ENVIRONMENT_FAILED),
    ],
)
def test_what_uv_says_is_kept_and_sorted(words: str, code: ErrorCode) -> None:
    failed = build_failed("id", "requirements.txt", words)
    assert failed.code is code
    assert failed.failure.message == words
    assert failed.failure.remedy
    assert failed.failure.data["environment"] == "id"


INDEX = "http://127.0.0.1:38699/whl/tiny/"


@pytest.mark.parametrize(
    ("words", "code", "data"),
    [
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because nosuch was not found in the package registry and you require"
            " nosuch==1.0, we can conclude that your requirements are unsatisfiable.",
            ErrorCode.LOCK_UNRESOLVABLE,
            {"refusal": "no_package", "package": "nosuch"},
        ),
        (
            f"error: Request failed after 3 retries in 7.8s\n  cause: Failed to fetch: {INDEX}\n"
            f"  cause: HTTP status server error (503 Service Unavailable) for url ({INDEX})",
            ErrorCode.ENVIRONMENT_FAILED,
            {"refusal": "index_down", "host": "127.0.0.1:38699"},
        ),
        (
            f"error: Request failed after 3 retries in 6.6s\n  cause: Failed to fetch: {INDEX}\n"
            f"  cause: error sending request for url ({INDEX})\n  cause: tcp connect error\n"
            "  cause: Connection refused (os error 111)",
            ErrorCode.ENVIRONMENT_FAILED,
            {"refusal": "index_down", "host": "127.0.0.1:38699"},
        ),
        (
            f"error: Request failed after 1 retry in 3.9s\n  cause: Failed to fetch: {INDEX}\n"
            f"  cause: error sending request for url ({INDEX})\n  cause: operation timed out",
            ErrorCode.ENVIRONMENT_FAILED,
            {"refusal": "index_slow", "host": "127.0.0.1:38699"},
        ),
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because tiny was not found in the package registry and you require"
            " tiny==1.0, we can conclude that your requirements are unsatisfiable.\n\n"
            "hint: An index URL (http://lab:secret@127.0.0.1:378/simple) could not be queried due"
            " to a lack of valid authentication credentials (401 Unauthorized)",
            ErrorCode.ENVIRONMENT_FAILED,
            {"refusal": "index_password", "host": "127.0.0.1:378"},
        ),
        (
            "error: Failed to fetch: https://127.0.0.1:434/whl/tiny/\n  cause: invalid peer"
            " certificate: UnknownIssuer",
            ErrorCode.ENVIRONMENT_FAILED,
            {"refusal": "index_certificate", "host": "127.0.0.1:434"},
        ),
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because winonly==1.0 has no wheels with a matching platform tag (e.g.,"
            " `manylinux_2_36_x86_64`) and you require winonly==1.0, we can conclude that your"
            " requirements are unsatisfiable.",
            ErrorCode.LOCK_UNRESOLVABLE,
            {"refusal": "other_platform", "package": "winonly"},
        ),
        (
            "error: Distribution `big==1.0 @ registry+x` can't be installed because it doesn't"
            " have a source distribution or wheel for the current platform",
            ErrorCode.LOCK_UNRESOLVABLE,
            {"refusal": "other_platform", "package": "big"},
        ),
        (
            "error: No solution found\n  cause: Because old==1.0 has no wheels with a matching"
            " Python ABI tag (e.g., `cp311`) and you require old==1.0",
            ErrorCode.LOCK_UNRESOLVABLE,
            {"refusal": "other_python", "package": "old"},
        ),
        (
            "error: Failed to download `tiny==1.0`\n  cause: Hash mismatch for `tiny==1.0`",
            ErrorCode.LOCK_UNRESOLVABLE,
            {"refusal": "other_hash", "package": "tiny"},
        ),
    ],
)
def test_what_went_wrong_is_told_apart(words: str, code: ErrorCode, data: dict[str, str]) -> None:
    failed = build_failed("id", "uv.lock", words)
    assert failed.code is code
    assert {key: failed.failure.data[key] for key in data} == data
    assert "{" not in failed.failure.title
    assert "secret" not in str(failed.failure)
    assert failed.failure.remedy


@pytest.mark.parametrize(
    ("words", "packages"),
    [
        (
            "error: No solution found\n  cause: Because dyna==1.0 has no usable wheels and you"
            " require dyna==1.0\n\nhint: Wheels are required for `dyna` because building from"
            " source is disabled for all packages (i.e., with `--no-build`)",
            ("dyna",),
        ),
        (
            "error: Distribution `dynb==1.0 @ registry+/srv` can't be installed because it is"
            " marked as `--no-build` but has no binary distribution",
            ("dynb",),
        ),
        (
            "error: Failed to download and build `x`\n"
            "  cause: Building source distributions for `x` is disabled",
            ("x",),
        ),
        ("error: Because big==1.0 has no usable wheels", ()),
        ("error: gcc failed", ()),
    ],
)
def test_packages_without_wheels_are_read_out_of_uvs_words(
    words: str, packages: tuple[str, ...]
) -> None:
    assert needs_source(words) == packages


def test_the_words_keep_their_lines_and_nothing_for_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_bytes(
        b"\x1b[1m\x1b[31merror\x1b[0m: No solution\n"
        b"  \xe2\x95\xb0\xe2\x94\x80\xe2\x96\xb6 \x1b]8;;https://x\x1b\\"
        b"because\x1b]8;;\x1b\\ \xff\x00\r\n"
        b"\ttabbed \xef\xbf\xbd\x08\n"
    )
    assert last_words(log, 0) == "error: No solution\n  ╰─▶ because\n tabbed"


def test_the_last_words_are_the_error_or_the_end(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    before = b"$ uv venv\nerror: of another call\n"
    log.write_bytes(before + b"Resolved\nerror: first\nerror: last\n  cause: this\n")
    assert last_words(log, len(before)) == "error: last\n  cause: this"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(100_000)))
    lines = last_words(log, 0).splitlines()
    assert (len(lines), lines[-1]) == (TAIL_LINES_MAX, "line 99999")
    log.write_bytes(b"")
    assert last_words(log, 0) == ""


def test_uv_hears_of_indexes_and_certificates_and_of_nothing_else(tmp_path: Path) -> None:
    variables = uv_variables(
        {
            "PATH": "/bin",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "VIRTUAL_ENV": "/somewhere",
            "PYTHONPATH": "/somewhere",
            "UV_INDEX_LAB_PASSWORD": "kept",
            "PIP_INDEX_URL": "https://mirror/wheels",
            "PIP_FIND_LINKS": "/a /b",
            "PIP_CERT": "/pip.pem",
            "SSL_CERT_FILE": "/own.pem",
        },
        tmp_path,
    )
    assert variables == {
        "PATH": "/bin",
        "UV_INDEX_LAB_PASSWORD": "kept",
        "UV_DEFAULT_INDEX": "https://mirror/wheels",
        "UV_FIND_LINKS": "/a,/b",
        "SSL_CERT_FILE": "/own.pem",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_CACHE_DIR": str(tmp_path),
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
