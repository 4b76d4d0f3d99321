# SPDX-License-Identifier: GPL-2.0-or-later
"""What a debugger shows of the service that the emulator alone does not know: requests, responses, findings."""
