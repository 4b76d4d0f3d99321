# SPDX-License-Identifier: GPL-2.0-or-later
"""The two routes on the real image."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.calls import CallError
from emulator.errors import EmulatorError
from harness.protocol import codec
from harness.protocol.codec import CodecError, Response
from harness.protocol.commands import Algorithm, Status
from harness.targets.base import TargetError, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget
from harness.vectors.routes import Bench, CaseFailed, Service, expect_bytes, expect_status

KEY = bytes(range(32))


def seal(service: Service, key: bytes = KEY) -> bytes:
    key_id = service.use_key(Algorithm.AES, 256, key)
    return service.exchange(codec.aes_encrypt(key_id, b"", b"text")).payload


def unseal(service: Service, sealed: bytes) -> Response:
    return service.exchange(codec.aes_decrypt(1, sealed[:12], b"", sealed[12:-16], sealed[-16:]))


def test_the_rate_limiter_never_meets_a_case(bench: Bench) -> None:
    service = bench.service
    service.use_key(Algorithm.AES, 256, KEY)
    for _ in range(300):
        expect_status(Status.KEY_NOT_FOUND, service.exchange(codec.aes_encrypt(9, b"", b"")))


def test_a_key_that_is_put_again_has_forgotten_its_nonces(bench: Bench) -> None:
    service = bench.service
    sealed = seal(service)
    for _ in range(3):
        service.use_key(Algorithm.AES, 256, KEY)
        expect_status(Status.SUCCESS, unseal(service, sealed))
        expect_status(Status.NONCE_REUSE, unseal(service, sealed))
    service.use_key(Algorithm.AES, 256, KEY[::-1])
    expect_status(Status.DECRYPTION_FAILED, unseal(service, sealed))


class Stumbling(ModelTarget):
    """Gives up on one exchange, and counts how often it is booted."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error
        self.boots = 0

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        self.boots += 1
        super().boot(entropy, key_image)

    def exchange(self, request: bytes) -> Response:
        error, self.error = self.error, None
        if error is not None:
            raise error
        return super().exchange(request)


@pytest.mark.parametrize("error", [TargetStopped("read not granted"), CodecError("response magic")])
def test_a_service_that_gives_no_answer_is_booted_again(error: Exception) -> None:
    target = Stumbling(error)
    service = Service(target)
    with pytest.raises(CaseFailed, match=f"no sound answer: {error}"):
        seal(service)
    sealed = seal(service)
    expect_status(Status.SUCCESS, unseal(service, sealed))
    assert target.boots == 2


def test_a_service_without_a_key_is_booted_too(emulated: EmulatedTarget) -> None:
    """In its error state it would look for no key."""
    answer = Service(emulated).exchange(codec.aes_encrypt(1, b"", b""))
    expect_status(Status.KEY_NOT_FOUND, answer)


class Faint(ModelTarget):
    """Comes up without entropy, and so in its error state."""

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        super().boot(bytes(len(entropy)), key_image)


def test_a_service_in_its_error_state_serves_no_case() -> None:
    with pytest.raises(TargetStopped, match="the service came up in its error state"):
        Service(Faint()).exchange(codec.mlkem_encaps(b""))


def test_constants_of_the_image(bench: Bench) -> None:
    assert bench.functions.address("mlkem_512") > 0
    with pytest.raises(CallError, match="the image has no constant mlkem_511"):
        bench.functions.address("mlkem_511")


def test_buffers_take_every_alignment_and_contexts_none(bench: Bench) -> None:
    functions = bench.functions
    seen = set()
    for _ in range(4):
        functions.begin()
        seen.add(functions.lend(b"abc").address % 4)
        assert functions.context(64).address % 8 == functions.struct(1, 2).address % 8 == 0
    assert seen == {0, 1, 2, 3}


def test_a_call_works_at_every_alignment(bench: Bench) -> None:
    functions = bench.functions
    digests = set()
    for _ in range(4):
        functions.begin()
        digest = functions.space(32)
        functions.call("sha3_256", digest, functions.lend(b"abc"), 3)
        digests.add(functions.take(digest).hex())
    # FIPS 202 example values, "abc" (csrc.nist.gov, SHA3-256).
    assert digests == {"3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"}


def test_bytes_behind_an_output_are_watched(bench: Bench) -> None:
    functions = bench.functions
    functions.begin()
    digest = functions.space(31)
    functions.call("sha3_256", digest, functions.lend(b""), 0)
    with pytest.raises(CaseFailed, match="bytes behind an output of 31 were written"):
        functions.take(digest)


def test_an_untouched_output_is_told_from_a_written_one(bench: Bench) -> None:
    functions = bench.functions
    functions.begin()
    digest = functions.space(32)
    functions.expect_untouched("digest", digest)
    functions.call("sha3_256", digest, functions.lend(b""), 0)
    with pytest.raises(CaseFailed, match="digest was written, though the operation failed"):
        functions.expect_untouched("digest", digest)


def test_a_function_that_the_image_lacks(bench: Bench) -> None:
    bench.functions.begin()
    with pytest.raises(CallError, match="no function md5"):
        bench.functions.call("md5")


def test_differences_are_told_in_few_words() -> None:
    expect_bytes("tag", b"same", b"same")
    with pytest.raises(CaseFailed, match="tag: 4 bytes expected, got 3"):
        expect_bytes("tag", b"four", b"got")
    with pytest.raises(CaseFailed, match="tag: 0303 expected from byte 2, got 0403"):
        expect_bytes("tag", b"\1\2\3\3", b"\1\2\4\3")
    with pytest.raises(CaseFailed, match="status: SUCCESS expected, got KEY_NOT_FOUND"):
        expect_status(Status.SUCCESS, Response(Status.KEY_NOT_FOUND))


def test_a_bench_needs_an_image(tmp_path: Path, emulated: EmulatedTarget) -> None:
    with pytest.raises(TargetError, match="no such firmware image"):
        Bench(tmp_path / "absent.elf")
    with pytest.raises(EmulatorError, match="board 'none' is unknown"):
        Bench(emulated.image.path, "none")
