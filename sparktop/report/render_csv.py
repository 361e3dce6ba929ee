"""The figures of a report as comma-separated values (RFC 4180, with line feeds), for spreadsheets."""

from __future__ import annotations

import csv
import io

from sparktop.report.document import Report
from sparktop.report.escape import for_spreadsheet


def to_csv(report: Report) -> str:
    """Returns the flat table: numbers as digits alone, units in the header, what is not known empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    table = report.figures
    writer.writerow([for_spreadsheet(column.title) for column in table.columns])
    for row in table.rows:
        writer.writerow([cell.text if cell.value is not None else for_spreadsheet(cell.text) for cell in row.cells])
    return out.getvalue()
