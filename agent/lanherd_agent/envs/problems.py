"""What goes wrong with environments, in words; uv's own words are always among them."""

from lanherd_protocol.errors import ErrorCode, LanherdError, error

_NO_SPACE = ("No space left on device", "os error 28", "Disk quota exceeded")
_NO_INDEX = (
    "Failed to fetch", "error sending request", "dns error", "Connection refused",
    "Network is unreachable", "network connectivity is disabled", "network was disabled",
    "timed out", "401 Unauthorized", "403 Forbidden", "invalid peer certificate",
)  # fmt: skip
_LOCK_WORDS = (
    "No solution found", "Hash mismatch", "--require-hashes", "not found in the package registry",
    "Couldn't parse requirement", "Failed to parse", "incompatible with the project's Python",
    "unsatisfiable", "for the current platform", "can't be installed because",
)  # fmt: skip


_FINAL_WORDS = ("Hash mismatch", "--require-hashes", "Couldn't parse requirement")


def is_final(words: str) -> bool:
    """Whether uv's words hold wherever the packages come from, so that asking on is no use."""
    return any(sign in words for sign in (*_FINAL_WORDS, *_NO_SPACE))


def build_failed(environment: str, lock_path: str, words: str) -> LanherdError:
    """The error for a build that uv gave up, with uv's words as its message."""
    named: dict[str, str] = {}
    if any(sign in words for sign in _NO_SPACE):
        code, title = ErrorCode.DISK_FULL, "The machine's disk is full."
        remedy = "Free some space in the agent's home on that machine and try again."
    elif any(sign in words for sign in _NO_INDEX):
        code, title = (
            ErrorCode.ENVIRONMENT_FAILED,
            "The machine can't get the packages of the lock.",
        )
        named["refusal"] = "no_index"
        remedy = (
            "Check that machine's way to its package index"
            " (UV_DEFAULT_INDEX, HTTPS_PROXY and SSL_CERT_FILE of its agent) and try again."
        )
    elif any(sign in words for sign in _LOCK_WORDS):
        code, title = ErrorCode.LOCK_UNRESOLVABLE, f"{lock_path} can't be installed there."
        remedy = "Make the lock again for that machine's Python and platform, and submit again."
    else:
        code, title = ErrorCode.ENVIRONMENT_FAILED, "The environment could not be built."
        remedy = "Read the build log; mend what it names and submit the run again."
    return error(code, title, words, remedy, environment=environment, lock=lock_path, **named)


def build_took_too_long(environment: str, timeout_s: float, words: str) -> LanherdError:
    return error(
        ErrorCode.TIMED_OUT,
        "Building the environment took too long.",
        f"It was stopped after {timeout_s:.0f} s. The last words were: {words or 'none'}",
        "Read the build log, or try again: what was downloaded is kept.",
        environment=environment,
        timeout_s=timeout_s,
    )


def no_python(request: str, default: str) -> LanherdError:
    return error(
        ErrorCode.ENVIRONMENT_FAILED,
        f"The machine has no Python {request}.",
        f"Its agent runs on Python {default}, and none was found that answers to {request}.",
        f"Install Python {request} there, or ask for another version.",
        refusal="no_python",
        python=request,
        default=default,
    )


def disk_refused(environment: str, refused: OSError) -> LanherdError:
    return build_failed(environment, "The lock", f"{refused.strerror or refused} (os error)")
