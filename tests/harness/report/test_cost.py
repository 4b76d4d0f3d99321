# SPDX-License-Identifier: GPL-2.0-or-later
from harness.report import CostRow


def test_json_has_the_promised_shape() -> None:
    row = CostRow("MLKEM_KEYGEN", "ML-KEM-768", "release", 1, 2, 3, 4)
    assert row.as_json() == {
        "operation": "MLKEM_KEYGEN",
        "parameter_set": "ML-KEM-768",
        "build": "release",
        "instructions": {"min": 1, "median": 2, "max": 3},
        "stack_bytes": 4,
    }
