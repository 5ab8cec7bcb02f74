"""The records of a CSV file, as they are written: UTF-8, with commas, semicolons or tabs."""

import codecs
import csv
import re
from collections.abc import Iterator

from lanherd_protocol.errors import ErrorCode, LanherdError, error

DELIMITERS = (",", ";", "\t")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SAID = re.compile(r"sep=(.)\n", re.IGNORECASE)
_AS_UTF_8 = "Save it as 'CSV UTF-8' (Excel has that type), or as an .xlsx file."


def csv_records(content: bytes) -> list[list[str]]:
    """All records, blank lines as empty ones. Raises `INVALID_REQUEST` for what is no CSV in UTF-8.

    The delimiter is the one of `,`, `;` and tab that cuts the first filled line into most cells, or
    what Excel's line `sep=…` says.
    """
    text = _decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    said = _SAID.match(text)
    if said is not None:
        # Excel doesn't show this line, so it isn't counted among the rows.
        return _records(text[said.end() :], said[1])
    first = next((line for line in _LINE.findall(text) if line.strip()), "")
    return _records(text, max(DELIMITERS, key=lambda delimiter: _width(first, delimiter)))


def _decoded(content: bytes) -> str:
    if content.startswith(_UTF_16):
        raise _other_encoding("It is UTF-16.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise _other_encoding(f"Its line {line} isn't UTF-8{_guess(content)}.") from problem
    if "\0" in text:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "The file is no CSV.",
            "It holds NUL characters: it is binary, or UTF-16 without a mark.",
            _AS_UTF_8,
        )
    return text


def _guess(content: bytes) -> str:
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    chinese = any("\u4e00" <= char <= "\u9fff" for char in text)
    return ", and reads as Chinese in GBK" if chinese else ""


def _width(line: str, delimiter: str) -> int:
    return len(next(csv.reader([line], delimiter=delimiter), []))


def _records(text: str, delimiter: str) -> list[list[str]]:
    return list(_read(text, delimiter))


def _read(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(_LINE.findall(text), delimiter=delimiter, strict=True)
    row = 1
    try:
        for record in reader:
            yield record
            row += 1
    except csv.Error as problem:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "The CSV file can't be read.",
            f"Row {row}: {problem}.",
            "Look for a quote without its other half, or save it again from a spreadsheet.",
        ) from problem


def _other_encoding(why: str) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST, "The CSV file has another encoding than UTF-8.", why, _AS_UTF_8
    )
