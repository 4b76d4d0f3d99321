# SPDX-License-Identifier: GPL-2.0-or-later
"""Each planted bug is there, is what the table says, and is nowhere in the sound firmware.

A trigger is played to the patched image with everything that judges a response: the stop, the instruction bound, the
response's form, the model, and the watch for second fetches and for secrets that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from emulator.stop import IDLE, Fault, FaultKind, Stop
from harness.analysis.watch import Watch
from harness.conformance.dut import instruction_limit
from harness.default_keys import ENTROPY
from harness.fuzz.key_images import named_images
from harness.fuzz.patched import build_patched
from harness.fuzz.planted import (
    ABSENT_ID,
    AES_ID,
    MLDSA_44_ID,
    MLKEM_512_ID,
    PLANTED,
    REQUESTS_MAX,
    FindingKind,
    PlantedBug,
    Stage,
    Storage,
)
from harness.model import Model
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.codec import CodecError, RawRequest, Response
from harness.protocol.commands import Status
from harness.targets.base import TargetStopped
from harness.targets.emulated import EXCHANGE_BUDGET, EmulatedTarget
from harness.targets.opening import default_firmware

HERE = Path(__file__).parent
LEAST = 20

# What a sanitized image says of itself; all other kinds are the processor's.
SANITIZER_KINDS: frozenset[FaultKind] = frozenset(
    (
        "stack-buffer-overflow",
        "global-buffer-overflow",
        "use-after-scope",
        "poisoned access",
        "undefined behaviour",
        "stack smashing",
    )
)

# What the watch finds, as a fuzzer calls it.
WATCHED: Mapping[str, FindingKind] = {"residue": "residue", "second fetch": "double-fetch"}


# The image of a bug by build, made when it is first asked for.
Images = Callable[[PlantedBug, str], Path]

by_name = pytest.mark.parametrize("bug", PLANTED, ids=[bug.name for bug in PLANTED])


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Builds what the tests share."""
    made: dict[tuple[str, str], Path] = {}

    def image(bug: PlantedBug, build: str) -> Path:
        key = (bug.name, build)
        if key not in made:
            made[key] = build_patched(HERE / bug.patch, build, tmp_path_factory.mktemp("planted"))
        return made[key]

    return image


class Judge(Stage):
    """Plays a sequence to an image and to the model, up to the first finding; `kinds` are all that it shows."""

    def __init__(self, target: EmulatedTarget, storage: dict[str, bytes]) -> None:
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
            return "sanitizer" if self._stop.kind in SANITIZER_KINDS else "fault"
        return "malformed" if self._stop is IDLE else "hang"

    def step(self, microseconds: int) -> None:
        self._now += microseconds
        self._target.set_clock(self._now)

    def store(self, storage: Storage) -> None:
        self._target.write_key_image(self._storage[storage])
        self._model.key_image = self._storage[storage]

    def write(self, offset: int, content: bytes) -> None:
        self._target.window.memory[offset : offset + len(content)] = content


def play(sequence: Callable[[Stage], object], image: Path) -> Judge:
    """What a sequence shows on the image."""
    with closing(EmulatedTarget(image)) as target:
        judge = Judge(target, named_images())
        sequence(judge)
    return judge


def each_type(stage: Stage) -> None:
    """A plain request of each type that is served, and the same again with a key id that nobody has."""
    sealed = stage.ask(codec.aes_encrypt(AES_ID, b"aad", b"some text")).payload
    stage.ask(codec.aes_decrypt(AES_ID, sealed[:12], b"aad", sealed[12:-16], sealed[-16:]))
    signature = stage.ask(codec.mldsa_sign(MLDSA_44_ID, b"context", b"message")).payload
    stage.ask(codec.mldsa_verify(MLDSA_44_ID, b"context", signature, b"message"))
    encapsulation_key = stage.ask(codec.mlkem_keygen(MLKEM_512_ID)).payload
    stage.ask(codec.mlkem_decaps(MLKEM_512_ID, bytes(table.MLKEM_SIZES[512].ciphertext)))
    stage.ask(codec.mlkem_encaps(encapsulation_key))
    for code in table.BY_CODE:
        stage.ask(codec.encode_request(code, ABSENT_ID.to_bytes(4, "little") + bytes(60)))


def refusals(stage: Stage) -> None:
    """Requests that checks 2 to 5 refuse."""
    stage.ask(b"")
    stage.ask(codec.encode_request(0))
    for code in table.BY_CODE:
        stage.ask(codec.encode_request(code))
        stage.ask(RawRequest(code, flags=1).encode())
        stage.ask(RawRequest(code, payload_length=table.MAX_PAYLOAD + 1).encode())


@by_name
def test_the_bug_is_found_as_what_it_is(bug: PlantedBug, images: Images) -> None:
    judge = play(bug.trigger, images(bug, bug.build))
    assert judge.kinds == {bug.kind}
    assert judge.requests <= REQUESTS_MAX


@by_name
def test_the_sound_firmware_shows_nothing(bug: PlantedBug) -> None:
    assert play(bug.trigger, default_firmware(build=bug.build)).kinds == set()


@by_name
@pytest.mark.parametrize("sequence", [each_type, refusals])
def test_plain_requests_do_not_find_the_bug(
    bug: PlantedBug, sequence: Callable[[Stage], object], images: Images
) -> None:
    assert play(sequence, images(bug, "release")).kinds == set()


@pytest.mark.parametrize("bug", [bug for bug in PLANTED if bug.kind == "sanitizer"], ids=lambda bug: bug.name)
def test_without_a_sanitizer_nothing_is_seen(bug: PlantedBug, images: Images) -> None:
    assert play(bug.trigger, images(bug, "release")).kinds == set()


def test_the_table_names_every_patch() -> None:
    assert sorted(bug.patch for bug in PLANTED) == sorted(path.name for path in HERE.glob("*.patch"))
    assert len(PLANTED) >= LEAST
    assert {bug.kind for bug in PLANTED} == set(get_args(FindingKind))


@by_name
def test_a_patch_begins_with_its_defect(bug: PlantedBug) -> None:
    assert (HERE / bug.patch).read_text().startswith(f"Defect: {bug.what}\n\ndiff ")
