# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be wrong in the field, from evidence: a key storage image or a firmware image.

`harness.session_symptoms` does the same with a session log. docs/symptoms.md lists the symptoms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.board_file import find_board
from emulator.image import Image, load_image
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.key_image import IMAGE_HEADER, SLOT_HEADER, KeyImage, KeySlot, digest, slot_offset
from harness.targets.emulated import EmulatedTarget
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware

KEY_NOT_FOUND = "status 0x04, persistent"
SLOW = "slow performance"
ELF_MAGIC = b"\x7fELF"
_FAST_BUILD = "release"
_EVERY_ID = "every key id is KEY_NOT_FOUND"
_REGENERATE = "have the key manager write the whole image again (`hil keys new`)"
_MEASURED = 1024


class SymptomError(ValueError):
    """Evidence that says nothing; the message says what to give instead."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One explanation: the symptom as the field sees it, what shows its cause, what to do. One line each."""

    symptom: str
    evidence: str
    advice: str


# ---- key storage: status 0x04 ----


def examine_key_storage(data: bytes) -> tuple[Finding, ...]:
    """Why ids of a key storage image are KEY_NOT_FOUND, image first, then slot by slot; nothing for a sound image.

    Raises SymptomError for no data at all.
    """
    if not data:
        raise SymptomError("the key storage image is empty; give the dataspace's content, 45056 bytes")
    return tuple(Finding(KEY_NOT_FOUND, evidence, advice) for evidence, advice in _key_storage(data))


def _key_storage(data: bytes) -> Iterator[tuple[str, str]]:
    if len(data) > table.KEY_STORAGE_SIZE:
        yield f"wrong length: {len(data)} bytes, key storage holds {table.KEY_STORAGE_SIZE}", _REGENERATE
    if len(data) < IMAGE_HEADER.size:
        yield f"wrong length: {len(data)} bytes hold no header of {IMAGE_HEADER.size}: {_EVERY_ID}", _REGENERATE
        return
    magic, version, count, reserved = IMAGE_HEADER.unpack_from(data)
    if magic != table.KEY_STORAGE_MAGIC:
        what = f"header: magic {magic.hex()}, not {table.KEY_STORAGE_MAGIC.hex()}"
        yield f"{what}: {_EVERY_ID}", f"{_REGENERATE}; if the file is no key storage image, give one"
        return
    if version != table.KEY_STORAGE_VERSION:
        yield f"header: version {version}, not {table.KEY_STORAGE_VERSION}: {_EVERY_ID}", _REGENERATE
    if any(reserved):
        yield f"header: reserved bytes {reserved.hex()} are not zero: {_EVERY_ID}", _REGENERATE
    if count > table.KEY_STORAGE_SLOTS:
        yield f"header: {count} slots, {table.KEY_STORAGE_SLOTS} is the most: {_EVERY_ID}", _REGENERATE
        return
    yield from _crowd(data, count)
    for index in range(count):
        yield from _slot(data, index)


def _crowd(data: bytes, count: int) -> Iterator[tuple[str, str]]:
    """What is wrong with the slots together."""
    heads = {
        index: SLOT_HEADER.unpack_from(data, slot_offset(index))
        for index in range(count)
        if slot_offset(index) + SLOT_HEADER.size <= len(data)
    }
    used = {index: head for index, head in heads.items() if head[0]}
    for key_id, times in Counter(head[0] for head in used.values()).items():
        if times > 1:
            where = ", ".join(str(index) for index, head in used.items() if head[0] == key_id)
            yield f"duplicate id: key {key_id} is in slots {where}: {_EVERY_ID}", "give each key an id of its own"
    aes = [index for index, head in used.items() if head[1] == table.Algorithm.AES]
    if len(aes) > table.KEY_AES_MAX:
        where = ", ".join(map(str, aes))
        what = f"too many AES keys: {len(aes)} (slots {where}), {table.KEY_AES_MAX} is the most"
        yield f"{what}: {_EVERY_ID}", "remove AES keys that are out of use"


def _slot(data: bytes, index: int) -> Iterator[tuple[str, str]]:
    start = slot_offset(index)
    if len(data) < start + SLOT_HEADER.size:
        yield f"wrong length: {len(data)} bytes end before slot {index}", _REGENERATE
        return
    key_id, algorithm, parameter_set, generation, length = SLOT_HEADER.unpack_from(data, start)
    if key_id == 0:
        return
    what, advice = f"slot {index} (key {key_id})", f"write key {key_id} again (`hil keys rotate`, or restore it)"
    if length > table.KEY_SLOT_MATERIAL_MAX:
        yield f"{what}: material_length {length} is over {table.KEY_SLOT_MATERIAL_MAX}", advice
        return
    end = start + SLOT_HEADER.size + length
    stored = data[end : end + table.KEY_DIGEST_SIZE]
    if len(stored) < table.KEY_DIGEST_SIZE:
        yield f"wrong length: {len(data)} bytes end inside slot {index} (key {key_id})", _REGENERATE
    elif stored != digest(data[start:end]):
        yield f"{what}: digest does not match: the slot was damaged, or not written completely", advice
    else:
        try:
            KeySlot(key_id, algorithm, parameter_set, generation, data[start + SLOT_HEADER.size : end]).check()
        except key_image.KeyImageError as error:
            yield f"{what}: intact, but unusable: {error}", "have the key manager write a key that the service knows"


# ---- firmware: slow performance ----


def build_kind(image: Image) -> str:
    """What an image says of its build: release, debug, fips; `unknown` where it says nothing."""
    symbol = image.symbols.get("build_kind")
    for segment in image.segments:
        if symbol is not None and 0 < symbol.size <= 32 and segment.virtual_address <= symbol.address < segment.end:
            start = symbol.address - segment.virtual_address
            return segment.data[start : start + symbol.size].rstrip(b"\0").decode("ascii", "replace") or "unknown"
    return "unknown"


def slow_build(kind: str, evidence: str) -> Finding:
    """The finding for a build that is not the fast one."""
    return Finding(
        SLOW, evidence, f"use the release build (`make firmware`); {kind} builds are for development and audits"
    )


def examine_firmware(path: Path, board_name: str = DEFAULT_BOARD) -> tuple[Finding, ...]:
    """Whether an image of the service is one of the slow builds, in guest instructions where there is a release build.

    Raises EmulatorError for a file that is no image of the service.
    """
    kind = build_kind(load_image(path, find_board(board_name, path)))
    if kind == _FAST_BUILD:
        return ()
    evidence = f"{path.name} is a build of kind {kind}"
    fast = default_firmware(board_name)
    if fast.is_file():
        ours, theirs = _instructions(path, board_name), _instructions(fast, board_name)
        evidence += f": an encryption of {_MEASURED} bytes takes {ours} instructions, {theirs} in the release build"
        evidence += f" ({ours / theirs:.1f} times as many)"
    return (slow_build(kind, evidence),)


def _instructions(path: Path, board_name: str) -> int:
    """Guest instructions of one AES_ENCRYPT."""
    target = EmulatedTarget(path, board_name)
    try:
        target.boot(bytes(range(1, 49)), KeyImage((key_image.aes_slot(1, bytes(range(32))),)).build())
        target.exchange(codec.aes_encrypt(1, b"", bytes(_MEASURED)))
        return target.last_instructions
    finally:
        target.close()
