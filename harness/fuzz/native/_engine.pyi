# SPDX-License-Identifier: GPL-2.0-or-later
# The binding is generated; engine.h is its documentation.
from typing import Any

ffi: Any
lib: Any
