from pathlib import Path

import pytest

from lanherd_agent.envs.problems import build_failed
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
