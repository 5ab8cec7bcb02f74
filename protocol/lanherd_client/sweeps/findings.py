"""What is wrong with a sweep: all of it at once, each with its place in the sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from lanherd_protocol.errors import ErrorCode, LanherdError, error

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps a sweep from being sent; `where` is a place such as 'row 7, column vram
    (D)', empty for what concerns all of it, and `at` are its row and column from 0, -1 for all."""

    where: str
    text: str
    at: tuple[int, int] = (-1, -1)

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


def refusal(title: str, findings: Sequence[Finding], remedy: str) -> LanherdError:
    """The failure that names the first of the findings by row and column, and says how many more
    there are."""
    ordered = sorted(findings, key=lambda finding: finding.at)
    lines = [str(finding) for finding in ordered[:SHOWN_MAX]]
    if len(findings) > SHOWN_MAX:
        lines.append(f"And {len(findings) - SHOWN_MAX} more.")
    return error(ErrorCode.INVALID_REQUEST, title, "\n".join(lines), remedy, findings=len(findings))
