# SPDX-License-Identifier: GPL-2.0-or-later
"""The oracles see what the executor cannot: answers of sound form that are wrong, and secrets that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLKEM_KEY_IDS
from harness.fuzz import script as s
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.oracles import Judges, ModelOracle, ResidueOracle
from harness.fuzz.patched import build_patched
from harness.fuzz.script import Step
from harness.fuzz.seeds import decaps, decrypt, encaps, encrypt, first_corpus, keygen, sign
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

Opened = Callable[[Path], Executor]

_PLANTED = Path(__file__).resolve().parents[2] / "planted"
FORGED = [*s.literal(bytes((1, 0, 0, 0)) + bytes(12) + b"\0\0" + bytes(20)), s.send(table.AES_DECRYPT.code)]
# A key of ML-DSA where one of ML-KEM is asked for: then the planted residue stays.
REFUSED = [*s.literal(MLDSA_KEY_IDS[44].to_bytes(4, "little")), s.send(table.MLKEM_KEYGEN.code)]
BUSY = [*encrypt(1, b"a", b"text"), *decrypt(1, b"a"), *keygen(MLKEM_KEY_IDS[512]), s.keys(1), s.clock(9), *encrypt(2)]


@pytest.fixture
def opened() -> Iterator[Opened]:
    made: list[Executor] = []

    def make(image: Path) -> Executor:
        made.append(Executor(EmulatedTarget(image)))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture(scope="session")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_patched(_PLANTED / "refused-material-stays.patch", "release", tmp_path_factory.mktemp("leaky"))


def run(executor: Executor, steps: Sequence[Step]) -> Verdict:
    return executor.run(s.encode(steps))


# ---- the model ----


def test_the_sound_firmware_is_as_the_model_predicts(opened: Opened, firmware: Path) -> None:
    executor = opened(firmware)
    oracle = ModelOracle(executor)
    for steps in (BUSY, FORGED, BUSY):
        assert run(executor, steps) is Verdict.PASS
        assert oracle.judge() is Verdict.PASS


def test_the_first_answer_that_differs_is_told(opened: Opened, defective: Callable[..., Path]) -> None:
    executor = opened(defective("failed-tag-is-a-crypto-error"))
    oracle = ModelOracle(executor)
    assert run(executor, [*encrypt(1), *FORGED, *FORGED]) is Verdict.PASS
    assert oracle.judge() is Verdict.MISMATCH
    assert oracle.location() == "AES_DECRYPT status: expected DECRYPTION_FAILED, got CRYPTO_ERROR"
    assert oracle.explain().startswith("exchange 2, AES_DECRYPT")
    assert run(executor, encrypt(1)) is Verdict.PASS
    assert oracle.judge() is Verdict.PASS


def test_the_generator_is_judged_where_no_answer_shows_it(opened: Opened, firmware: Path) -> None:
    executor = opened(firmware)
    oracle = ModelOracle(executor)
    generator = executor.target.image.symbols["generator"]
    memory = executor.target.machine.view(generator.address, generator.size)
    for at in (0, 31, 32, 47):  # Key and V, their first and last bytes
        assert run(executor, encrypt(1)) is Verdict.PASS
        assert oracle.judge() is Verdict.PASS
        memory[at] ^= 1
        assert oracle.judge() is Verdict.MISMATCH
        assert oracle.location() == "the generator's state"
        assert "behind the last exchange" in oracle.explain()


def test_a_draw_too_many_behind_the_last_answer(opened: Opened, defective: Callable[..., Path]) -> None:
    """No answer differs; the next one would."""
    executor = opened(defective("encapsulation-draws-before-the-check"))
    oracle = ModelOracle(executor)
    bad_key = [s.fill(table.MLKEM_SIZES[512].encapsulation_key, 0xFF), s.send(table.MLKEM_ENCAPS.code)]
    assert run(executor, bad_key) is Verdict.PASS
    assert oracle.judge() is Verdict.MISMATCH
    assert oracle.location() == "the generator's state"


# ---- residue ----


def test_the_sound_firmware_leaves_nothing(opened: Opened, firmware: Path) -> None:
    executor = opened(firmware)
    oracle = ResidueOracle(executor, interval=1)
    for script in first_corpus():
        assert executor.run(script) is Verdict.PASS
        if executor.exchanges:
            assert oracle.judge() is Verdict.PASS, s.listing(script)


def test_a_secret_that_stays_is_told_with_its_owner(opened: Opened, leaky: Path) -> None:
    executor = opened(leaky)
    oracle = ResidueOracle(executor, interval=1)
    assert (oracle.location(), oracle.explain()) == ("", "")
    assert run(executor, encrypt(1, b"", b"text")) is Verdict.PASS
    assert oracle.judge() is Verdict.PASS
    assert run(executor, REFUSED) is Verdict.PASS
    assert oracle.judge() is Verdict.RESIDUE
    assert oracle.location() == "MLKEM_KEYGEN leaves a secret in open_slot"
    assert "stays in" in oracle.explain()


def test_each_so_many_th_script_of_a_kind_is_searched(opened: Opened, leaky: Path) -> None:
    """A kind is the last request's operation and key with its status; others between them do not count."""
    executor = opened(leaky)
    oracle = ResidueOracle(executor, interval=3)
    verdicts = []
    for _ in range(7):
        run(executor, REFUSED)
        verdicts.append(oracle.judge())
        run(executor, FORGED)
        assert oracle.judge() is Verdict.PASS
    assert verdicts == [Verdict.RESIDUE, Verdict.PASS, Verdict.PASS] * 2 + [Verdict.RESIDUE]


def test_another_key_is_another_kind(opened: Opened, leaky: Path) -> None:
    executor = opened(leaky)
    oracle = ResidueOracle(executor, interval=1000)
    for key_id in MLDSA_KEY_IDS.values():
        run(executor, [*s.literal(key_id.to_bytes(4, "little")), s.send(table.MLKEM_KEYGEN.code)])
        assert oracle.judge() is Verdict.RESIDUE
        assert oracle.judge() is Verdict.PASS


# ---- together ----


@pytest.mark.parametrize(
    ("oracles", "verdict"),
    [
        ((), Verdict.PASS),
        (("crash",), Verdict.PASS),
        (("fetch", "model"), Verdict.PASS),
        (("residue",), Verdict.RESIDUE),
        (("model", "residue"), Verdict.RESIDUE),
    ],
)
def test_only_what_was_chosen_judges(opened: Opened, leaky: Path, oracles: tuple[str, ...], verdict: Verdict) -> None:
    executor = opened(leaky)
    judges = Judges(executor, oracles, residue_interval=1)
    assert run(executor, REFUSED) is verdict
    assert bool(judges.location()) is bool(judges.explain()) is (verdict is not Verdict.PASS)


def test_the_model_speaks_first(opened: Opened, defective: Callable[..., Path]) -> None:
    executor = opened(defective("failed-tag-is-a-crypto-error"))
    judges = Judges(executor, ("residue", "model"), residue_interval=1)
    assert run(executor, FORGED) is Verdict.MISMATCH
    assert judges.location().startswith("AES_DECRYPT status")


def test_secrets_of_every_kind_are_known_to_the_search(opened: Opened, firmware: Path) -> None:
    """A secret put into memory behind an answer is found, whichever operation it comes from."""
    executor = opened(firmware)
    oracle = ResidueOracle(executor, interval=1)
    place = executor.target.machine.view(executor.target.board.stack.base + 64, 32)
    kem = MLKEM_KEY_IDS[512]
    for steps, secret in (
        (encrypt(AES_KEY_ID, b"", b"a plaintext of 32 bytes, telling"), lambda: b"a plaintext of 32 bytes, telling"),
        ([*keygen(kem), *encaps()], lambda: executor.exchanges[-1].payload[-32:]),
        ([*keygen(kem), *encaps(), *decaps(kem)], lambda: executor.exchanges[-1].payload),
        (sign(MLDSA_KEY_IDS[44], b"", b"m"), lambda: bytes(range(0x44, 0x64))),
    ):
        assert run(executor, steps) is Verdict.PASS
        assert oracle.judge() is Verdict.PASS
        place[:] = secret()
        assert oracle.judge() is Verdict.RESIDUE


def test_what_a_client_has_put_into_the_window_is_no_residue(firmware: Path, opened: Opened) -> None:
    executor = opened(firmware)
    Judges(executor, ("residue",), residue_interval=1)
    secret = b"een bytes"
    put = [*s.literal(secret), s.window(8)]
    assert run(executor, [*put, *encrypt(0, b"", secret)]) is Verdict.PASS
    begin = executor.target.board.window.base + 8
    assert executor.written == range(begin, begin + len(secret))
    assert run(executor, [*put, *s.literal(b"?"), s.window(0x20), *encrypt(0, b"", secret)]) is Verdict.PASS
    assert executor.written == range(begin, begin + 0x20 - 8 + 1)
    assert run(executor, [*encrypt(0, b"", secret)]) is Verdict.PASS
    assert not executor.written


def test_a_secret_that_stays_outside_of_what_the_client_has_put_there_is_told(opened: Opened, leaky: Path) -> None:
    executor = opened(leaky)
    Judges(executor, ("residue",), residue_interval=1)
    assert run(executor, [*s.literal(b"raw bytes"), s.window(8), *REFUSED]) is Verdict.RESIDUE


def test_a_plaintext_that_looks_like_a_public_value_is_no_residue(firmware: Path, opened: Opened) -> None:
    """The service keeps a key id; a client may put the same bytes into its plaintext."""
    executor = opened(firmware)
    oracle = ResidueOracle(executor, interval=1)
    field = bytes.fromhex("c701020000000000")  # as key id and length, and as plaintext
    executor.run(s.encode([*s.literal(field + field), s.fill(1000, 0x41), s.send(table.AES_ENCRYPT.code)]))
    assert executor.exchanges[-1].status == table.Status.KEY_NOT_FOUND
    assert oracle.judge() is Verdict.PASS
