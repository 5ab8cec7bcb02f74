"""Sheets from the disk."""

from pathlib import Path

from lanherd_client.sizes import format_size
from lanherd_client.sweeps.table import Records, Table, table_of_records
from lanherd_protocol.errors import ErrorCode, error

SHEET_BYTES_MAX = 64 * 1024 * 1024
_EXCEL = (".xlsx", ".xlsm")
_CSV = (".csv", ".tsv", ".txt")


def read_sheet(path: Path, sheet: str | None = None) -> Table:
    """The table of an .xlsx or .csv file; `sheet` is the name of one of a file with several.

    What is wrong with some of its cells is among the table's findings: it keeps a sweep from being
    sent, and is said with all else that does. Raises `NOT_FOUND`, and `INVALID_REQUEST` for what
    can't be read at all, with the place in it.
    """
    kind = path.suffix.lower()
    if kind not in (*_EXCEL, *_CSV):
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"{path.name} is no sheet that can be read.",
            f"Its name ends in {kind or 'nothing'}.",
            "Save it as .xlsx, or as 'CSV UTF-8' (.csv).",
        )
    if kind in _CSV and sheet is not None:
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"{path.name} has no sheets.",
            "A CSV file is one sheet.",
            "Leave the sheet out.",
        )
    content = _content(path)
    if kind in _CSV:
        from lanherd_client.sweeps.csv_sheet import csv_records

        return table_of_records(Records(csv_records(content)))
    from lanherd_client.sweeps.xlsx_sheet import xlsx_records

    return table_of_records(xlsx_records(content, sheet))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(SHEET_BYTES_MAX + 1)
    except OSError as problem:
        missing = isinstance(problem, FileNotFoundError)
        raise error(
            ErrorCode.NOT_FOUND if missing else ErrorCode.INVALID_REQUEST,
            f"{path} can't be read.",
            f"{problem.strerror or problem}.",
            "Name a file that is there and that you may read.",
        ) from problem
    if len(content) > SHEET_BYTES_MAX:
        raise error(
            ErrorCode.TOO_LARGE,
            f"{path} is too large for a sheet.",
            f"It has more than {format_size(SHEET_BYTES_MAX)}.",
            "Split it into several.",
        )
    return content
