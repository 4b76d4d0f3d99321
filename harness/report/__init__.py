# SPDX-License-Identifier: GPL-2.0-or-later
"""Renders what a run found: one HTML page for people, JUnit XML and JSON for machines."""

from harness.report.cost import CostRow
from harness.report.error import ReportError
from harness.report.files import atomic_write, write_report

__all__ = ["CostRow", "ReportError", "atomic_write", "write_report"]
