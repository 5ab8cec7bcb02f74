"""Small Excel files, made cell by cell, so that a test can write what a spreadsheet would."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PACKED = "application/vnd.openxmlformats-package"
DATE_STYLE = 1


@dataclass(frozen=True)
class Formula:
    """A formula with the result that was kept for it; None where it was never computed. Some
    programs write an `empty` result then."""

    text: str
    result: float | None = None
    empty: str = ""


@dataclass(frozen=True)
class Broken:
    """An error value, such as '#REF!'."""

    text: str


@dataclass(frozen=True)
class Day:
    """A date, as a spreadsheet counts days."""

    number: int


Value = None | str | int | float | bool | Formula | Broken | Day


def xlsx(
    rows: Sequence[Sequence[Value]],
    *,
    merged: Sequence[str] = (),
    names: Sequence[str] = ("Runs",),
    hidden: Sequence[str] = (),
) -> bytes:
    """An Excel file whose sheets all hold these rows, from A1 on."""
    merges = "".join(f'<mergeCell ref="{one}"/>' for one in merged)
    merges = f"<mergeCells>{merges}</mergeCells>" if merges else ""
    lines = "".join(_row(number, row) for number, row in enumerate(rows, 1))
    sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData>{merges}</worksheet>'
    return xlsx_of_xml(sheet, names, hidden)


def xlsx_of_xml(sheet: str, names: Sequence[str] = ("Runs",), hidden: Sequence[str] = ()) -> bytes:
    """An Excel file whose sheets are this XML."""
    numbers = range(1, len(names) + 1)
    sheets = "".join(
        f"<sheet name={quoteattr(name)} sheetId='{number}' r:id='r{number}'"
        f"{' state=' + quoteattr('hidden') if name in hidden else ''}/>"
        for number, name in zip(numbers, names, strict=True)
    )
    relations = "".join(
        f'<Relationship Id="r{number}" Type="{_RELATIONS}/worksheet"'
        f' Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    relations += f'<Relationship Id="styles" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml"'
        f' ContentType="{_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="{_PACKED}.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{parts}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
        f' Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        f"<sheets>{sheets}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f"{relations}</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        **{f"xl/worksheets/sheet{number}.xml": sheet for number in numbers},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def _row(number: int, row: Sequence[Value]) -> str:
    cells = "".join(
        _cell(f"{chr(ord('A') + at)}{number}", value)
        for at, value in enumerate(row)
        if value is not None
    )
    return f'<row r="{number}">{cells}</row>'


def _cell(name: str, value: Value) -> str:
    match value:
        case bool():
            return f'<c r="{name}" t="b"><v>{int(value)}</v></c>'
        case str():
            text = escape(value)
            return f'<c r="{name}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
        case Formula(text=text, result=None, empty=empty):
            return f'<c r="{name}"><f>{escape(text)}</f>{empty}</c>'
        case Formula(text=text, result=result):
            return f'<c r="{name}"><f>{escape(text)}</f><v>{result}</v></c>'
        case Broken(text=text):
            return f'<c r="{name}" t="e"><f>A1</f><v>{text}</v></c>'
        case Day(number=number):
            return f'<c r="{name}" s="{DATE_STYLE}"><v>{number}</v></c>'
        case _:
            return f'<c r="{name}"><v>{value}</v></c>'
