# SPDX-License-Identifier: GPL-2.0-or-later
"""The service itself: one exchange at a time, checks in the order of VAL-1."""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from cryptography.exceptions import InvalidTag

from harness.model import mldsa, mlkem
from harness.model.drbg import CtrDrbg, DrbgState
from harness.model.error import ModelError
from harness.model.key_store import KeyStore, StoreState
from harness.model.nonce_tracker import filter_indexes
from harness.model.rate_limiter import LimiterState, RateLimiter
from harness.model.secrets import SecretsInPlay
from harness.protocol import commands as table
from harness.protocol.codec import EMPTY_RESPONSES, HEADER, Response
from harness.protocol.commands import Status

_INVALID_HEADER = EMPTY_RESPONSES[Status.INVALID_HEADER]
_INVALID_TYPE = EMPTY_RESPONSES[Status.INVALID_TYPE]
_INVALID_PAYLOAD = EMPTY_RESPONSES[Status.INVALID_PAYLOAD]
_KEY_NOT_FOUND = EMPTY_RESPONSES[Status.KEY_NOT_FOUND]
_CRYPTO_ERROR = EMPTY_RESPONSES[Status.CRYPTO_ERROR]
_DECRYPTION_FAILED = EMPTY_RESPONSES[Status.DECRYPTION_FAILED]
_RATE_LIMITED = EMPTY_RESPONSES[Status.RATE_LIMITED]
_NONCE_REUSE = EMPTY_RESPONSES[Status.NONCE_REUSE]
_PAYLOAD_TOO_LARGE = EMPTY_RESPONSES[Status.PAYLOAD_TOO_LARGE]
_VALID = EMPTY_RESPONSES[Status.SUCCESS]

_SOUND_HEADER = (table.REQUEST_MAGIC, table.PROTOCOL_VERSION, table.FLAGS)

# The fields of constant size that open each payload: key_id, aad_length; key_id, nonce, aad_length; key_id,
# context_length; key_id alone.
_ENCRYPT_HEAD = Struct("<IH")
_DECRYPT_HEAD = Struct("<I12sH")
_CONTEXT_HEAD = Struct("<IB")
_KEY_HEAD = Struct("<I")
_SIGNATURE_LENGTH = Struct("<H")

_Handler = Callable[[bytes], Response]


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model's state at one moment; opaque to everybody else."""

    limiter: LimiterState
    keys: StoreState
    generator: DrbgState
    hash_key: bytes
    in_error_state: bool


class Model:
    """The contract of the service as a function of bytes, time and state.

    `keys.aes_keys[key_id]` holds what is remembered of a key: tests set `encryptions` there to come near the limit of
    AES-2, and `nonces.recorded` to come near that of NON-4. `in_error_state` is the error state of FIPS-2. Besides
    ModelError for wrong arguments, `exchange` raises ReferenceDisagreement where two references of the model differ.
    `in_play` holds the secrets of the last request once `watch_secrets` was called, and is None before.
    """

    in_play: SecretsInPlay | None = None

    def __init__(self, entropy: bytes, key_image: bytes) -> None:
        """Boots with the 48 bytes of the entropy page and a key storage image (at most 0xB000 bytes)."""
        self.keys = KeyStore(key_image)
        self._handlers: dict[int, _Handler] = {
            table.AES_ENCRYPT.code: self._aes_encrypt,
            table.AES_DECRYPT.code: self._aes_decrypt,
            table.MLDSA_SIGN.code: self._mldsa_sign,
            table.MLDSA_VERIFY.code: self._mldsa_verify,
            table.MLKEM_KEYGEN.code: self._mlkem_keygen,
            table.MLKEM_ENCAPS.code: self._mlkem_encaps,
            table.MLKEM_DECAPS.code: self._mlkem_decaps,
        }
        self.reset(entropy)

    def reset(self, entropy: bytes) -> None:
        """Boots again: nothing is remembered, the key storage stays as it is.

        48 zero bytes are a page without entropy and lead to the error state (RNG-3). The generator is made of them all
        the same: nothing can be drawn from it, as the error state lasts until the next reset.
        """
        if len(entropy) != table.ENTROPY_SIZE:
            raise ModelError(f"the entropy page holds {table.ENTROPY_SIZE} bytes, not {len(entropy)}")
        self.in_error_state = not any(entropy)
        self._entropy = entropy
        self.keys = KeyStore(self.keys.image)
        self._limiter = RateLimiter()
        self._generator = CtrDrbg(entropy)
        self._hash_key = self._generator.generate(table.NONCE_HASH_KEY_SIZE)
        if self.in_play is not None:
            self.watch_secrets()

    def watch_secrets(self) -> SecretsInPlay:
        """Note from now on which secrets each request brings into play; those of the boot are noted at once."""
        self.in_play = SecretsInPlay(self._entropy, self._hash_key)
        self.in_play.end(self._generator.state)
        return self.in_play

    def _draw(self, count: int) -> bytes:
        before = self._generator.state
        output = self._generator.generate(count)
        if self.in_play is not None:
            self.in_play.draw(before)
        return output

    @property
    def key_image(self) -> bytes:
        """The key storage; setting it is the key manager's write."""
        return self.keys.image

    @key_image.setter
    def key_image(self, image: bytes) -> None:
        self.keys.write(image)

    def exchange(self, request: bytes, now: int) -> Response:
        """The answer to one rung doorbell at clock reading `now` (microseconds).

        `request` is the request area from its header on; what it leaves of the area's 65544 bytes is zero. So a payload
        that is shorter than payload_length claims goes on with zeros. Raises ModelError when it does not fit the area.
        """
        if len(request) > table.AREA_SIZE:
            raise ModelError(f"{len(request)} bytes do not fit the request area of {table.AREA_SIZE}")
        if self.in_play is None:
            return self._answer(request, now)
        self.in_play.begin()
        response = self._answer(request, now)
        self.in_play.end(self._generator.state)
        return response

    def _answer(self, request: bytes, now: int) -> Response:
        """Checks 1 to 4, then the handler of the type."""
        if not self._limiter.take(now):
            return _RATE_LIMITED
        if len(request) < table.HEADER_SIZE:
            request = request.ljust(table.HEADER_SIZE, b"\0")
        magic, version, code, flags, length = HEADER.unpack_from(request)
        if (magic, version, flags) != _SOUND_HEADER:
            return _INVALID_HEADER
        handler = self._handlers.get(code)
        if handler is None:
            return _INVALID_TYPE
        if length > table.MAX_PAYLOAD:
            return _PAYLOAD_TOO_LARGE
        payload = request[table.HEADER_SIZE : table.HEADER_SIZE + length]
        if len(payload) < length:
            payload = payload.ljust(length, b"\0")
        return handler(payload)

    @property
    def generator_state(self) -> DrbgState:
        """The random number generator's state now."""
        return self._generator.state

    def snapshot(self) -> ModelState:
        """The present state, key storage included."""
        return ModelState(
            self._limiter.snapshot(),
            self.keys.snapshot(),
            self._generator.state,
            self._hash_key,
            self.in_error_state,
        )

    def restore(self, state: ModelState) -> None:
        """Goes to any state that this model's `snapshot` has returned, earlier or later."""
        self._limiter.restore(state.limiter)
        self.keys.restore(state.keys)
        self._generator.state = state.generator
        self._hash_key = state.hash_key
        self.in_error_state = state.in_error_state

    def _aes_encrypt(self, payload: bytes) -> Response:
        """AES_ENCRYPT from check 5 on; the size of the response, of check 4, follows from a sound structure."""
        if len(payload) < _ENCRYPT_HEAD.size:
            return _INVALID_PAYLOAD
        key_id, aad_length = _ENCRYPT_HEAD.unpack_from(payload)
        text = _ENCRYPT_HEAD.size + aad_length
        if text > len(payload):
            return _INVALID_PAYLOAD
        if len(payload) - text > table.AES_PLAINTEXT_MAX:
            return _PAYLOAD_TOO_LARGE
        if self.in_error_state:
            return _CRYPTO_ERROR
        if self.in_play is not None:
            self.in_play.plaintext(payload[text:])
        self._note_slot(key_id)
        key = self.keys.find_aes(key_id)
        if key is None:
            return _KEY_NOT_FOUND
        if key.encryptions >= table.AES_ENCRYPTIONS_MAX:
            return _NONCE_REUSE
        nonce = self._draw(table.GCM_NONCE_SIZE)
        key.encryptions += 1
        if self.in_play is not None:
            self.in_play.drawn_nonce(nonce)
            self.in_play.aes(key.material, nonce)
        sealed = key.cipher.encrypt(nonce, payload[text:], payload[_ENCRYPT_HEAD.size : text])
        return Response(Status.SUCCESS, nonce + sealed)

    def _aes_decrypt(self, payload: bytes) -> Response:
        """AES_DECRYPT from check 5 on."""
        if len(payload) < _DECRYPT_HEAD.size:
            return _INVALID_PAYLOAD
        key_id, nonce, aad_length = _DECRYPT_HEAD.unpack_from(payload)
        text = _DECRYPT_HEAD.size + aad_length
        if text + table.GCM_TAG_SIZE > len(payload):
            return _INVALID_PAYLOAD
        if self.in_error_state:
            return _CRYPTO_ERROR
        self._note_slot(key_id)
        key = self.keys.find_aes(key_id)
        if key is None:
            return _KEY_NOT_FOUND
        indexes = filter_indexes(self._hash_key, nonce)
        if key.nonces.refuses(indexes):
            return _NONCE_REUSE
        if self.in_play is not None:
            self.in_play.decryption(key.material, nonce, payload[text : -table.GCM_TAG_SIZE])
        try:
            plaintext = key.cipher.decrypt(nonce, payload[text:], payload[_DECRYPT_HEAD.size : text])
        except InvalidTag:
            return _DECRYPTION_FAILED
        key.nonces.record(indexes)
        return Response(Status.SUCCESS, plaintext)

    # No response below comes near 65536 bytes: check 4 is done with the request's own length.

    def _mldsa_sign(self, payload: bytes) -> Response:
        """MLDSA_SIGN from check 5 on."""
        if len(payload) < _CONTEXT_HEAD.size:
            return _INVALID_PAYLOAD
        key_id, context_length = _CONTEXT_HEAD.unpack_from(payload)
        message = _CONTEXT_HEAD.size + context_length
        if message > len(payload):
            return _INVALID_PAYLOAD
        if self.in_error_state:
            return _CRYPTO_ERROR
        self._note_slot(key_id)
        key = self.keys.find_mldsa(key_id)
        if key is None or key.seed is None:
            return _KEY_NOT_FOUND
        rnd = self._draw(mldsa.RND_SIZE)
        context = payload[_CONTEXT_HEAD.size : message]
        if self.in_play is not None:
            self.in_play.mldsa_signature(key.parameter_set, key.seed, context, payload[message:], rnd)
        return Response(Status.SUCCESS, mldsa.sign(key.parameter_set, key.seed, context, payload[message:], rnd))

    def _mldsa_verify(self, payload: bytes) -> Response:
        """MLDSA_VERIFY from check 5 on."""
        if len(payload) < _CONTEXT_HEAD.size + _SIGNATURE_LENGTH.size:
            return _INVALID_PAYLOAD
        key_id, context_length = _CONTEXT_HEAD.unpack_from(payload)
        context_end = _CONTEXT_HEAD.size + context_length
        signature = context_end + _SIGNATURE_LENGTH.size
        if signature > len(payload):
            return _INVALID_PAYLOAD
        (signature_length,) = _SIGNATURE_LENGTH.unpack_from(payload, context_end)
        message = signature + signature_length
        if message > len(payload):
            return _INVALID_PAYLOAD
        if self.in_error_state:
            return _CRYPTO_ERROR
        self._note_slot(key_id)
        key = self.keys.find_mldsa(key_id)
        if key is None:
            return _KEY_NOT_FOUND
        if signature_length != mldsa.SIGNATURE_SIZES[key.parameter_set]:  # check 7
            return _INVALID_PAYLOAD
        if self.in_play is not None and key.seed is not None:
            self.in_play.mldsa_key(key.parameter_set, key.seed)
        valid = mldsa.verify(
            key.parameter_set,
            key.public_key,
            context=payload[_CONTEXT_HEAD.size : context_end],
            message=payload[message:],
            signature=payload[signature:message],
        )
        return _VALID if valid else _CRYPTO_ERROR

    def _mlkem_keygen(self, payload: bytes) -> Response:
        """MLKEM_KEYGEN from check 5 on: nothing may follow the key id."""
        if len(payload) != _KEY_HEAD.size:
            return _INVALID_PAYLOAD
        if self.in_error_state:
            return _CRYPTO_ERROR
        (key_id,) = _KEY_HEAD.unpack(payload)
        self._note_slot(key_id)
        key = self.keys.find_mlkem(key_id)
        if key is None:
            return _KEY_NOT_FOUND
        seed = self._draw(2 * mlkem.SEED_SIZE)
        d, z = seed[: mlkem.SEED_SIZE], seed[mlkem.SEED_SIZE :]
        encapsulation_key, key.generated = mlkem.keygen(key.parameter_set, d, z)
        if self.in_play is not None:
            self.in_play.mlkem_keygen(key.parameter_set, d, key.generated)
        return Response(Status.SUCCESS, encapsulation_key)

    def _mlkem_encaps(self, payload: bytes) -> Response:
        """MLKEM_ENCAPS from check 5 on: no key of the storage is needed, so the storage is not looked at.

        The key check of FIPS 203 is part of check 9 and comes before the draw (RNG-2).
        """
        if mlkem.parameter_set_of_length(len(payload)) is None:
            return _INVALID_PAYLOAD
        if self.in_error_state or not mlkem.encapsulation_key_is_valid(payload):
            return _CRYPTO_ERROR
        m = self._draw(mlkem.SEED_SIZE)
        ciphertext, secret = mlkem.encapsulate(payload, m)
        if self.in_play is not None:
            self.in_play.mlkem_encaps(payload, m)
        return Response(Status.SUCCESS, ciphertext + secret)

    def _mlkem_decaps(self, payload: bytes) -> Response:
        """MLKEM_DECAPS from check 5 on; the length of the ciphertext is check 7, as it depends on the key."""
        if len(payload) < _KEY_HEAD.size:
            return _INVALID_PAYLOAD
        if self.in_error_state:
            return _CRYPTO_ERROR
        (key_id,) = _KEY_HEAD.unpack_from(payload)
        self._note_slot(key_id)
        key = self.keys.find_mlkem(key_id)
        if key is None or key.generated is None:
            return _KEY_NOT_FOUND
        ciphertext = payload[_KEY_HEAD.size :]
        if len(ciphertext) != mlkem.CIPHERTEXT_SIZES[key.parameter_set]:
            return _INVALID_PAYLOAD
        secret = mlkem.decapsulate(key.generated, ciphertext)
        if self.in_play is not None:
            self.in_play.mlkem_decaps(key.generated, ciphertext, secret)
        return Response(Status.SUCCESS, secret)

    def _note_slot(self, key_id: int) -> None:
        """Check 6 copies the key's slot, whatever comes of it."""
        if self.in_play is not None:
            self.in_play.stored(self.keys.copied_material(key_id))
