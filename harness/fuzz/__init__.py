# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzing the window of the service's unmodified image."""
