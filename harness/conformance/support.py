# SPDX-License-Identifier: GPL-2.0-or-later
"""What the conformance modules share: hand-written values of the contract, and clients that misbehave on purpose.

Numbers stand here as the contract prints them, not as `harness.protocol.commands` has them, so that a slip in that
table is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from emulator.stop import IDLE
from harness.compare import compare
from harness.conformance.dut import ContractViolation, Dut
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID, UNKNOWN_KEY_ID
from harness.protocol.codec import Response, decode_response
from harness.protocol.commands import Status
from harness.targets.emulated import EXCHANGE_BUDGET, describe

# The material of the default key image.
KEYS: dict[int, bytes] = {AES_KEY_ID: bytes(range(0x40, 0x60)), SECOND_AES_KEY_ID: bytes(range(0x80, 0xA0))}

# Offsets and sizes of the window (IPC-2).
REQUEST_AREA = 0x01000
RESPONSE_AREA = 0x12000
WINDOW_SIZE = 0x23000
AREA_BYTES = 65544

LONGEST_PLAINTEXT = 65508  # nonce and tag make 65536 of it
UNKNOWN_TYPE = 0x7F
CHEAPEST = bytes.fromhex("c7017f0000000000")  # INVALID_TYPE: what it takes is its token alone

Sealed = tuple[bytes, bytes, bytes]

_PAGE = 4096


# ---- bytes ----


def noise(size: int, seed: int = 1) -> bytes:
    """`size` bytes, the same for the same seed."""
    return Random(seed).randbytes(size)


def bit_flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each bit's number, and `data` with that bit flipped."""
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit >> 3] ^= 1 << (bit & 7)
        yield bit, bytes(changed)


def seal_outside(key_id: int, nonce: bytes, plaintext: bytes = b"", aad: bytes = b"") -> tuple[bytes, bytes]:
    """Ciphertext and tag under a default key, made by pyca/cryptography with a nonce of the test's choice."""
    sealed = AESGCM(KEYS[key_id]).encrypt(nonce, plaintext, aad)
    return sealed[:-16], sealed[-16:]


def open_outside(key: bytes, sealed: Sealed, aad: bytes = b"") -> bytes:
    """The plaintext, by pyca/cryptography; raises InvalidTag."""
    nonce, ciphertext, tag = sealed
    return AESGCM(key).decrypt(nonce, ciphertext + tag, aad)


def change_name(change: Mapping[str, object]) -> str:
    """A case's name for the fields that it changes; bytes by their number."""
    return " ".join(f"{name}={len(value) if isinstance(value, bytes) else value}" for name, value in change.items())


def nonce_number(number: int) -> bytes:
    """A nonce of its own for each number."""
    return number.to_bytes(12, "big")


# ---- draws ----


class Generator:
    """CTR_DRBG as SP 800-90A, section 10.2.1, spells it out step by step; a second opinion beside the model's."""

    def __init__(self, entropy: bytes) -> None:
        self._key, self._v = bytes(32), 0
        self._update(entropy)

    def set(self, key: bytes, v: int) -> None:
        """Go to a state of the test's choice."""
        self._key, self._v = key, v

    def _block(self) -> bytes:
        self._v = (self._v + 1) % 2**128
        return Cipher(AES256(self._key), ECB()).encryptor().update(self._v.to_bytes(16, "big"))

    def _update(self, provided: bytes) -> None:
        """Section 10.2.1.2."""
        fresh = b"".join(self._block() for _ in range(3))
        mixed = bytes(a ^ b for a, b in zip(fresh, provided, strict=True))
        self._key, self._v = mixed[:32], int.from_bytes(mixed[32:], "big")

    def draw(self, count: int) -> bytes:
        """Section 10.2.1.5.1."""
        output = b"".join(self._block() for _ in range(-(-count // 16)))
        self._update(bytes(48))
        return output[:count]


# ---- judging ----


def refused(response: Response, status: Status) -> None:
    """The response is this error, and nothing else (HDR-3)."""
    if response.status is not status:
        raise ContractViolation(f"status {response.status.name}, not {status.name}")
    if response.payload:
        raise ContractViolation(f"{status.name} carries {len(response.payload)} bytes")


def granted(response: Response) -> bytes:
    """The payload of a response that has to be SUCCESS."""
    if response.status is not Status.SUCCESS:
        raise ContractViolation(f"status {response.status.name}, not SUCCESS")
    return response.payload


def next_nonce(dut: Dut, key_id: int = AES_KEY_ID) -> bytes:
    """The nonce that the service draws next."""
    return granted(dut.aes_encrypt(key_id))[:12]


# ---- requests that are refused, one for each status ----


def replay(dut: Dut) -> Response:
    """Decrypt one message twice: NONCE_REUSE."""
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, b"once")
    granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag))
    return dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag)


def forge(dut: Dut) -> Response:
    """A message that nobody sealed: DECRYPTION_FAILED."""
    return dut.aes_decrypt(AES_KEY_ID, noise(12, seed=5), noise(64, seed=6), bytes(16))


def exhaust(dut: Dut) -> None:
    """Take every token at a standing clock; the next request is refused. The clock stays frozen."""
    dut.clock.pace = 0
    dut.clock.advance(200_000)
    for number in range(100):
        if dut.exchange(CHEAPEST).status is not Status.INVALID_TYPE:
            raise ContractViolation(f"request {number + 1} of a burst of 100 is refused")


def overrun(dut: Dut) -> Response:
    """The 101st request of a burst: RATE_LIMITED."""
    exhaust(dut)
    return dut.aes_encrypt(AES_KEY_ID, b"too many")


def in_error_state(dut: Dut) -> Response:
    """Boot without entropy, which leads to CRYPTO_ERROR."""
    dut.boot(bytes(48))
    return dut.aes_encrypt(AES_KEY_ID, b"no entropy")


# In an order in which each leaves the service usable for the next; the last two do not.
REFUSALS: dict[Status, Callable[[Dut], Response]] = {
    Status.INVALID_HEADER: lambda dut: dut.send(0x01, bytes(6), magic=0xC8),
    Status.INVALID_TYPE: lambda dut: dut.send(UNKNOWN_TYPE, bytes(6)),
    Status.INVALID_PAYLOAD: lambda dut: dut.send(0x01, bytes(5)),
    Status.KEY_NOT_FOUND: lambda dut: dut.aes_encrypt(UNKNOWN_KEY_ID),
    Status.DECRYPTION_FAILED: forge,
    Status.NONCE_REUSE: replay,
    Status.PAYLOAD_TOO_LARGE: lambda dut: dut.send(0x01, bytes(6), payload_length=65537),
    Status.RATE_LIMITED: overrun,
    Status.CRYPTO_ERROR: in_error_state,
}


# ---- the window by hand ----


class RawClient:
    """A client that writes the window itself, doorbells included; the model answers what is rung. Needs memory."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut
        self._machine = dut.machine
        self._base = dut.emulated.board.window.base

    def write(self, offset: int, data: bytes) -> None:
        """Write anywhere in the window."""
        self._machine.write(self._base + offset, data)

    def read(self, offset: int, size: int) -> bytes:
        """Read anywhere in the window."""
        return self._machine.read(self._base + offset, size)

    @property
    def response(self) -> bytes:
        """The whole response area."""
        return self.read(RESPONSE_AREA, AREA_BYTES)

    @property
    def answered(self) -> int:
        """The response doorbell."""
        return int.from_bytes(self.read(4, 4), "little")

    def ring(self, value: int) -> None:
        """Store a value in the request doorbell, and no more."""
        self.write(0, (value & 0xFFFF_FFFF).to_bytes(4, "little"))

    def wake(self) -> None:
        """Signal: the service runs until it idles."""
        stop = self._dut.emulated.run(EXCHANGE_BUDGET)
        if stop is not IDLE:
            raise ContractViolation(f"stopped: {describe(stop)}")

    def predict(self, request: bytes) -> Response:
        """What the model answers to a request that is about to be rung."""
        self._dut.clock.tick()
        return self._dut.model.exchange(request, self._dut.clock.now)

    def exchange(self, request: bytes, value: int) -> Response:
        """Write a request, ring this value, signal; the answer is compared with the model's."""
        expected = self.predict(request)
        self.write(REQUEST_AREA, request)
        self.ring(value)
        self.wake()
        if self.answered != value:
            raise ContractViolation(f"rung {value:#x}, response doorbell {self.answered:#x}")
        got = decode_response(self.response)
        self._dut.note(request, got)
        if got != expected:
            raise ContractViolation(str(compare(expected, got)))
        return got


# ---- what only memory shows ----


def state_of(dut: Dut, key_id: int) -> str:
    """The C name of what the firmware remembers of a key, such as `key_states[1]`."""
    for index in range(4):
        if dut.emulated.peek(f"key_states[{index}].key_id") == key_id:
            return f"key_states[{index}]"
    raise ContractViolation(f"the firmware remembers nothing of key {key_id}")


def set_encryptions(dut: Dut, key_id: int, count: int) -> None:
    """Age a key that has been used: so many encryptions, in firmware and model."""
    dut.emulated.poke(f"{state_of(dut, key_id)}.encryptions", count)
    dut.model.keys.aes_keys[key_id].encryptions = count


def set_recorded(dut: Dut, key_id: int, count: int) -> None:
    """Age a key that has been used: so many recorded nonces, in firmware and model."""
    dut.emulated.poke(f"{state_of(dut, key_id)}.tracker.recorded", count)
    dut.model.keys.aes_keys[key_id].nonces.recorded = count


def pieces(secret: bytes, step: int = 16) -> list[bytes]:
    """Runs of 16 bytes of a secret, one every `step` bytes."""
    return [secret[start : start + 16] for start in range(0, len(secret) - 15, step)]


def _used(memory: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and content of the parts that are not zero, by pages: wiped memory need not be searched."""
    start = None
    for offset in range(0, len(memory) + 1, _PAGE):
        used = memory[offset : offset + _PAGE].strip(b"\0") != b""
        if used and start is None:
            start = offset
        elif not used and start is not None:
            begin = max(start - 16, 0)
            yield begin, memory[begin : offset + 16]
            start = None


def residue(dut: Dut, needles: list[bytes]) -> list[str]:
    """Where the service's own memory (stack, variables, buffers) holds one of the needles, of at most 16 bytes each."""
    board = dut.emulated.board
    found = []
    for region in (board.stack, *board.service.variables):
        for offset, memory in _used(dut.machine.read(region.base, region.size)):
            for needle in needles:
                place = memory.find(needle)
                if place >= 0:
                    found.append(f"{region.name} at {region.base + offset + place:#010x}")
    return found
