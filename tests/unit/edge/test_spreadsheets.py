"""What others wrote is text in a spreadsheet, whatever it begins with."""

import csv
import io

import pytest

from packshot.edge.spreadsheets import csv_line


def cells_of(line: bytes) -> list[str]:
    (row,) = csv.reader(io.StringIO(line.decode(), newline=""))
    return row


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(A1)",
     " =1+1", "\u00a0=1", "\u3000＝1", "\u200b=1", "\ufeff=1", "="],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_made_text(cell: str) -> None:
    assert cells_of(csv_line(["a", cell])) == ["a", f"'{cell}"]


@pytest.mark.parametrize(
    "cell", ["", " ", "MUG-1", "1+1=2", "a@b.example", 'a "b", c', "two\nlines", "كوب", "'=1", "–1"]
)
def test_any_other_cell_is_kept_as_it_is(cell: str) -> None:
    assert cells_of(csv_line([cell, "b"])) == [cell, "b"]
