"""The records of a sheet of an Excel file, as texts. The only place that knows calamine."""

from io import BytesIO

from lanherd_client.sweeps.cells import text_of
from lanherd_client.sweeps.findings import Finding, refusal
from lanherd_client.sweeps.table import cell_name
from lanherd_client.sweeps.xlsx_scan import damaged, scan_sheet
from lanherd_protocol.errors import ErrorCode, LanherdError, error

CELLS_MAX = 10_000_000
"""Of the sheet up to its last filled cell."""
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP = b"PK"


def xlsx_records(content: bytes, sheet: str | None) -> tuple[list[list[str]], tuple[str, ...]]:
    """All rows of a sheet (the first, when it isn't named), and notes for people.

    Raises `NOT_FOUND` for a sheet that isn't there, and `INVALID_REQUEST` for a file that can't be
    read, is protected, has merged cells, errors, or formulas without a result.
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
            _check(content, name)
            chosen = workbook.get_sheet_by_name(name)
            merged = chosen.merged_cell_ranges or []
            values = chosen.to_python(skip_empty_area=False)
    except CalamineError as problem:
        raise damaged(f"{problem}") from problem
    if merged:
        raise refusal(
            "The sheet has merged cells.",
            [
                Finding("", f"{cell_name(*first)}:{cell_name(*last)} is one.")
                for first, last in merged
            ],
            "Unmerge them, and write the value into each of the cells. Nothing was sent.",
        )
    records = [[text_of(value) for value in row] for row in values]
    if sheet is None and len(names) > 1:
        return records, (f"The sheet {name!r} is taken, the first of {len(names)}.",)
    return records, ()


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


def _check(content: bytes, sheet: str) -> None:
    scan = scan_sheet(BytesIO(content), sheet)
    if scan.rows * scan.columns > CELLS_MAX:
        raise refusal(
            "The sheet is too large.",
            [Finding("", f"It goes to {cell_name(scan.rows - 1, scan.columns - 1)}.")],
            f"Remove what is far off: {CELLS_MAX} cells can be read. Nothing was sent.",
        )
    findings = [Finding(cell, f"it holds {text}.") for cell, text in scan.errors]
    findings += [
        Finding(cell, "its formula has no result: it was never computed.")
        for cell in scan.uncomputed
    ]
    if findings:
        raise refusal(
            "The sheet has cells without a value.",
            findings,
            "Mend their formulas, let the spreadsheet compute them, and save it. Nothing was sent.",
        )
