"""Whether a Python's version is in a range such as `>=3.11,<3.13`, as `requires-python` writes it.

Only what such ranges hold in practice is understood (PEP 440 without local versions and
arbitrary equality); whatever else raises ValueError.
"""

import re

_CLAUSE = re.compile(
    r"(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?(?:[abc]|rc|\.?dev|\.?post)?\d*"
)
_RELEASE = re.compile(r"\d+(?:\.\d+)*")


def satisfies(version: str, wanted: str) -> bool:
    """Raises ValueError where `wanted` is no range."""
    found = _RELEASE.match(version)
    if found is None:
        raise ValueError(f"{version!r} is no version")
    release = _numbers(found[0])
    return all(_meets(release, clause.strip()) for clause in wanted.split(",") if clause.strip())


def is_range(text: str) -> bool:
    return any(sign in text for sign in "<>=!~")


def _meets(release: tuple[int, ...], clause: str) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        raise ValueError(f"{clause!r} is no range of versions")
    sign, digits, star = found.groups()
    bound = _numbers(digits)
    if star:
        same = release[: len(bound)] == bound
        if sign not in ("==", "!="):
            raise ValueError(f"{clause!r} is no range of versions")
        return same is (sign == "==")
    if sign == "~=":
        return release >= bound and release[: len(bound) - 1] == bound[:-1]
    width = max(len(release), len(bound))
    left, right = _padded(release, width), _padded(bound, width)
    return {
        "==": left == right,
        "!=": left != right,
        "<=": left <= right,
        ">=": left >= right,
        "<": left < right,
        ">": left > right,
    }[sign]


def _numbers(digits: str) -> tuple[int, ...]:
    return tuple(int(part) for part in digits.split("."))


def _padded(numbers: tuple[int, ...], width: int) -> tuple[int, ...]:
    return numbers + (0,) * (width - len(numbers))
