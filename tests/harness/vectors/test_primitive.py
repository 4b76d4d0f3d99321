# SPDX-License-Identifier: GPL-2.0-or-later
"""What an executor need not say: that it refuses nothing, and that no way leads through the window."""

from __future__ import annotations

from typing import cast

import pytest

from harness.vectors import Case
from harness.vectors.primitive import Executor
from harness.vectors.routes import Bench, Functions


class Least(Executor[Case]):
    def run_function(self, case: Case, functions: Functions) -> None:
        pass


def test_the_least_executor(bench: Bench) -> None:
    executor, case = Least(), Case("1")
    assert executor.refusal(case) == ""
    assert not executor.fits_window(case)
    with pytest.raises(NotImplementedError, match="Least has no way through the window"):
        executor.run_window(case, bench.service)
    with pytest.raises(TypeError, match="abstract"):
        cast(type, Executor)()
