# SPDX-License-Identifier: GPL-2.0-or-later
"""Device registers that the firmware touches outside its dataspaces."""
