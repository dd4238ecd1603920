"""Lines of CSV for people's spreadsheets, in which a cell that others wrote stays text."""

import csv
import io
import re
from collections.abc import Iterable

CSV = "text/csv; charset=utf-8"
MARK = b"\xef\xbb\xbf"  # by which spreadsheets know UTF-8
# A spreadsheet runs a cell that begins so, also in full width, or with a tab or a line break
# (OWASP, "CSV Injection", read 2026-11); some pass over blanks and what is not to be seen before.
FORMULA = re.compile("[\t\r\n]|[\\s\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")


def csv_line(cells: Iterable[str]) -> bytes:
    """The line of these cells (RFC 4180, UTF-8); a ``'`` before a formula makes it text."""
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if FORMULA.match(cell) else cell for cell in cells])
    return text.getvalue().encode()
