# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA and ML-KEM requests: drawn for the slots that are there, built upon answers, wrong in many ways."""

from __future__ import annotations

import random
from collections import Counter
from itertools import count, islice

from harness.differential.actions import Exchange, SetClock, WriteKeys
from harness.differential.generator import Generator
from harness.differential.post_quantum import PostQuantumRequests
from harness.protocol.commands import AREA_SIZE, Status
from harness.protocol.key_image import KeyImage, KeySlot, mldsa_slot, mlkem_slot
from harness.targets.model import ModelTarget


def _answers(seed: int, length: int) -> Counter[tuple[int, str]]:
    """What a model says to an episode's requests: type and status."""
    generator, target = Generator(seed, 0), ModelTarget()
    target.boot(generator.start.entropy, generator.start.key_image)
    seen: Counter[tuple[int, str]] = Counter()
    for action in islice(generator.actions(), length):
        match action:
            case Exchange(request):
                assert len(request) <= AREA_SIZE
                response = target.exchange(request)
                generator.learn(response)
                if len(request) > 2:
                    seen[request[2], response.status.name] += 1
            case SetClock(now):
                target.set_clock(now)
            case WriteKeys(image):
                target.write_key_image(image)
    return seen


def test_every_operation_comes_to_success_and_to_its_own_failures() -> None:
    seen = _answers(1, 3000)
    for type in (0x01, 0x02, 0x10, 0x11, 0x20, 0x21, 0x22):
        assert seen[type, "SUCCESS"] > 5, f"type {type:#04x}"
    for type, status in (
        (0x11, "CRYPTO_ERROR"),
        (0x11, "INVALID_PAYLOAD"),
        (0x11, "KEY_NOT_FOUND"),
        (0x20, "INVALID_PAYLOAD"),
        (0x20, "KEY_NOT_FOUND"),
        (0x21, "CRYPTO_ERROR"),
        (0x21, "INVALID_PAYLOAD"),
        (0x22, "INVALID_PAYLOAD"),
        (0x22, "KEY_NOT_FOUND"),
    ):
        assert seen[type, status] > 0, f"type {type:#04x}, {status}"


def test_signing_is_drawn_the_least() -> None:
    """It takes many times as long as anything else."""
    requests = dict(PostQuantumRequests(random.Random(1), list).requests)
    names = {draw.__name__: weight for draw, weight in requests.items()}
    assert min(names, key=lambda name: names[name]) == "_sign"


def test_slots_fit_an_image_and_hold_what_they_should() -> None:
    """Beside four AES keys; every parameter set and both kinds of ML-DSA slots turn up."""
    kinds = set()
    for seed in range(60):
        slots = PostQuantumRequests(random.Random(seed), list).draw_slots(count(1).__next__)
        assert 3 <= len(slots) <= 12
        KeyImage(tuple(slots)).check()
        kinds |= {(slot.algorithm, slot.parameter_set, len(slot.material)) for slot in slots}
    assert len(kinds) == 9


def test_fresh_material_fits_its_slot() -> None:
    slots: list[KeySlot] = [mldsa_slot(1, 44, bytes(32)), mldsa_slot(2, 87, bytes(2592)), mlkem_slot(3, 512)]
    requests = PostQuantumRequests(random.Random(1), lambda: slots)
    for slot in slots:
        fresh = requests.fresh_material(slot)
        assert len(fresh) == len(slot.material)
        assert fresh != slot.material or not fresh


def test_what_was_refused_is_not_built_upon() -> None:
    """Without a success there is no signature and no ciphertext to send: keys are asked for again."""
    slots = [mlkem_slot(3, 512)]
    requests = PostQuantumRequests(random.Random(1), lambda: slots)
    draws = {draw.__name__: draw for draw, _ in requests.requests}
    for name in ("_decaps", "_encaps", "_verify", "_sign"):
        assert draws[name]()[2] == 0x20
        requests.learn(None)
    draws["_keygen"]()
    requests.learn(bytes(800))
    assert draws["_decaps"]()[2] == 0x21
    requests.learn(bytes(800))
    assert draws["_decaps"]()[2] == 0x22


def test_the_model_is_never_at_odds_with_itself() -> None:
    """No request, however damaged, makes its references differ."""
    for seed in range(3):
        assert {name for _, name in _answers(seed, 900)} <= {status.name for status in Status}
