# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives targets, predicts their answers, compares and reports."""
