# SPDX-License-Identifier: GPL-2.0-or-later
"""Each planted bug is there, is what the table says, and is nowhere in the sound firmware.

A trigger is played to the patched image with everything that judges a response: the stop, the instruction bound, the
response's form, the model, and the watch for second fetches and for secrets that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from emulator.stop import IDLE, Fault, Stop
from harness.analysis.watch import Watch
from harness.conformance.dut import ENTROPY, default_keys, instruction_limit
from harness.fuzz.patched import FIRMWARE, build_patched
from harness.fuzz.planted import AES_ID, PLANTED, REQUESTS_MAX, FindingKind, PlantedBug, Stage, Storage
from harness.model import Model
from harness.protocol import commands as table
from harness.protocol import key_image
from harness.protocol.codec import CodecError, Response
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, KeySlot
from harness.targets.base import TargetStopped
from harness.targets.emulated import EXCHANGE_BUDGET, EmulatedTarget
from harness.targets.opening import default_firmware

HERE = Path(__file__).parent
LEAST = 20
HAS_SANITIZE_BUILD = "OPTIMISE_sanitize" in (FIRMWARE / "Makefile").read_text()

# What the watch finds, as a fuzzer calls it.
WATCHED: Mapping[str, FindingKind] = {"residue": "residue", "second fetch": "double-fetch"}


@pytest.fixture(scope="session")
def sound(firmware: Path) -> dict[str, Path]:
    """The sound image of each build; without a sanitize build, the release image stands in the place of both."""
    sanitized = default_firmware(build="sanitize") if HAS_SANITIZE_BUILD else firmware
    assert sanitized.is_file(), "run `make firmware BUILD=sanitize` in the folder of the firmware first"
    return {"release": firmware, "sanitize": sanitized}


def storage_images() -> dict[Storage, bytes]:
    """The key storages that a sequence may switch between, made of the default keys."""
    keys = default_keys()
    sound = keys.build()
    index = next(i for i, slot in enumerate(keys.slots) if slot is not None and slot.key_id == AES_ID)
    return {
        "initial": sound,
        "rotated": _each(keys, lambda slot: slot.rotated(slot.material)).build(),
        "damaged slot": key_image.corrupt(sound, index, "digest"),
        "unparsable": b"?" + sound[1:],
        "other material": _each(keys, _with_other_material).build(),
    }


def _each(keys: KeyImage, change: Callable[[KeySlot], KeySlot]) -> KeyImage:
    return KeyImage(tuple(None if slot is None else change(slot) for slot in keys.slots))


def _with_other_material(slot: KeySlot) -> KeySlot:
    """A seed or an AES key is another one; a public key stays, as others would not be sound."""
    secret = len(slot.material) == table.AES_KEY_SIZE
    return replace(slot, material=bytes(byte ^ 0xFF for byte in slot.material)) if secret else slot


class Judge(Stage):
    """Plays a sequence to an image and to the model, up to the first finding; `kinds` are all that it shows."""

    def __init__(self, target: EmulatedTarget, storage: dict[Storage, bytes]) -> None:
        self.kinds: set[FindingKind] = set()
        self.requests = 0
        self._target, self._storage, self._now = target, storage, 0
        self._sanitized = target.build_kind == "sanitize"
        target.set_clock(0)
        target.boot(ENTROPY, storage["initial"])
        self._model = Model(ENTROPY, storage["initial"])
        self._stop: Stop = IDLE
        self._watch: Watch | None = None
        self._bound = EXCHANGE_BUDGET
        # The sanitized image has no bounds, and its redzones and shadow are none of the watch's business.
        if not self._sanitized:
            self._watch = Watch(target)
            self._watch.in_play = self._model.watch_secrets()
        self._unjudged, target.run = target.run, self._run

    def _run(self, _budget: int) -> Stop:
        self._stop = self._unjudged(self._bound)
        return self._stop

    def ask(self, request: bytes) -> Response:
        expected = self._model.exchange(request, self._now)
        assert not self.kinds, "the sequence goes on behind its finding"
        self.requests += 1
        if not self._sanitized:
            self._bound = instruction_limit(request, expected)
        try:
            if self._target.exchange(request) != expected:
                self.kinds.add("mismatch")
        except TargetStopped:
            self.kinds.add(self._kind_of_stop())
        except CodecError:
            known = self._target.window.response_area[2] in set(Status)
            self.kinds.add("malformed" if known else "status")
        if self._watch is not None:
            self.kinds |= {WATCHED[finding.kind] for finding in self._watch.findings}
        return expected

    def _kind_of_stop(self) -> FindingKind:
        if isinstance(self._stop, Fault):
            return "sanitizer" if self._sanitized else "fault"
        return "malformed" if self._stop is IDLE else "hang"

    def step(self, microseconds: int) -> None:
        self._now += microseconds
        self._target.set_clock(self._now)

    def store(self, storage: Storage) -> None:
        self._target.write_key_image(self._storage[storage])
        self._model.key_image = self._storage[storage]

    def write(self, offset: int, content: bytes) -> None:
        self._target.window.memory[offset : offset + len(content)] = content


def play(bug: PlantedBug, image: Path) -> Judge:
    """What the trigger shows on the image."""
    with closing(EmulatedTarget(image)) as target:
        judge = Judge(target, storage_images())
        bug.trigger(judge)
    return judge


@pytest.mark.parametrize("bug", PLANTED, ids=[bug.name for bug in PLANTED])
def test_the_bug_is_found_as_what_it_is(bug: PlantedBug, tmp_path: Path) -> None:
    if bug.build == "sanitize" and not HAS_SANITIZE_BUILD:
        pytest.skip("the firmware has no sanitize build yet")
    image = build_patched(HERE / bug.patch, bug.build, tmp_path)
    assert play(bug, image).kinds == {bug.kind}


@pytest.mark.parametrize("bug", PLANTED, ids=[bug.name for bug in PLANTED])
def test_the_sound_firmware_shows_nothing(bug: PlantedBug, sound: dict[str, Path]) -> None:
    judge = play(bug, sound[bug.build])
    assert judge.kinds == set()
    assert judge.requests <= REQUESTS_MAX


@pytest.mark.parametrize("bug", [bug for bug in PLANTED if bug.kind == "sanitizer"], ids=lambda bug: bug.name)
def test_without_a_sanitizer_nothing_is_seen(bug: PlantedBug, tmp_path: Path) -> None:
    assert play(bug, build_patched(HERE / bug.patch, "release", tmp_path)).kinds == set()


def test_the_table_names_every_patch() -> None:
    assert sorted(bug.patch for bug in PLANTED) == sorted(path.name for path in HERE.glob("*.patch"))
    assert len(PLANTED) >= LEAST
    assert {bug.kind for bug in PLANTED} == set(get_args(FindingKind))


@pytest.mark.parametrize("bug", PLANTED, ids=[bug.name for bug in PLANTED])
def test_a_patch_begins_with_its_defect(bug: PlantedBug) -> None:
    assert (HERE / bug.patch).read_text().startswith(f"Defect: {bug.what}\n\ndiff ")
