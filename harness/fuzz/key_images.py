# SPDX-License-Identifier: GPL-2.0-or-later
"""The key images between which scripts switch: what a key manager does between two requests, good and bad."""

from __future__ import annotations

from functools import cache

from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, default_keys
from harness.protocol import commands as table
from harness.protocol.key_image import KeyImage, corrupt


@cache
def key_images() -> tuple[bytes, ...]:
    """Prepared images of KEY_STORAGE_SIZE bytes each, as KEYS numbers them; the first is in place at the start.

    0 the default keys; 1 all rotated with the same material; 2 AES keys with new material; 3 a damaged digest of the
    first AES key and of the first ML-DSA key; 4 a header that does not parse; 5 no keys at all; 6 an image of zeros.
    """
    first = default_keys()
    slots = tuple(slot and slot.rotated(slot.material) for slot in first.slots)
    renewed = tuple(
        slot.rotated(bytes(byte ^ 0xA5 for byte in slot.material))
        if slot and slot.algorithm is table.Algorithm.AES
        else slot
        for slot in first.slots
    )
    damaged = first.build()
    for index, slot in enumerate(first.slots):
        if slot is not None and slot.key_id in (AES_KEY_ID, MLDSA_KEY_IDS[44]):
            damaged = corrupt(damaged, index, "digest")
    headless = bytes((first.build()[0] ^ 1,)) + first.build()[1:]
    none = KeyImage((None,) * len(first.slots))
    images = (first.build(), KeyImage(slots).build(), KeyImage(renewed).build(), damaged, headless, none.build(), b"")
    return tuple(image.ljust(table.KEY_STORAGE_SIZE, b"\0") for image in images)
