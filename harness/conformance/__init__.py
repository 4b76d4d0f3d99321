# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract as tests: a pytest plugin with the fixture `dut`, and one test module per chapter of the contract."""
