# SPDX-License-Identifier: GPL-2.0-or-later
"""CTR_DRBG against NIST's CAVP vectors and, for the lengths that CAVP leaves out, against the standard step by step."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from harness.model import ModelError
from harness.model.drbg import CtrDrbg

# CAVS 14.3, drbgvectors_no_reseed/CTR_DRBG.rsp, [AES-256 no df], PersonalizationStringLen = 0, AdditionalInputLen = 0,
# COUNT = 0 to 3: EntropyInput and the ReturnedBits of the second generate call of 64 bytes.
# csrc.nist.gov/projects/cryptographic-algorithm-validation-program/random-number-generators
CAVP = [
    (
        "df5d73faa468649edda33b5cca79b0b05600419ccb7a879ddfec9db32ee494e5531b51de16a30f769262474c73bec010",
        "d1c07cd95af8a7f11012c84ce48bb8cb87189e99d40fccb1771c619bdf82ab22"
        "80b1dc2f2581f39164f7ac0c510494b3a43c41b7db17514c87b107ae793e01c5",
    ),
    (
        "3b6fb634d35bb386927374f991c1cbc9fafba3a43c432dc411b7b2fa96cfcce8d305e135ff9bc460dbc7ba3990bf8060",
        "083a836fe1cde053164555529409337dc4fec6844594fdf15083ba9d1001eb94"
        "5c3b96a1bcee3990e1e51f85c80e9f4e04de34e57b640f6cae8ed68e99624712",
    ),
    (
        "0217a8acf2f8e2c4ab7bdcd5a694bca28d038018869dcbe2160d1ce0b4c78ead5592efed98662f2dff87f32f4835c677",
        "aa36779726f52875312507fb084744d4d7f3f9468a5b246ccde316d2ab91879c"
        "2e29f5a0938a3bcd722bb718d01bbfc35831c9e64f5b6410ae908d3061f76c84",
    ),
    (
        "37d851fb20ab3ba73b1d8d81f323901a55529c26a8f753d32980d6d2aba3da278b907400a19406e255206e1d0858f384",
        "96eabafb45c77967b14a6663a39238306ce58038a3dc0b8aecaf0231c404ecba"
        "50f1ab0a17b1894cf6acb630fe165f8a9d7c5412e1bab4eb4efe9ae84f5b4a03",
    ),
]

# The intermediate values of COUNT = 0 (CTR_DRBG.txt of the same archive): Key and V after instantiation and each call.
STEPS = [
    ("8c52f901632d522774c08fad0eb2c33b98a701a1861aecf3d8a25860941709fd", 0x217B52142105250243C0B2C206B8F59E),
    ("72f4af5c93258eb3eeec8c0cacea6c1d1978a4fad44312725f1ac43b167f2d52", 0xE86F6D07DFB551CEBAD80E6BF6830AC4),
    ("1a1c6e5f1cccc6974436e5fd3f015bc8e9dc0f90053b73e3c19d4dfd66d1b85a", 0x53C78AC61A0BAC9D7D2E92B1E73E3392),
]


@pytest.mark.parametrize(("entropy", "returned"), CAVP)
def test_cavp(entropy: str, returned: str) -> None:
    generator = CtrDrbg(bytes.fromhex(entropy))
    generator.generate(64)
    assert generator.generate(64).hex() == returned


def test_cavp_intermediate_values() -> None:
    generator = CtrDrbg(bytes.fromhex(CAVP[0][0]))
    for calls, (key, v) in enumerate(STEPS):
        assert (generator.state.key.hex(), generator.state.v) == (key, v)
        assert generator.state.reseed_counter == calls + 1
        generator.generate(64)


class StepByStep:
    """Sections 10.2.1.2 and 10.2.1.5.1 as they are written: Generate, then CTR_DRBG_Update, one block at a time."""

    def __init__(self, entropy: bytes) -> None:
        self.key, self.v = bytes(32), bytes(16)
        self.update(entropy)

    def block(self) -> bytes:
        self.v = ((int.from_bytes(self.v) + 1) % (1 << 128)).to_bytes(16)
        return Cipher(AES256(self.key), ECB()).encryptor().update(self.v)

    def update(self, provided_data: bytes) -> None:
        temp = b""
        while len(temp) < 48:
            temp += self.block()
        temp = bytes(a ^ b for a, b in zip(temp, provided_data, strict=True))
        self.key, self.v = temp[:32], temp[32:]

    def generate(self, count: int) -> bytes:
        temp = b""
        while len(temp) < count:
            temp += self.block()
        self.update(bytes(48))
        return temp[:count]


@given(st.binary(min_size=48, max_size=48), st.lists(st.integers(0, 100), max_size=5))
def test_any_lengths(entropy: bytes, counts: list[int]) -> None:
    generator, steps = CtrDrbg(entropy), StepByStep(entropy)
    for count in counts:
        assert generator.generate(count) == steps.generate(count)


def test_v_wraps_round() -> None:
    """V + 1 is taken modulo 2^128 (section 10.2.1.2), so these two states give neighbouring blocks."""
    generator = CtrDrbg(bytes(48))
    state = generator.state
    generator.state = replace(state, v=(1 << 128) - 2)
    blocks = generator.generate(32)
    generator.state = replace(state, v=(1 << 128) - 1)
    assert generator.generate(16) == blocks[16:]


@pytest.mark.parametrize("count", [-1, (1 << 16) + 1])
def test_request_limit(count: int) -> None:
    generator = CtrDrbg(bytes(48))
    assert len(generator.generate(1 << 16)) == 1 << 16
    with pytest.raises(ModelError, match=f"not {count}"):
        generator.generate(count)


def test_reseed_interval() -> None:
    generator = CtrDrbg(bytes(48))
    generator.state = replace(generator.state, reseed_counter=1 << 48)
    generator.generate(1)
    with pytest.raises(ModelError, match="reseed interval"):
        generator.generate(1)


def test_seed_size() -> None:
    with pytest.raises(ModelError, match="48 bytes, not 47"):
        CtrDrbg(bytes(47))
