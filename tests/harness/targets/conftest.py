# SPDX-License-Identifier: GPL-2.0-or-later
"""The native library with planted defects (misbehaviour.c), plain and under each sanitizer, built as asked for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.fuzz.patched import copy_firmware

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[2] / "firmware"
VICTIM = Path("service", "aes_encrypt.c")
SANITIZERS = {"": "", "sanitized": "address,undefined", "memory": "memory"}

Misbehaving = Callable[[str], Path]


@pytest.fixture(scope="session")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Misbehaving:
    """Variant, as default_native() has them -> library; an AES_ENCRYPT misbehaves as its plaintext's length says."""
    built: dict[str, Path] = {}

    def make(variant: str) -> Path:
        if variant not in built:
            built[variant] = build(tmp_path_factory.mktemp("native"), variant)
        return built[variant]

    return make


def build(folder: Path, variant: str) -> Path:
    """Only what the defects touch is compiled anew, where the variant itself has been built."""
    tree, name = folder / "firmware", "-".join(filter(None, ("native", variant)))
    copy_firmware(tree, FIRMWARE / "build" / name)
    victim = tree / VICTIM
    source, function, call = victim.read_text(), "enum status aes_encrypt_operate", "    key.state->encryptions++;\n"
    assert source.count(function) == source.count(call) == 1
    source = source.replace(call, f"    planted_misbehave(text.length, text.data);\n{call}")
    victim.write_text(source.replace(function, (HERE / "misbehaviour.c").read_text() + function))
    command = ["make", "-s", "-C", str(tree), "native", f"HOST_SANITIZE={SANITIZERS[variant]}"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return tree / "build" / name / "libservice.so"
