# SPDX-License-Identifier: GPL-2.0-or-later
"""Metadata is in pyproject.toml; the native module needs setuptools' cffi hook, which only setup() takes."""

from setuptools import setup

setup(cffi_modules=["emulator/native/build_core.py:ffibuilder", "harness/fuzz/native/build_engine.py:ffibuilder"])
