"""Decision -> what people read: report.html, results.json, tables, figures. Knows nothing of how numbers came about."""

from journeysim.report.results import results
from journeysim.report.terminal import comparison_table
from journeysim.report.write import render

__all__ = ["comparison_table", "render", "results"]
