"""Failures as both sides tell them: a code, what happened, why, and what to do next.

One table joins code, family and exception class. A `Failure` is what travels and what a person
reads; a `LanherdError` is what Python code raises and catches. The families follow what the caller
can do about it: mend the request (`MisuseError`), look at the other side (`RemoteError`), look at
the machine or the network (`EnvironmentProblem`), or report a bug (`InternalError`).
"""

from enum import StrEnum

from msgspec import Struct


class ErrorCode(StrEnum):
    """What went wrong, for programs. Codes are never reused for another meaning."""

    # misuse
    INVALID_REQUEST = "invalid_request"
    UNKNOWN_METHOD = "unknown_method"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    IMPOSSIBLE_REQUEST = "impossible_request"
    PROJECT_UNREADABLE = "project_unreadable"
    PROJECT_EMPTY = "project_empty"
    PROJECT_CHANGED = "project_changed"
    LOCK_UNRESOLVABLE = "lock_unresolvable"
    COMMAND_NOT_FOUND = "command_not_found"
    # trust
    NOT_PAIRED = "not_paired"
    NOT_ALLOWED = "not_allowed"
    WRONG_IDENTITY = "wrong_identity"
    # connection
    UNREACHABLE = "unreachable"
    CONNECTION_LOST = "connection_lost"
    PROTOCOL_ERROR = "protocol_error"
    VERSION_MISMATCH = "version_mismatch"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    OVERLOADED = "overloaded"
    # the machine
    DISK_FULL = "disk_full"
    STORE_FAILED = "store_failed"
    BLOB_CORRUPT = "blob_corrupt"
    ENVIRONMENT_FAILED = "environment_failed"
    LAUNCHER_FAILED = "launcher_failed"
    GPU_UNAVAILABLE = "gpu_unavailable"
    HOME_IN_USE = "home_in_use"
    HOME_UNUSABLE = "home_unusable"
    SHUTTING_DOWN = "shutting_down"
    # bug
    INTERNAL = "internal"
    # a peer newer than this one
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "ErrorCode | None":
        """A newer peer's code reads as UNKNOWN: its texts still say what happened."""
        return cls.UNKNOWN if isinstance(value, str) else None


class Failure(Struct, frozen=True, kw_only=True):
    """A failure as it travels and as a person reads it.

    `title` says what happened in one short sentence, `message` why, `remedy` what to do next.
    `data` holds the values that the texts mention, so that another language can say the same.
    """

    code: ErrorCode
    title: str
    message: str = ""
    remedy: str = ""
    data: dict[str, str | int | float] = {}


class LanherdError(Exception):
    """Base of everything that Lanherd raises on purpose; carries the `Failure`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    @property
    def code(self) -> ErrorCode:
        return self.failure.code

    def __str__(self) -> str:
        parts = (self.failure.title, self.failure.message, self.failure.remedy)
        return " ".join(part for part in parts if part)


class MisuseError(LanherdError):
    """The request can't be served as it is: mend it and ask again."""


class NotFoundError(MisuseError):
    """The thing that was asked for isn't there."""


class ConflictError(MisuseError):
    """The same id was used for something else, or the object is in another state."""


class TrustError(LanherdError):
    """The other side isn't who it should be, or doesn't let us in."""


class RemoteError(LanherdError):
    """The other side could not be asked, or answered in a way that makes no sense."""


class EnvironmentProblem(LanherdError):
    """The machine can't do it now: its disk, its driver, its processes."""


class InternalError(LanherdError):
    """A bug in Lanherd."""


_CLASSES: dict[ErrorCode, type[LanherdError]] = {
    ErrorCode.INVALID_REQUEST: MisuseError,
    ErrorCode.UNKNOWN_METHOD: MisuseError,
    ErrorCode.NOT_FOUND: NotFoundError,
    ErrorCode.CONFLICT: ConflictError,
    ErrorCode.TOO_LARGE: MisuseError,
    ErrorCode.IMPOSSIBLE_REQUEST: MisuseError,
    ErrorCode.PROJECT_UNREADABLE: MisuseError,
    ErrorCode.PROJECT_EMPTY: MisuseError,
    ErrorCode.PROJECT_CHANGED: MisuseError,
    ErrorCode.LOCK_UNRESOLVABLE: MisuseError,
    ErrorCode.COMMAND_NOT_FOUND: MisuseError,
    ErrorCode.NOT_PAIRED: TrustError,
    ErrorCode.NOT_ALLOWED: TrustError,
    ErrorCode.WRONG_IDENTITY: TrustError,
    ErrorCode.UNREACHABLE: RemoteError,
    ErrorCode.CONNECTION_LOST: RemoteError,
    ErrorCode.PROTOCOL_ERROR: RemoteError,
    ErrorCode.VERSION_MISMATCH: RemoteError,
    ErrorCode.TIMED_OUT: RemoteError,
    ErrorCode.CANCELLED: RemoteError,
    ErrorCode.OVERLOADED: RemoteError,
    ErrorCode.DISK_FULL: EnvironmentProblem,
    ErrorCode.STORE_FAILED: EnvironmentProblem,
    ErrorCode.BLOB_CORRUPT: EnvironmentProblem,
    ErrorCode.ENVIRONMENT_FAILED: EnvironmentProblem,
    ErrorCode.LAUNCHER_FAILED: EnvironmentProblem,
    ErrorCode.GPU_UNAVAILABLE: EnvironmentProblem,
    ErrorCode.HOME_IN_USE: EnvironmentProblem,
    ErrorCode.HOME_UNUSABLE: EnvironmentProblem,
    ErrorCode.SHUTTING_DOWN: EnvironmentProblem,
    ErrorCode.INTERNAL: InternalError,
    ErrorCode.UNKNOWN: RemoteError,
}


def error_class(code: ErrorCode) -> type[LanherdError]:
    """The exception class of a code."""
    return _CLASSES[code]


def error(
    code: ErrorCode,
    title: str,
    message: str = "",
    remedy: str = "",
    **data: str | int | float,
) -> LanherdError:
    """An exception of the class that belongs to the code, ready to be raised."""
    failure = Failure(code=code, title=title, message=message, remedy=remedy, data=data)
    return _CLASSES[code](failure)


def from_failure(failure: Failure) -> LanherdError:
    """The exception for a failure that came over the wire."""
    return _CLASSES[failure.code](failure)
