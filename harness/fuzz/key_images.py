# SPDX-License-Identifier: GPL-2.0-or-later
"""The key images between which scripts switch: what a key manager does between two requests, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from harness.default_keys import AES_KEY_ID, default_keys
from harness.protocol import commands as table
from harness.protocol.key_image import KeyImage, KeySlot, corrupt


@cache
def named_images() -> dict[str, bytes]:
    """Prepared images of KEY_STORAGE_SIZE bytes each, in the order in which KEYS numbers them; boot has the first.

    `other material` has other seeds and AES keys under the same generations, `renewed` other AES keys under the next.
    """
    keys = default_keys()
    sound = keys.build()
    damaged = next(i for i, slot in enumerate(keys.slots) if slot is not None and slot.key_id == AES_KEY_ID)
    images = {
        "initial": sound,
        "rotated": _each(keys, lambda slot: slot.rotated(slot.material)),
        "other material": _each(keys, _with_other_material),
        "damaged slot": corrupt(sound, damaged, "digest"),
        "unparsable": b"?" + sound[1:],
        "renewed": _each(keys, _renewed),
        "no keys": _each(keys, lambda _: None),
        "zeros": b"",
    }
    return {name: image.ljust(table.KEY_STORAGE_SIZE, b"\0") for name, image in images.items()}


def key_images() -> tuple[bytes, ...]:
    """The images alone, by number."""
    return tuple(named_images().values())


def _each(keys: KeyImage, change: Callable[[KeySlot], KeySlot | None]) -> bytes:
    return KeyImage(tuple(None if slot is None else change(slot) for slot in keys.slots)).build()


def _with_other_material(slot: KeySlot) -> KeySlot:
    """A seed or an AES key is another one; a public key stays, as others would not be sound."""
    secret = len(slot.material) == table.AES_KEY_SIZE
    return replace(slot, material=bytes(byte ^ 0xFF for byte in slot.material)) if secret else slot


def _renewed(slot: KeySlot) -> KeySlot:
    aes = slot.algorithm == table.Algorithm.AES
    return slot.rotated(bytes(byte ^ 0xA5 for byte in slot.material)) if aes else slot
