# SPDX-License-Identifier: GPL-2.0-or-later
"""The protocol as one table: statuses, operations, payload fields, layouts and limits.

The C headers, the codec, the model and the tables of docs/protocol.md all come from here. Clause ids in comments name
the statement of the contract that a value restates. Sizes are bytes, times microseconds, integers little-endian.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

# Header (HDR-1, HDR-2).
REQUEST_MAGIC = 0xC7
RESPONSE_MAGIC = 0xC8
PROTOCOL_VERSION = 0x01
FLAGS = 0x00
HEADER_SIZE = 8
MAX_PAYLOAD = 65536
AREA_SIZE = HEADER_SIZE + MAX_PAYLOAD

# Window (IPC-2, IPC-3): offsets from its start; the areas are page-aligned.
PAGE_SIZE = 4096
WINDOW_REQUEST_DOORBELL = 0
WINDOW_RESPONSE_DOORBELL = 4
WINDOW_REQUEST = 0x01000
WINDOW_RESPONSE = 0x12000
WINDOW_SIZE = 0x23000

# AES-256-GCM (AES-1, AES-2).
AES_KEY_SIZE = 32
GCM_NONCE_SIZE = 12
GCM_TAG_SIZE = 16
AES_ENCRYPTIONS_MAX = 1 << 32

# ML-DSA (FIPS 204, table 2).
MLDSA_SEED_SIZE = 32
MLDSA_RANDOM_SIZE = 32

# ML-KEM (FIPS 203, table 3).
MLKEM_KEYGEN_RANDOM_SIZE = 64
MLKEM_ENCAPS_RANDOM_SIZE = 32
MLKEM_SECRET_SIZE = 32

# Rate limiter (RATE-1, RATE-2).
RATE_CAPACITY = 100
RATE_INTERVAL_US = 1000
RATE_COOLDOWN_US = 100_000

# Nonce tracker (NON-3, NON-4).
NONCE_WINDOW = 1_000_000
NONCE_FILTER_BITS = 1 << 24
NONCE_FILTER_HASHES = 11
NONCE_HASH_KEY_SIZE = 16

# Key storage (KEY-1).
KEY_STORAGE_MAGIC = b"HILK"
KEY_STORAGE_VERSION = 1
KEY_STORAGE_HEADER_SIZE = 16
KEY_STORAGE_SLOTS = 16
KEY_STORAGE_SIZE = 0xB000
KEY_SLOT_STRIDE = 2640
KEY_SLOT_HEADER_SIZE = 16
KEY_SLOT_MATERIAL_MAX = 2592
KEY_DIGEST_SIZE = 32
KEY_AES_MAX = 4

# Kernel info page and entropy page (RNG-1).
KERNEL_PAGE_MAGIC = 0x4BE6344C
KERNEL_PAGE_VERSION = 1
KERNEL_PAGE_CLOCK = 8
ENTROPY_SIZE = 48


class Status(IntEnum):
    """Status codes of a response header (HDR-2)."""

    SUCCESS = 0x00
    INVALID_HEADER = 0x01
    INVALID_TYPE = 0x02
    INVALID_PAYLOAD = 0x03
    KEY_NOT_FOUND = 0x04
    CRYPTO_ERROR = 0x05
    DECRYPTION_FAILED = 0x06
    RATE_LIMITED = 0x07
    NONCE_REUSE = 0x08
    PAYLOAD_TOO_LARGE = 0x09


STATUS_MEANINGS: dict[Status, str] = {
    Status.SUCCESS: "done",
    Status.INVALID_HEADER: "header format invalid",
    Status.INVALID_TYPE: "unknown request type",
    Status.INVALID_PAYLOAD: "payload format or length wrong",
    Status.KEY_NOT_FOUND: "key id does not exist",
    Status.CRYPTO_ERROR: "cryptographic error",
    Status.DECRYPTION_FAILED: "tag verification failed",
    Status.RATE_LIMITED: "too many requests",
    Status.NONCE_REUSE: "nonce was already used",
    Status.PAYLOAD_TOO_LARGE: "payload over 64 KiB",
}


class Algorithm(IntEnum):
    """Algorithm codes of a key slot (KEY-1)."""

    AES = 1
    MLDSA = 2
    MLKEM = 3


@dataclass(frozen=True, slots=True)
class MldsaSizes:
    """What a parameter set of ML-DSA makes long (FIPS 204, table 2)."""

    public_key: int
    signature: int


@dataclass(frozen=True, slots=True)
class MlkemSizes:
    """What a parameter set of ML-KEM makes long (FIPS 203, table 3)."""

    encapsulation_key: int
    ciphertext: int


MLDSA_SIZES: dict[int, MldsaSizes] = {
    44: MldsaSizes(1312, 2420),
    65: MldsaSizes(1952, 3309),
    87: MldsaSizes(2592, 4627),
}
MLKEM_SIZES: dict[int, MlkemSizes] = {
    512: MlkemSizes(800, 768),
    768: MlkemSizes(1184, 1088),
    1024: MlkemSizes(1568, 1568),
}

# The material lengths that go with each pair of algorithm and parameter set: an AES key; a seed or a public key of
# ML-DSA; none, as an ML-KEM slot starts empty (KEM-1).
MATERIAL_LENGTHS: dict[tuple[Algorithm, int], tuple[int, ...]] = {
    (Algorithm.AES, 256): (AES_KEY_SIZE,),
    **{(Algorithm.MLDSA, name): (MLDSA_SEED_SIZE, sizes.public_key) for name, sizes in MLDSA_SIZES.items()},
    **{(Algorithm.MLKEM, name): (0,) for name in MLKEM_SIZES},
}


class FieldKind(StrEnum):
    """How a payload field finds its length."""

    INTEGER = "integer"  # `size` bytes, little-endian
    FIXED = "fixed"  # `size` bytes
    COUNTED = "counted"  # as many bytes as the integer field `length_field` says
    REST = "rest"  # what the other fields leave of the payload


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload; `size` is 0 for the kinds whose length varies."""

    name: str
    kind: FieldKind
    size: int = 0
    length_field: str = ""

    @property
    def text(self) -> str:
        """The field as the tables of the documentation write it."""
        if self.kind is FieldKind.INTEGER:
            return f"{self.name} u{8 * self.size}"
        return f"{self.name}[{self.size}]" if self.kind is FieldKind.FIXED else self.name


def _integer(name: str, size: int) -> Field:
    return Field(name, FieldKind.INTEGER, size)


def _fixed(name: str, size: int) -> Field:
    return Field(name, FieldKind.FIXED, size)


def _counted(name: str) -> Field:
    return Field(name, FieldKind.COUNTED, length_field=f"{name}_length")


def _rest(name: str) -> Field:
    return Field(name, FieldKind.REST)


@dataclass(frozen=True, slots=True)
class InstructionBound:
    """Guest instructions within which a release build answers: `fixed + per_byte * payload_length` (IPC-6)."""

    fixed: int
    per_byte: int

    def limit(self, payload_length: int) -> int:
        """The bound for a request whose header claims `payload_length` bytes."""
        return self.fixed + self.per_byte * payload_length


@dataclass(frozen=True, slots=True)
class Command:
    """One operation: a row of the table in docs/protocol.md."""

    code: int
    name: str
    request: tuple[Field, ...]
    response: tuple[Field, ...]
    bound: InstructionBound
    implemented: bool

    @property
    def minimum_payload(self) -> int:
        """The shortest request payload that has room for every field of constant size."""
        return sum(field.size for field in self.request)

    @property
    def response_overhead(self) -> int:
        """The constant-size part of the response payload."""
        return sum(field.size for field in self.response)


_KEY_ID = _integer("key_id", 4)
_CONTEXT = (_integer("context_length", 1), _counted("context"))
_NONCE = _fixed("nonce", GCM_NONCE_SIZE)
_TAG = _fixed("tag", GCM_TAG_SIZE)
_AAD = (_integer("aad_length", 2), _counted("aad"))
_SECRET = _fixed("shared_secret", MLKEM_SECRET_SIZE)
_AES_BOUND = InstructionBound(1_000_000, 200)
# Signing goes through its loop 814 times at most; one pass takes 1.2 million instructions for ML-DSA-87.
_SIGN_BOUND = InstructionBound(1_100_000_000, 80)
_VERIFY_BOUND = InstructionBound(9_000_000, 80)
_MLKEM_BOUND = InstructionBound(1_200_000, 2)

# A request that is refused by checks 1 to 3 costs no more than clearing what a longest response left in the window.
REFUSAL_BOUND = InstructionBound(200_000, 0)

AES_ENCRYPT = Command(
    code=0x01,
    name="AES_ENCRYPT",
    request=(_KEY_ID, *_AAD, _rest("plaintext")),
    response=(_NONCE, _rest("ciphertext"), _TAG),
    bound=_AES_BOUND,
    implemented=True,
)
AES_DECRYPT = Command(
    code=0x02,
    name="AES_DECRYPT",
    request=(_KEY_ID, _NONCE, *_AAD, _rest("ciphertext"), _TAG),
    response=(_rest("plaintext"),),
    bound=_AES_BOUND,
    implemented=True,
)
MLDSA_SIGN = Command(
    code=0x10,
    name="MLDSA_SIGN",
    request=(_KEY_ID, *_CONTEXT, _rest("message")),
    response=(_rest("signature"),),
    bound=_SIGN_BOUND,
    implemented=True,
)
MLDSA_VERIFY = Command(
    code=0x11,
    name="MLDSA_VERIFY",
    request=(_KEY_ID, *_CONTEXT, _integer("signature_length", 2), _counted("signature"), _rest("message")),
    response=(),
    bound=_VERIFY_BOUND,
    implemented=True,
)
MLKEM_KEYGEN = Command(
    code=0x20,
    name="MLKEM_KEYGEN",
    request=(_KEY_ID,),
    response=(_rest("encapsulation_key"),),
    bound=_MLKEM_BOUND,
    implemented=True,
)
MLKEM_ENCAPS = Command(
    code=0x21,
    name="MLKEM_ENCAPS",
    request=(_rest("encapsulation_key"),),
    response=(_rest("ciphertext"), _SECRET),
    bound=_MLKEM_BOUND,
    implemented=True,
)
MLKEM_DECAPS = Command(
    code=0x22,
    name="MLKEM_DECAPS",
    request=(_KEY_ID, _rest("ciphertext")),
    response=(_SECRET,),
    bound=_MLKEM_BOUND,
    implemented=True,
)

COMMANDS: tuple[Command, ...] = (
    AES_ENCRYPT,
    AES_DECRYPT,
    MLDSA_SIGN,
    MLDSA_VERIFY,
    MLKEM_KEYGEN,
    MLKEM_ENCAPS,
    MLKEM_DECAPS,
)
BY_CODE: dict[int, Command] = {command.code: command for command in COMMANDS}
BY_NAME: dict[str, Command] = {command.name: command for command in COMMANDS}

# AES_ENCRYPT answers with nonce and tag around a ciphertext as long as the plaintext (VAL-1, check 4).
AES_PLAINTEXT_MAX = MAX_PAYLOAD - AES_ENCRYPT.response_overhead
