# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs for every input of a campaign: between the engines and the executor. engine.h is the documentation."""
