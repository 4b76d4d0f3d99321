# SPDX-License-Identifier: GPL-2.0-or-later
"""A part of SEC-1 that the test bench shows already: no plaintext stays in the service's own memory."""

from __future__ import annotations

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import granted, noise, pieces, residue
from harness.default_keys import AES_KEY_ID
from harness.targets.emulated import EmulatedTarget


@pytest.mark.clause("SEC-1")
def test_no_plaintext_stays_in_the_services_memory(emulated: EmulatedTarget) -> None:
    dut = Dut(emulated)
    text = noise(1000)
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, text)
    assert residue(dut, pieces(text)) == []
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag)) == text
    assert residue(dut, pieces(text)) == []
