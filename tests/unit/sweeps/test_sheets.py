"""Sheets from the disk: what is read from CSV and Excel, and what is refused, with its place."""

import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_client.sweeps import reading, xlsx_sheet
from lanherd_client.sweeps.cells import text_of
from lanherd_client.sweeps.csv_sheet import csv_records
from lanherd_client.sweeps.options import sweep_order
from lanherd_client.sweeps.reading import read_sheet
from lanherd_client.sweeps.table import Table, cell_name, letter_of, table_of_mappings
from lanherd_protocol.errors import ErrorCode, LanherdError
from tests.support.xlsx import Broken, Day, Formula, Value, xlsx, xlsx_of_xml

HEAD: list[Value] = ["lr", "seed"]


def sheet(folder: Path, content: bytes, name: str = "runs.xlsx", which: str | None = None) -> Table:
    path = folder / name
    path.write_bytes(content)
    return read_sheet(path, which)


def refused(folder: Path, content: bytes, name: str = "runs.xlsx") -> str:
    """The whole of what is said when a sheet is refused."""
    with pytest.raises(LanherdError) as caught:
        sweep_order(sheet(folder, content, name), "s", command=["true"])
    failure = caught.value.failure
    assert failure.remedy
    return f"{failure.title} {failure.message} {failure.remedy}"


def cells(table: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in table.rows]


def test_excel_and_csv_say_the_same(tmp_path: Path) -> None:
    rows: list[list[Value]] = [[], ["lr", "n", "on"], [0.001, 3.0, True], [], ["a b", 0.5, False]]
    excel = sheet(tmp_path, xlsx(rows))
    text = "\n\ufefflr,n,on\n0.001,3,TRUE\n,,\na b,0.5,FALSE\n"
    plain = sheet(tmp_path, text.replace("\ufeff", "").encode("utf-8-sig"), "runs.csv")
    assert excel == plain
    assert [(row.place, row.cells) for row in excel.rows] == [
        ("row 3", ("0.001", "3", "TRUE")),
        ("row 5", ("a b", "0.5", "FALSE")),
    ]
    assert [str(column) for column in excel.columns] == [
        "column lr (A)",
        "column n (B)",
        "column on (C)",
    ]


def test_the_text_of_each_kind_of_value() -> None:
    assert [*map(text_of, (None, "x", 3, 3.0, 1e-3, 1e-5, 1e22, -0.5, True))] == [
        *("", "x", "3", "3", "0.001", "1e-05", "1e+22", "-0.5", "TRUE")
    ]
    assert text_of(date(2026, 1, 2)) == "2026-01-02"
    assert text_of(datetime.fromisoformat("2026-01-02T03:04:05")) == "2026-01-02T03:04:05"
    assert text_of(timedelta(hours=1)) == "1:00:00"
    assert text_of(Decimal("1e-3")) == "0.001"
    with pytest.raises(TypeError, match="list"):
        text_of([1])


def test_dates_and_computed_formulas_are_values(tmp_path: Path) -> None:
    table = sheet(tmp_path, xlsx([["day", "sum"], [Day(45658), Formula("1+1", 2)]]))
    assert cells(table) == [("2025-01-01", "2")]


def test_an_empty_text_may_be_the_result_of_a_formula(tmp_path: Path) -> None:
    cell = '<c r="B2" t="str"><f>""</f><v></v></c>'
    row = f'<row r="2"><c r="A2"><v>1</v></c>{cell}</row>'
    head = '<row r="1"><c r="A1"><v>7</v></c><c r="B1"><v>8</v></c></row>'
    table = sheet(
        tmp_path, xlsx_of_xml(f"<worksheet><sheetData>{head}{row}</sheetData></worksheet>")
    )
    assert cells(table) == [("1", "")]


def test_empty_columns_and_rows_are_passed_over(tmp_path: Path) -> None:
    table = sheet(tmp_path, b",lr,,seed\n,1,,2\n,,,\n,3\n", "runs.csv")
    assert [column.letter for column in table.columns] == ["B", "D"]
    assert cells(table) == [("1", "2"), ("3", "")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(["lr", "seed"]) + "\r\n" + delimiter.join(['"a;b,c\nd"', "2"]) + "\r\n"
    assert cells(sheet(tmp_path, text.encode(), "runs.csv")) == [("a;b,c\nd", "2")]


def test_excels_own_word_for_a_delimiter(tmp_path: Path) -> None:
    table = sheet(tmp_path, b"sep=|\r\nlr|seed\r\n1|2\r\n", "runs.csv")
    assert [(row.place, row.cells) for row in table.rows] == [("row 2", ("1", "2"))]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        records = csv_records(content)
    except LanherdError as problem:
        records = [[problem.failure.title], [problem.failure.remedy]]
    assert all(isinstance(cell, str) for record in records for cell in record)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("lr,学习率\n1,2\n".encode("gbk"), "GBK"),
        ("lr\n1\n\xe9t\xe9\n".encode("latin-1"), "line 3 isn't UTF-8"),
        ("lr\n1\n".encode("utf-16"), "UTF-16"),
        ("lr\n1\n".encode("utf-16-le"), "NUL"),
        (b'lr,seed\n1,2\n"3,4\n', "Row 3"),
        (b"", "empty"),
        (b"\n\n ,\n", "empty"),
        (b"lr,seed\n", "nothing below"),
        (b"lr,LR\n1,2\n", "A1: there are 2 columns called 'lr'"),
        (b"lr,,\n1,,\n1,2\n", "B3: it has a value"),
        (b"lr\n1,2\n", "B2: it has a value"),
    ],
)
def test_a_bad_csv_is_refused_with_the_place(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refused(tmp_path, content, "runs.csv")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            xlsx([HEAD, [1, 2], [None, 3]], merged=["A2:A3", "C1:D4"]),
            "row 2, column lr (A): A2:A3 is merged",
        ),
        (xlsx([HEAD, [1, Formula("A1+1")]]), "row 2, column seed (B): its formula has no result"),
        (
            xlsx([HEAD, [1, Formula("A1+1", empty="<v></v>")]]),
            "row 2, column seed (B): its formula has no result",
        ),
        (
            xlsx([HEAD, [Formula("A1", empty="<v />"), 1]]),
            "row 2, column lr (A): its formula has no result",
        ),
        (xlsx([HEAD, [1, Broken("#REF!")]]), "row 2, column seed (B): it holds #REF!"),
        (xlsx([]), "empty"),
        (xlsx([HEAD]), "nothing below"),
        (xlsx([["a", "A"], [1, 2]]), "B1"),
        (b"hello", "no Excel file"),
        (b"", "empty"),
        (b"PK\x03\x04 and no more", "can't be read"),
        (xlsx([HEAD, [1, 2]])[:-40], "can't be read"),
        (b"\xd0\xcf\x11\xe0" + bytes(500) + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"\xd0\xcf\x11\xe0" + bytes(500), "before 2007"),
        (xlsx([HEAD, [1, 2]], names=[]), "no sheet"),
        (xlsx_of_xml("<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet/>"), "entities"),
        (xlsx_of_xml("<worksheet><sheetData>"), "can't be read"),
    ],
)
def test_a_bad_excel_file_is_refused_with_the_place(
    tmp_path: Path, content: bytes, why: str
) -> None:
    assert why in refused(tmp_path, content)


def test_all_that_is_wrong_in_a_sheet_is_said_at_once(tmp_path: Path) -> None:
    rows: list[list[Value]] = [
        ["lr", "gpus", "times", "priority", None],
        [Formula("B1"), "two", 1],
        [Broken("#REF!"), Broken("#N/A"), 0.5, "x"],
        [0.1, 1, None, 1, "lost"],
        ["", 1, 1, 1],
        [0.2, None, 1, "high"],
        [None, 70, 1],
    ]
    table = sheet(tmp_path, xlsx(rows, merged=["A6:A7", "C4:D4"]))
    with pytest.raises(LanherdError) as caught:
        sweep_order(table, "s", command=["t", "{lr}", "{lrr}", "{"], vram="2GB")
    failure = caught.value.failure
    lines = failure.message.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "argument 4",
        "The command needs {lrr}, and the sheet has no column of that name. Is {lr} meant? Write {{"
        " and }} for the braces themselves.",
        "row 2, column lr (A)",
        "row 2, column gpus (B)",
        "row 3, column lr (A)",
        "row 3, column gpus (B)",
        "row 3, column times (C)",
        "row 3, column priority (D)",
        "row 4, column times (C)",
        "E4",
        "row 5, column lr (A)",
        "row 6, column lr (A)",
        "row 6, column gpus (B)",
        "row 6, column priority (D)",
        # The merge covers A7: of that it is not said that it is empty.
        "row 7, column gpus (B)",
    ]
    assert failure.data["findings"] == len(lines)
    assert (lines[2], lines[4]) == (
        "row 2, column lr (A): its formula has no result: let the spreadsheet compute it, and save"
        " the sheet.",
        "row 3, column lr (A): it holds #REF!: mend its formula.",
    )


def test_what_follows_from_a_name_that_cannot_be_read_is_not_said(tmp_path: Path) -> None:
    merged = xlsx([["All my runs"], ["lr", "seed"], [1, 2]], merged=["A1:B1"])
    said = refused_with(sheet(tmp_path, merged), "{lr}")
    assert said == ["A1: A1:B1 is merged: unmerge it, and write into each of its cells."]
    broken = xlsx([[Broken("#NAME?"), "seed"], [1, ""]])
    said = refused_with(sheet(tmp_path, broken), "{lr} {seed}")
    assert said == [
        "A1: it holds #NAME?: mend its formula.",
        "row 2, column seed (B): it is empty, and the run needs it.",
    ]
    gpus = xlsx([["gpus", "vram"], [Broken("#N/A"), "2GB"], [1, "2GB"]])
    assert refused_with(sheet(tmp_path, gpus), "") == [
        "row 2, column gpus (A): it holds #N/A: mend its formula."
    ]


def test_flaws_in_a_sheet_without_rows_or_cells(tmp_path: Path) -> None:
    assert "B1: its formula" in refused(tmp_path, xlsx([["lr", Formula("A1")]]))
    assert "A1: A1:B2 is merged" in refused(tmp_path, xlsx([[]], merged=["A1:B2"]))


def test_a_formula_behind_the_last_value_is_found(tmp_path: Path) -> None:
    table = sheet(tmp_path, xlsx([["lr", "x"], [1], [], [None, Formula("A1")]]))
    assert refused_with(table, "") == [
        "row 4, column x (B): its formula has no result: let the spreadsheet compute it, and save"
        " the sheet."
    ]


def refused_with(table: Table, text: str) -> list[str]:
    with pytest.raises(LanherdError) as caught:
        sweep_order(table, "s", command=["t", text])
    return caught.value.failure.message.splitlines()


def test_a_cell_far_off_takes_no_memory(tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    head = '<row r="1"><c t="inlineStr"><is><t>lr</t></is></c></row>'
    xml = "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>"
    content = xlsx_of_xml(f"{xml}{head}{far}</sheetData></worksheet>")
    assert "XFD1048576" in refused(tmp_path, content)


def test_a_file_that_would_unpack_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanherd_client.sweeps.xlsx_scan.UNPACKED_BYTES_MAX", 1000)
    assert "unpack" in refused(tmp_path, xlsx([HEAD, [1, 2]]))
    monkeypatch.setattr(reading, "SHEET_BYTES_MAX", 10)
    assert "too large" in refused(tmp_path, xlsx([HEAD, [1, 2]]))


def test_which_sheet_is_taken(tmp_path: Path) -> None:
    several = xlsx([HEAD, [1, 2]], names=["Old", "Runs", "More"], hidden=["Old"])
    assert "'Runs' is taken, the first of 3" in sheet(tmp_path, several).notes[0]
    assert sheet(tmp_path, several, which="More").notes == ()
    assert sheet(tmp_path, several, which="Old").notes == ()
    with pytest.raises(LanherdError, match="no sheet 'runs'") as caught:
        sheet(tmp_path, several, which="runs")
    assert caught.value.code is ErrorCode.NOT_FOUND
    with pytest.raises(LanherdError, match="no sheets"):
        sheet(tmp_path, b"a\n1\n", "runs.csv", which="Runs")


def test_a_file_that_is_not_there_or_is_something_else(tmp_path: Path) -> None:
    with pytest.raises(LanherdError) as caught:
        read_sheet(tmp_path / "absent.csv")
    assert caught.value.code is ErrorCode.NOT_FOUND
    for name in ("runs.ods", "runs"):
        assert "no sheet that can be read" in refused(tmp_path, b"", name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(LanherdError, match="can't be read"):
        read_sheet(tmp_path / "folder.csv")


def test_the_rows_of_a_script() -> None:
    table = table_of_mappings([{"lr": 1e-3}, {"seed": 4, "lr": "x"}])
    assert cells(table) == [("0.001", ""), ("x", "4")]
    twice, textless = table_of_mappings([{"lr": [1], "LR": 2}]).findings[1:]
    assert str(twice).startswith("there are 2 columns called 'LR'")
    assert str(textless).startswith("row 1, column lr: list [1] has no text")


def test_a_hundred_thousand_rows_are_read_in_seconds(tmp_path: Path) -> None:
    rows: list[list[Value]] = [[at, at * 0.5] for at in range(100_000)]
    content = xlsx([HEAD, *rows])
    began = time.perf_counter()
    assert len(sheet(tmp_path, content).rows) == 100_000
    text = "lr,seed\n" + "".join(f"{at},{at * 0.5}\n" for at in range(100_000))
    assert len(sheet(tmp_path, text.encode(), "runs.csv").rows) == 100_000
    assert time.perf_counter() - began < 30


def test_the_names_of_cells() -> None:
    assert [*map(letter_of, (0, 25, 26, 701, 702))] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert cell_name(6, 1) == "B7"
    assert xlsx_sheet.CELLS_MAX > 1_000_000
