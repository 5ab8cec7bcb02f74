"""The records of a sheet of an Excel file, as texts. The only place that knows calamine."""

from collections.abc import Iterator, Sequence
from io import BytesIO

from lanherd_client.sweeps.cells import text_of
from lanherd_client.sweeps.findings import Finding, refusal
from lanherd_client.sweeps.table import FAULTY, MERGED, Flaw, Records, cell_name
from lanherd_client.sweeps.xlsx_scan import SheetScan, damaged, scan_sheet
from lanherd_protocol.errors import ErrorCode, LanherdError, error

CELLS_MAX = 10_000_000
"""Of the sheet up to its last filled cell."""
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP = b"PK"


def xlsx_records(content: bytes, sheet: str | None) -> Records:
    """All rows of a sheet (the first, when it isn't named). Merged cells, errors and formulas
    without a result are among its flaws.

    Raises `NOT_FOUND` for a sheet that isn't there, and `INVALID_REQUEST` for a file that can't be
    read or is protected.
    """
    _check_kind(content)
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        with CalamineWorkbook.from_filelike(BytesIO(content)) as workbook:
            sheets = [one for one in workbook.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
            # A hidden one is taken only by its name, or where there is no other.
            sheets.sort(key=lambda one: one.visible != SheetVisibleEnum.Visible)
            names = [one.name for one in sheets]
            name = _chosen(names, sheet)
            scan = _scanned(content, name)
            chosen = workbook.get_sheet_by_name(name)
            merged = chosen.merged_cell_ranges or []
            values = chosen.to_python(skip_empty_area=False)
    except CalamineError as problem:
        raise damaged(f"{problem}") from problem
    records = [[text_of(value) for value in row] for row in values]
    flaws = (*_merges(records, merged), *_without_value(records, scan))
    is_first_of_several = sheet is None and len(names) > 1
    note = f"The sheet {name!r} is taken, the first of {len(names)}."
    return Records(records, (note,) if is_first_of_several else (), flaws)


def _merges(
    records: list[list[str]], merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> Iterator[Flaw]:
    for (top, left), (bottom, right) in merged:
        for record in records[top : bottom + 1]:
            covered = slice(left, right + 1)
            record[covered] = [cell or MERGED for cell in record[covered]]
        cells = f"{cell_name(top, left)}:{cell_name(bottom, right)}"
        yield Flaw(top, left, f"{cells} is merged: unmerge it, and write into each of its cells.")


def _without_value(records: list[list[str]], scan: SheetScan) -> Iterator[Flaw]:
    for row, column, text in scan.errors:
        _put(records, row, column)
        yield Flaw(row, column, f"it holds {text}: mend its formula.")
    for row, column in scan.uncomputed:
        _put(records, row, column)
        why = "its formula has no result: let the spreadsheet compute it, and save the sheet."
        yield Flaw(row, column, why)


def _put(records: list[list[str]], row: int, column: int) -> None:
    """Marks a cell; calamine ends with the last one that has a value."""
    records += [[] for _ in range(len(records), row + 1)]
    record = records[row]
    record += [""] * (column + 1 - len(record))
    record[column] = FAULTY


def _check_kind(content: bytes) -> None:
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise error(
                ErrorCode.INVALID_REQUEST,
                "The Excel file is protected by a password.",
                "Its content is encrypted.",
                "Save a copy without the password, or as 'CSV UTF-8'.",
            )
        raise damaged("It has the format of Excel before 2007")
    if not content.startswith(_ZIP):
        raise damaged("It is no Excel file, whatever its name says" if content else "It is empty")


def _chosen(names: list[str], sheet: str | None) -> str:
    if not names:
        raise damaged("It has no sheet")
    if sheet is None:
        return names[0]
    if sheet not in names:
        raise _no_sheet(names, sheet)
    return sheet


def _no_sheet(names: list[str], sheet: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"The file has no sheet {sheet!r}.",
        f"It has: {', '.join(map(repr, names))}.",
        "Name one of them with --sheet.",
    )


def _scanned(content: bytes, sheet: str) -> SheetScan:
    scan = scan_sheet(BytesIO(content), sheet)
    if scan.rows * scan.columns > CELLS_MAX:
        raise refusal(
            "The sheet is too large.",
            [Finding("", f"It goes to {cell_name(scan.rows - 1, scan.columns - 1)}.")],
            f"Remove what is far off: {CELLS_MAX} cells can be read. Nothing was sent.",
        )
    return scan
