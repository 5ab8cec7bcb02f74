"""What goes wrong with environments, in words; uv's own words are always among them."""

import re
from dataclasses import dataclass, field

from lanherd_agent.envs.requirements import without_credentials
from lanherd_protocol.errors import ErrorCode, LanherdError, error

_NO_SPACE = ("No space left on device", "os error 28", "Disk quota exceeded")
_INDEX_WAY = " (UV_DEFAULT_INDEX, HTTPS_PROXY and SSL_CERT_FILE of its agent)"
_LOCK_WORDS = (
    "No solution found", "Hash mismatch", "--require-hashes", "Couldn't parse requirement",
    "Failed to parse", "unsatisfiable", "can't be installed because", "is not defined in",
    "Requested extra not found", "does not appear to be a Python project", "was not found in",
)  # fmt: skip
_FINAL_WORDS = ("Hash mismatch", "--require-hashes", "Couldn't parse requirement")
_SOURCE_ONLY = re.compile(
    r"Because (\S+?)==\S+ has no usable wheels"
    r"|Wheels are required for `([^`]+)`"
    r"|Distribution `([^=`]+)==[^`]*` can't be installed because it is marked as `--no-build`"
    r"|Building source distributions for `([^`]+)` is disabled"
)


@dataclass(frozen=True, slots=True)
class _Cause:
    """`where` names in uv's words what is put into the texts as `{what}`."""

    refusal: str
    signs: str
    code: ErrorCode
    title: str
    remedy: str
    what: str = ""
    where: str = ""
    signed: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signed", re.compile(self.signs))


_CAUSES = (
    _Cause(
        "other_hash",
        r"Hash mismatch",
        ErrorCode.LOCK_UNRESOLVABLE,
        "The index has another {what} than {lock} asks for.",
        "Check where that package comes from; if its change is meant, make the lock again.",
        "package",
        r"Hash mismatch for `([^=` ]+)",
    ),
    _Cause(
        "index_password",
        r"401 Unauthorized|403 Forbidden|407 Proxy Authentication",
        ErrorCode.ENVIRONMENT_FAILED,
        "The package index doesn't let the machine in.",
        "Check the index's address and its user and password in the settings of that machine's"
        " agent (UV_DEFAULT_INDEX, or UV_INDEX_<NAME>_USERNAME and _PASSWORD).",
        "host",
        r"https?://([^/\s)`]+)",
    ),
    _Cause(
        "index_certificate",
        r"invalid peer certificate|certificate verify failed|UnknownIssuer",
        ErrorCode.ENVIRONMENT_FAILED,
        "The package index shows a certificate that the machine doesn't trust.",
        "If the index is your own, give its authority's certificate to that machine's agent as"
        " SSL_CERT_FILE; otherwise find out who answers there in its place.",
        "host",
        r"https?://([^/\s)`]+)",
    ),
    _Cause(
        "index_slow",
        r"timed out|Failed to download distribution due to network timeout",
        ErrorCode.ENVIRONMENT_FAILED,
        "The package index answers too slowly.",
        "Try again later, or give that machine's agent more patience by UV_HTTP_TIMEOUT"
        " (seconds) or a nearer index by UV_DEFAULT_INDEX.",
        "host",
        r"https?://([^/\s)`]+)",
    ),
    _Cause(
        "index_down",
        r"Connection refused|dns error|Network is unreachable|No route to host|error sending"
        r" request|status server error|Connection reset|tcp connect error|broken pipe",
        ErrorCode.ENVIRONMENT_FAILED,
        "The machine can't reach its package index.",
        f"Check that machine's way to its package index{_INDEX_WAY} and try again.",
        "host",
        r"https?://([^/\s)`]+)",
    ),
    _Cause(
        "no_index",
        r"Failed to fetch|Failed to download|network connectivity is disabled|network was"
        r" disabled|Network connectivity is disabled",
        ErrorCode.ENVIRONMENT_FAILED,
        "The machine can't get the packages of the lock.",
        f"Check that machine's way to its package index{_INDEX_WAY} and try again.",
    ),
    _Cause(
        "other_python",
        r"incompatible with the project's Python|does not satisfy Python|depends on Python"
        r"|no wheels with a matching Python (?:ABI|version|implementation) tag",
        ErrorCode.LOCK_UNRESOLVABLE,
        "{lock} is for another Python than the machine's.",
        "Choose a Python that it is for, or make the lock again for that machine's Python.",
        "package",
        r"Because (\S+?)(?:==\S+)? ",
    ),
    _Cause(
        "other_platform",
        r"matching platform tag|for the current platform",
        ErrorCode.LOCK_UNRESOLVABLE,
        "{lock} is for another platform than the machine's.",
        "Make the lock again for that machine's platform, or choose a machine that it is for.",
        "package",
        r"Because (\S+?)(?:==\S+)? has|Distribution `([^=`]+)==",
    ),
    _Cause(
        "no_package",
        r"was not found in the (?:package registry|provided package locations)",
        ErrorCode.LOCK_UNRESOLVABLE,
        "There is no package {what} in the machine's index.",
        "Check the package's name; if it is in another index, name that one to the machine's"
        " agent (UV_INDEX) or in the project.",
        "package",
        r"Because (\S+?)(?:[=<>~!]\S+)? was not found",
    ),
)


def is_final(words: str) -> bool:
    """Whether uv's words hold wherever the packages come from, so that asking on is no use."""
    return any(sign in words for sign in (*_FINAL_WORDS, *_NO_SPACE))


def needs_source(words: str) -> tuple[str, ...]:
    """The packages that uv has no wheel for, where it says that it may not build."""
    found = (one for groups in _SOURCE_ONLY.findall(words) for one in groups if one)
    may_not = "--no-build" in words or "Building source distributions" in words
    return tuple(dict.fromkeys(found)) if may_not else ()


def build_failed(environment: str, lock_path: str, words: str) -> LanherdError:
    """The error for a build that uv gave up, with uv's words as its message."""
    words = without_credentials(words)
    named = {"environment": environment, "lock": lock_path}
    if any(sign in words for sign in _NO_SPACE):
        return error(
            ErrorCode.DISK_FULL,
            "The machine's disk is full.",
            words,
            "Free some space in the agent's home on that machine and try again.",
            **named,
        )
    for cause in _CAUSES:
        if cause.signed.search(words) is not None:
            return _caused(cause, lock_path, words, named)
    if any(sign in words for sign in _LOCK_WORDS):
        code, title = ErrorCode.LOCK_UNRESOLVABLE, f"{lock_path} can't be installed there."
        remedy = "Make the lock again for that machine's Python and platform, and submit again."
    else:
        code, title = ErrorCode.ENVIRONMENT_FAILED, "The environment could not be built."
        remedy = "Read the build log; mend what it names and submit the run again."
    return error(code, title, words, remedy, **named)


def _caused(cause: _Cause, lock_path: str, words: str, named: dict[str, str]) -> LanherdError:
    found = re.search(cause.where, words) if cause.where else None
    what = next((one for one in found.groups() if one), "") if found is not None else ""
    data = {**named, "refusal": cause.refusal}
    if cause.what:
        data[cause.what] = what
    title = cause.title.format(lock=lock_path, what=what)
    return error(cause.code, title, words, cause.remedy, **data)


def build_took_too_long(environment: str, timeout_s: float, words: str) -> LanherdError:
    return error(
        ErrorCode.TIMED_OUT,
        "Building the environment took too long.",
        f"It was stopped after {timeout_s:.0f} s. The last words were: {words or 'none'}",
        "Read the build log, or try again: what was downloaded is kept.",
        environment=environment,
        timeout_s=timeout_s,
    )


def source_forbidden(environment: str, lock_path: str, packages: tuple[str, ...]) -> LanherdError:
    listed = ", ".join(packages)
    return error(
        ErrorCode.LOCK_UNRESOLVABLE,
        f"{lock_path} needs packages that would be built from source.",
        f"There is no wheel for this machine of {listed}, and building from source, which runs"
        " code of the package, was forbidden.",
        "Choose versions that have wheels, put wheels of them where the machine finds them, or"
        " allow building from source.",
        refusal="from_source",
        environment=environment,
        lock=lock_path,
        packages=listed,
    )


def no_python(request: str, default: str, there: str = "") -> LanherdError:
    found = f" There are: {there}." if there else ""
    return error(
        ErrorCode.ENVIRONMENT_FAILED,
        f"The machine has no Python {request}.",
        f"Its agent runs on Python {default}, and none was found that answers to {request}.{found}",
        f"Install Python {request} there, or ask for another version.",
        refusal="no_python",
        python=request,
        default=default,
        there=there,
    )


def other_python(lock_path: str, wanted: str, found: str) -> LanherdError:
    return error(
        ErrorCode.LOCK_UNRESOLVABLE,
        f"{lock_path} is for Python {wanted}, and Python {found} was chosen.",
        "The version that was asked for is outside of the range that it is for.",
        "Choose another Python, or make the lock again for this one.",
        refusal="other_python",
        lock=lock_path,
        python=wanted,
        default=found,
    )


def bad_python_request(request: str) -> LanherdError:
    return error(
        ErrorCode.LOCK_UNRESOLVABLE,
        f"{request!r} names no Python.",
        "It is neither a version nor a range of versions.",
        "Write it as 3.12, or as >=3.11,<3.13.",
        refusal="bad_python",
        python=request,
    )


def disk_refused(environment: str, refused: OSError) -> LanherdError:
    return build_failed(environment, "The lock", f"{refused.strerror or refused} (os error)")


def no_project() -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        "The run asks for an environment, but has no project.",
        "The lock of an environment is a file of the run's snapshot.",
        "Submit it with a project, or without an environment.",
        refusal="no_project",
    )


def not_there(environment: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"The environment {environment[:12]} is not on that machine.",
        "It was never built there, or it has been removed.",
        "Look at the list of its environments, or build it again.",
        refusal="no_environment_like",
        asked=environment,
    )


def nothing_to_build() -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        "There is nothing to build.",
        "No environment was asked for.",
        "Name a lock, packages, or another environment.",
        refusal="empty_environment",
    )


def no_build_log(name: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"The environment {name!r} has no build log.",
        "It is registered, so nothing was built for it.",
        "Look at what is in it instead.",
        refusal="no_build_log",
        name=name,
    )
