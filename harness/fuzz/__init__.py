# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzing the window: scripts of requests, an executor for them, engines that make them up, and what they find."""
