# SPDX-License-Identifier: GPL-2.0-or-later
"""What only an emulator can show of the firmware."""
