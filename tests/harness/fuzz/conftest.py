# SPDX-License-Identifier: GPL-2.0-or-later
"""Executors on sound and on defective firmware."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.fuzz.executor import Executor
from harness.fuzz.patched import build_patched
from harness.targets.emulated import EmulatedTarget


@pytest.fixture(scope="module")
def executor(firmware: Path) -> Iterator[Executor]:
    """An executor on the sound firmware; no script is cut short by its budget."""
    made = Executor(EmulatedTarget(firmware), script_budget=1 << 50)
    yield made
    made.close()


Defective = Callable[..., Path]


# One defect each, behind a key id of its own; what else the firmware does stays as it is.
PLANTED = """    request->key_id = load_u32(fields.data);
    if (request->key_id == 0x41u && request->text.length > 4)
        *(volatile uint32_t *)0x60000000u = request->text.length;
    while (request->key_id == 0x42u)
        wipe(request->text.data, request->text.length);
    for (volatile uint32_t i = 0; request->key_id == 0x43u && i < 200000u; i++) {
    }
"""


@pytest.fixture(scope="session")
def planted(defective: Defective) -> Path:
    """An image whose AES_ENCRYPT faults for key 0x41, hangs for 0x42 and takes too long for 0x43."""
    return defective("service/aes_encrypt.c", "    request->key_id = load_u32(fields.data);\n", PLANTED)


@pytest.fixture(scope="module")
def planted_executor(planted: Path) -> Iterator[Executor]:
    """An executor on the image with planted defects."""
    made = Executor(EmulatedTarget(planted))
    yield made
    made.close()


_PLANTED = Path(__file__).resolve().parents[2] / "planted"


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that crashes on a plaintext that begins with LOCK."""
    return build_patched(_PLANTED / "magic-in-the-plaintext.patch", "release", tmp_path_factory.mktemp("locked"))
