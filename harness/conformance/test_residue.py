# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operation leaves behind (SEC-1): no secret in memory, registers or window, in any form.

Two ways lead there. Every response of a run is followed by a search for each secret that the model knows to have been
in play, in the encodings of the standards. And two runs that differ in nothing but a secret have to leave the same
memory and registers: that needs no list, so that it finds the forms that are a firmware's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from harness.analysis.exercise import ENTROPY, ROUNDS, keys
from harness.analysis.residue import KEPT
from harness.analysis.watch import Watch
from harness.conformance.dut import Dut
from harness.conformance.support import granted, noise, refused
from harness.default_keys import AES_KEY_ID
from harness.protocol import codec, key_image
from harness.protocol.commands import Algorithm, Status
from harness.protocol.key_image import KeyImage, KeySlot

_OTHER_ID = 5


def _skip_without_names(dut: Dut) -> None:
    """Skip the case where nothing is named of what may keep secrets: whatever the firmware keeps would be a finding."""
    names = {name for names in KEPT.values() for name in names}
    if names.isdisjoint(symbol.name for symbol in dut.emulated.image.all_symbols):
        pytest.skip(
            f"the image names none of {', '.join(sorted(names))}: name its own to `hil analyze residue --keeps`"
        )


def _watch_of(dut: Dut) -> Watch:
    _skip_without_names(dut)
    return dut.watch


def _nothing_of(watch: Watch, clause: str) -> None:
    found = [str(finding) for finding in watch.findings if finding.clause == clause]
    assert not found, "\n".join([f"{len(found)} findings", *found])


# ---- every secret that the model knows ----


@pytest.mark.clause("SEC-1")
@pytest.mark.parametrize("play", ROUNDS.values(), ids=ROUNDS)
def test_sec_1_no_secret_stays(dut: Dut, play: Callable[[Callable[[bytes], codec.Response]], None]) -> None:
    watch = _watch_of(dut)
    dut.keys.replace(keys())
    dut.boot(ENTROPY)
    play(dut.exchange)
    _nothing_of(watch, "SEC-1")


@pytest.mark.clause("SEC-1")
def test_the_boot_leaves_no_entropy(dut: Dut) -> None:
    watch = _watch_of(dut)
    dut.boot(noise(48, seed=9))
    _nothing_of(watch, "SEC-1")


@pytest.mark.clause("SEC-1")
def test_a_removed_and_a_rotated_key_leave_the_key_cache(dut: Dut) -> None:
    """The key cache may hold a key as long as the storage does; what was there is overwritten with the next request."""
    both = (KeySlot(AES_KEY_ID, Algorithm.MLDSA, 44, 1, noise(32)), KeySlot(_OTHER_ID, Algorithm.MLKEM, 512, 1, b""))
    watch = _watch_of(dut)
    for change in ("rotate", "remove"):
        dut.keys.replace(KeyImage(both))
        dut.boot()
        granted(dut.exchange(codec.mldsa_sign(AES_KEY_ID, b"", b"message")))
        assert watch.in_play is not None
        expanded = [s.value for s in watch.in_play.secrets if s.places == ("key cache",)]
        assert expanded
        assert all(value in _kept_memory(dut) for value in expanded)
        if change == "rotate":
            dut.keys.replace(KeyImage((KeySlot(AES_KEY_ID, Algorithm.MLDSA, 44, 2, noise(32, 2)), both[1])))
            dut.exchange(codec.mldsa_sign(AES_KEY_ID, b"", b"message"))
        else:
            dut.keys.replace(KeyImage(both[1:]))
            dut.exchange(codec.mlkem_keygen(_OTHER_ID))
        left = _kept_memory(dut)
        assert not [value for value in expanded if value[:16] in left], f"{change}: the expanded key stays"


def _kept_memory(dut: Dut) -> bytes:
    """What the variables of the key cache hold."""
    symbols = [s for s in dut.emulated.image.all_symbols if s.kind == "object" and s.name in KEPT["key cache"]]
    if not symbols:
        pytest.skip("the image names no key cache")
    return b"".join(dut.machine.read(symbol.address, symbol.size) for symbol in symbols)


# ---- whatever depends on a secret ----


def _without(dut: Dut, names: Collection[str]) -> dict[str, bytes]:
    """The service's own memory and registers by name, with zeros in the place of the named variables."""
    _skip_without_names(dut)
    board, machine = dut.emulated.board, dut.machine
    left = {"registers": repr(machine.cpu.registers()).encode()}
    for region in (board.stack, *board.service.variables):
        memory = bytearray(machine.read(region.base, region.size))
        for symbol in dut.emulated.image.all_symbols:
            if symbol.name in names and symbol.size and region.contains(symbol.address, symbol.size):
                begin = symbol.address - region.base
                memory[begin : begin + symbol.size] = bytes(symbol.size)
        left[region.name] = bytes(memory)
    return left


def _compare(first: dict[str, bytes], second: dict[str, bytes]) -> None:
    for name, memory in first.items():
        if memory != second[name]:
            place = next(i for i, (a, b) in enumerate(zip(memory, second[name], strict=False)) if a != b)
            pytest.fail(f"{name}: depends on a secret from byte {place} on")


def _encrypt(dut: Dut, seed: int) -> None:
    granted(dut.aes_encrypt(AES_KEY_ID, noise(100, seed), b"header"))


def _decrypt(dut: Dut, seed: int) -> None:
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, noise(100, seed))
    granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag))


def _forge(dut: Dut, seed: int) -> None:
    refused(dut.aes_decrypt(AES_KEY_ID, bytes(12), noise(100, seed), bytes(16)), Status.DECRYPTION_FAILED)


def _sign(dut: Dut, seed: int) -> None:
    granted(dut.exchange(codec.mldsa_sign(AES_KEY_ID, b"", noise(100, seed))))


def _verify(dut: Dut, seed: int) -> None:
    refused(dut.exchange(codec.mldsa_verify(AES_KEY_ID, b"", noise(2420, seed), b"")), Status.CRYPTO_ERROR)


def _aes_slot(seed: int) -> KeySlot:
    return key_image.aes_slot(AES_KEY_ID, noise(32, seed))


def _mldsa_slot(seed: int) -> KeySlot:
    return KeySlot(AES_KEY_ID, Algorithm.MLDSA, 44, 1, noise(32, seed))


_OPERATIONS = {
    "encrypt": (_aes_slot, _encrypt),
    "decrypt": (_aes_slot, _decrypt),
    "forge": (_aes_slot, _forge),
    "sign": (_mldsa_slot, _sign),
    "verify": (_mldsa_slot, _verify),
}


@pytest.mark.clause("SEC-1", "AES-3")
@pytest.mark.parametrize(("slot", "operate"), _OPERATIONS.values(), ids=_OPERATIONS)
def test_memory_and_registers_tell_nothing_of_key_and_message(
    dut: Dut, slot: Callable[[int], KeySlot], operate: Callable[[Dut, int], None]
) -> None:
    left = []
    for seed in (1, 2):
        dut.keys.replace(KeyImage((slot(seed),)))
        dut.clock.set(0)
        dut.boot()
        operate(dut, seed + 2)
        # Behind an expansion, key_states holds the digest of its slot, by which it is recognised.
        left.append(_without(dut, (*KEPT["key cache"], "key_states")))
    _compare(*left)


def _mlkem_round(dut: Dut) -> None:
    encapsulation_key = granted(dut.exchange(codec.mlkem_keygen(AES_KEY_ID)))
    ciphertext = granted(dut.exchange(codec.mlkem_encaps(encapsulation_key)))[:-32]
    granted(dut.exchange(codec.mlkem_decaps(AES_KEY_ID, ciphertext)))
    granted(dut.exchange(codec.mlkem_decaps(AES_KEY_ID, bytes(len(ciphertext)))))


@pytest.mark.clause("SEC-1")
@pytest.mark.parametrize("parameter_set", [512, 768, 1024])
def test_memory_and_registers_tell_nothing_of_a_key_exchange(dut: Dut, parameter_set: int) -> None:
    """The secrets come from the generator here, so that its own state differs, and that alone."""
    left = []
    for seed in (1, 2):
        dut.keys.replace(KeyImage((KeySlot(AES_KEY_ID, Algorithm.MLKEM, parameter_set, 1, b""),)))
        dut.clock.set(0)
        dut.boot(noise(48, seed))
        _mlkem_round(dut)
        left.append(_without(dut, [name for names in KEPT.values() for name in names]))
    _compare(*left)


# ---- memory that nobody has written ----


@pytest.mark.clause("SEC-1")
def test_answers_do_not_depend_on_what_memory_held_at_power_on(dut: Dut) -> None:
    _skip_without_names(dut)  # it needs none, but alone it is not the clause
    image = keys().build()
    answers = []
    for fill in (0x00, 0xA5):
        dut.clock.set(0)
        dut.emulated.boot(ENTROPY, image, fill)
        got: list[codec.Response] = []

        def ask(request: bytes, got: list[codec.Response] = got) -> codec.Response:
            dut.clock.tick()
            got.append(dut.target.exchange(request))
            return got[-1]

        for name in ("AES-256 100 B", "ML-DSA-44", "ML-KEM-512", "malformed"):
            ROUNDS[name](ask)
        answers.append(got)
    assert answers[0] == answers[1]


# ---- the whole run ----


@pytest.mark.clause("SEC-1")
@pytest.mark.whole_run
def test_no_secret_stayed_behind_any_response_of_this_run(dut: Dut) -> None:
    """Whatever the other cases have sent: the search follows each of their responses, and is judged here."""
    _nothing_of(_watch_of(dut), "SEC-1")
