"""What is wrong with a sweep: all of it at once, each with its place in the sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from lanherd_protocol.errors import ErrorCode, LanherdError, error

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps a sweep from being sent; `where` is a place such as 'row 7, column vram
    (D)', empty for what concerns all of it."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


def refusal(title: str, findings: Sequence[Finding], remedy: str) -> LanherdError:
    """The failure that names the first of the findings, and says how many more there are."""
    lines = [str(finding) for finding in findings[:SHOWN_MAX]]
    if len(findings) > SHOWN_MAX:
        lines.append(f"And {len(findings) - SHOWN_MAX} more.")
    return error(ErrorCode.INVALID_REQUEST, title, "\n".join(lines), remedy, findings=len(findings))
