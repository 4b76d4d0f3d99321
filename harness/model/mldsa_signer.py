# SPDX-License-Identifier: GPL-2.0-or-later
"""Key generation and signing of ML-DSA with chosen randomness, fast enough to predict thousands of signatures.

Written from FIPS 204; algorithm numbers are of that standard. A polynomial is a list of 256 integers. Products with the
matrix go through the number-theoretic transform; products with the challenge, whose factors are small, through one
multiplication of long integers, a polynomial's coefficients side by side in each. dilithium-py computes the same bits
two to three times more slowly: the tests compare the two.

Nothing here is constant time: the keys are test keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import shake_128, shake_256
from itertools import chain, count, islice
from operator import add, mul, sub
from struct import Struct

N = 256
Q = 8380417
D = 13
_ZETA = 1753

Polynomial = list[int]
Vector = list[Polynomial]


@dataclass(frozen=True, slots=True)
class Parameters:
    """A column of table 1; `challenge_size` is lambda / 4, the bytes of the commitment hash."""

    k: int
    l: int  # noqa: E741 - as the standard calls it
    eta: int
    tau: int
    gamma1_bits: int
    gamma2: int
    omega: int
    challenge_size: int

    @property
    def gamma1(self) -> int:
        """The range of the mask's coefficients."""
        return 1 << self.gamma1_bits

    @property
    def beta(self) -> int:
        """The largest coefficient that challenge times secret can have."""
        return self.tau * self.eta

    @property
    def high_values(self) -> int:
        """How many values HighBits takes."""
        return (Q - 1) // (2 * self.gamma2)


PARAMETERS: dict[int, Parameters] = {
    44: Parameters(4, 4, 2, 39, 17, (Q - 1) // 88, 80, 32),
    65: Parameters(6, 5, 4, 49, 19, (Q - 1) // 32, 55, 48),
    87: Parameters(8, 7, 2, 60, 19, (Q - 1) // 32, 75, 64),
}


class Packing:
    """Polynomials as long integers: coefficient i, which may be negative, times 2^(width * i).

    Multiplied modulo 2^(256 * width) + 1, such integers multiply as polynomials modulo X^256 + 1 do, as long as every
    coefficient of the product keeps below 2^(width - 1) in size.
    """

    def __init__(self, width: int, code: str) -> None:
        self._coefficients = Struct(f"<{N}{code}")
        self._half = 1 << (width - 1)
        self._bias = sum(self._half << width * i for i in range(N))
        self._modulus = (1 << width * N) + 1

    def pack(self, polynomial: Iterable[int]) -> int:
        """The integer of a polynomial with coefficients below 2^(width - 1) in size."""
        data = self._coefficients.pack(*[c + self._half for c in polynomial])
        return int.from_bytes(data, "little") - self._bias

    def product(self, one: int, other: int) -> Polynomial:
        """The coefficients of the product of two packed polynomials."""
        product = (one * other + self._bias) % self._modulus
        half = self._half
        return [c - half for c in self._coefficients.unpack(product.to_bytes(self._coefficients.size, "little"))]


# Challenge times secret is at most beta = 196 in size, challenge times t0 at most 60 * 2^12.
_NARROW = Packing(16, "H")
_WIDE = Packing(32, "I")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An expanded key: the matrix in the transform's domain, secret polynomials packed."""

    parameters: Parameters
    public_key: bytes
    matrix: tuple[Vector, ...]
    seed: bytes  # K
    public_hash: bytes  # tr
    s1: tuple[int, ...]
    s2: tuple[int, ...]
    t0: tuple[int, ...]


def expand_key(parameter_set: int, seed: bytes) -> SigningKey:
    """ML-DSA.KeyGen_internal (algorithm 6) of a seed of 32 bytes, and what signing needs of the result."""
    p = PARAMETERS[parameter_set]
    expanded = _hash(seed + bytes([p.k, p.l]), 128)
    rho, rho_prime, key_seed = expanded[:32], expanded[32:96], expanded[96:]
    matrix = tuple([_sample_uniform(rho + bytes([s, r])) for s in range(p.l)] for r in range(p.k))
    s1 = [_sample_small(rho_prime, r, p.eta) for r in range(p.l)]
    s2 = [_sample_small(rho_prime, p.l + r, p.eta) for r in range(p.k)]
    product = _multiply(matrix, s1)
    t = [[(a + b) % Q for a, b in zip(row, small, strict=True)] for row, small in zip(product, s2, strict=True)]
    # Power2Round (algorithm 35): t = t1 * 2^13 + t0 with t0 in (-2^12, 2^12].
    t1 = [[(c + (1 << (D - 1)) - 1) >> D for c in row] for row in t]
    t0 = [[c - (high << D) for c, high in zip(row, highs, strict=True)] for row, highs in zip(t, t1, strict=True)]
    public_key = rho + b"".join(_pack_bits(row, 10) for row in t1)
    return SigningKey(
        parameters=p,
        public_key=public_key,
        matrix=matrix,
        seed=key_seed,
        public_hash=_hash(public_key, 64),
        s1=tuple(map(_NARROW.pack, s1)),
        s2=tuple(map(_NARROW.pack, s2)),
        t0=tuple(map(_WIDE.pack, t0)),
    )


def sign(key: SigningKey, context: bytes, message: bytes, rnd: bytes) -> bytes:
    """ML-DSA.Sign (algorithm 2) with its 32 random bytes given: ML-DSA.Sign_internal (algorithm 7) of the message."""
    return sign_mu(key, _hash(key.public_hash + bytes([0, len(context)]) + context + message, 64), rnd)


def secret_seeds(parameter_set: int, seed: bytes) -> tuple[bytes, bytes]:
    """rho' and K of ML-DSA.KeyGen_internal (algorithm 6, line 1)."""
    p = PARAMETERS[parameter_set]
    expanded = _hash(seed + bytes([p.k, p.l]), 128)
    return expanded[32:96], expanded[96:]


def first_mask(key: SigningKey, context: bytes, message: bytes, rnd: bytes) -> tuple[bytes, Vector]:
    """rho'' and y of the first attempt at the signature that `sign` makes."""
    p = key.parameters
    mu = _hash(key.public_hash + bytes([0, len(context)]) + context + message, 64)
    mask_seed = _hash(key.seed + rnd + mu, 64)
    return mask_seed, [_sample_mask(mask_seed, r, p.gamma1_bits + 1) for r in range(p.l)]


def sign_mu(key: SigningKey, mu: bytes, rnd: bytes) -> bytes:
    """The same from the message representative of 64 bytes on (algorithm 7, line 7)."""
    return _sign_counting(key, mu, rnd)[0]


def attempts(key: SigningKey, context: bytes, message: bytes, rnd: bytes) -> int:
    """How many attempts `sign` makes."""
    return _sign_counting(key, _hash(key.public_hash + bytes([0, len(context)]) + context + message, 64), rnd)[1]


def _sign_counting(key: SigningKey, mu: bytes, rnd: bytes) -> tuple[bytes, int]:
    p = key.parameters
    mask_seed = _hash(key.seed + rnd + mu, 64)
    for attempt in count():
        y = [_sample_mask(mask_seed, attempt * p.l + r, p.gamma1_bits + 1) for r in range(p.l)]
        signature = _attempt(key, mu, y)
        if signature is not None:
            return signature, attempt + 1
    raise AssertionError("the attempts do not end")


def _attempt(key: SigningKey, mu: bytes, y: Vector) -> bytes | None:
    """One round of the rejection loop with mask `y`; None when a bound is not kept."""
    p = key.parameters
    w = _multiply(key.matrix, y)
    w1 = b"".join(_pack_bits(_high_bits(row, p), (p.high_values - 1).bit_length()) for row in w)
    challenge = _hash(mu + w1, p.challenge_size)
    c = _sample_in_ball(challenge, p.tau)
    narrow, wide = _NARROW.pack(c), _WIDE.pack(c)
    z = []
    for mask, secret in zip(y, key.s1, strict=True):
        row = list(map(add, mask, _NARROW.product(narrow, secret)))
        if _exceeds(row, p.gamma1 - p.beta):
            return None
        z.append(row)
    hints = []
    for commitment, secret, low in zip(w, key.s2, key.t0, strict=True):
        rest = list(map(sub, commitment, _NARROW.product(narrow, secret)))  # w - c * s2
        highs = _high_bits(rest, p)
        if _exceeds(_low_bits(rest, highs, p), p.gamma2 - p.beta):
            return None
        moved = _WIDE.product(wide, low)  # c * t0
        if _exceeds(moved, p.gamma2):
            return None
        shifted = _high_bits(map(add, rest, moved), p)
        hints.append([i for i, (a, b) in enumerate(zip(highs, shifted, strict=True)) if a != b])
    if sum(map(len, hints)) > p.omega:
        return None
    packed_z = b"".join(_pack_bits([p.gamma1 - c for c in row], p.gamma1_bits + 1) for row in z)
    return challenge + packed_z + _pack_hints(hints, p.omega)


def _hash(data: bytes, size: int) -> bytes:
    """H of section 3.7."""
    return shake_256(data).digest(size)


# ---- arithmetic ----


def _high_bits(polynomial: Iterable[int], p: Parameters) -> Polynomial:
    """HighBits (algorithm 37) of each coefficient, any integers: r rounded to a multiple of 2 gamma2, ties down."""
    gamma2, step, values = p.gamma2, 2 * p.gamma2, p.high_values
    return [((c % Q + gamma2 - 1) // step) % values for c in polynomial]


def _low_bits(polynomial: Sequence[int], highs: Polynomial, p: Parameters) -> Polynomial:
    """LowBits (algorithm 38) of each coefficient, whose high bits are known: what is nearest to 0 modulo q.

    That is the standard's special case as well, in which q - 1 becomes a high part of 0 and the low part one less.
    """
    return [(c - high * 2 * p.gamma2 + Q // 2) % Q - Q // 2 for c, high in zip(polynomial, highs, strict=True)]


def _exceeds(polynomial: Sequence[int], bound: int) -> bool:
    """Whether a coefficient is `bound` or more in size."""
    return max(polynomial) >= bound or min(polynomial) <= -bound


def _layer_zetas() -> Iterator[list[int]]:
    """For each of the eight layers, the factor of each of its 128 butterflies: zeta^BitRev8(m), m = 1, 2, ..."""
    for layer in range(8):
        blocks = 1 << layer
        yield [pow(_ZETA, int(f"{blocks + i % blocks:08b}"[::-1], 2), Q) for i in range(N // 2)]


_ZETAS = tuple(_layer_zetas())
_INVERSE_ZETAS = tuple([pow(z, -1, Q) for z in layer] for layer in reversed(_ZETAS))
_INVERSE_N = pow(N, -1, Q)


def _transform(polynomial: Polynomial) -> Polynomial:
    """NTT (algorithm 41); the result is not reduced, but below 9 q in size.

    The order of computation is another: every layer combines the lists' halves and interleaves the results, so that it
    needs no index. The blocks of the algorithm end up in the same places.
    """
    w = polynomial
    for zetas in _ZETAS:
        low = w[: N // 2]
        high = [product % Q for product in map(mul, zetas, w[N // 2 :])]
        w = [0] * N
        w[0::2] = map(add, low, high)
        w[1::2] = map(sub, low, high)
    return w


def _transform_back(polynomial: Polynomial) -> Polynomial:
    """NTT^-1 (algorithm 42), undoing the layers of `_transform`; coefficients are reduced to 0 to q - 1."""
    w = polynomial
    for zetas in _INVERSE_ZETAS:
        even, odd = w[0::2], w[1::2]
        w = [*map(add, even, odd), *[difference % Q for difference in map(mul, zetas, map(sub, even, odd))]]
    return [c * _INVERSE_N % Q for c in w]


def _multiply(matrix: Sequence[Vector], vector: Vector) -> Vector:
    """Matrix, in the transform's domain, times vector."""
    transformed = [_transform(polynomial) for polynomial in vector]
    return [_transform_back(_dot(row, transformed)) for row in matrix]


def _dot(row: Vector, column: Vector) -> Polynomial:
    total = map(mul, row[0], column[0])
    for one, other in zip(row[1:], column[1:], strict=True):
        total = map(add, total, map(mul, one, other))
    return [c % Q for c in total]


# ---- sampling ----


def _sample_uniform(seed: bytes) -> Polynomial:
    """RejNTTPoly (algorithm 30): candidates of 23 bits, those below q taken."""
    found: Polynomial = []
    size = 840
    while len(found) < N:
        data = shake_128(seed).digest(size)
        triples = zip(data[0::3], data[1::3], data[2::3], strict=True)
        candidates = (a | b << 8 | (c & 0x7F) << 16 for a, b, c in triples)
        found = list(islice((c for c in candidates if c < Q), N))
        size *= 2
    return found


def _sample_small(seed: bytes, index: int, eta: int) -> Polynomial:
    """RejBoundedPoly (algorithm 31): half bytes, low half first, each taken when it is below 15 or 9."""
    found: Polynomial = []
    size = 272
    while len(found) < N:
        data = _hash(seed + index.to_bytes(2, "little"), size)
        halves = chain.from_iterable((byte & 15, byte >> 4) for byte in data)
        if eta == 2:
            values = (2 - half % 5 for half in halves if half < 15)
        else:
            values = (4 - half for half in halves if half < 9)
        found = list(islice(values, N))
        size *= 2
    return found


def _sample_mask(seed: bytes, index: int, bits: int) -> Polynomial:
    """One polynomial of ExpandMask (algorithm 34): gamma1 minus a number of `bits` bits each."""
    gamma1 = 1 << (bits - 1)
    return [gamma1 - c for c in _unpack_bits(_hash(seed + index.to_bytes(2, "little"), N // 8 * bits), bits)]


def _sample_in_ball(seed: bytes, tau: int) -> Polynomial:
    """SampleInBall (algorithm 29): tau coefficients are 1 or -1, the others 0."""
    c = [0] * N
    size = 136
    stream = _hash(seed, size)
    signs = int.from_bytes(stream[:8], "little")
    position = 8
    for i in range(N - tau, N):
        while True:
            if position == size:
                size *= 2
                stream = _hash(seed, size)
            j = stream[position]
            position += 1
            if j <= i:
                break
        c[i] = c[j]
        c[j] = 1 - 2 * (signs & 1)
        signs >>= 1
    return c


# ---- encodings ----


def _pack_bits(polynomial: Sequence[int], bits: int) -> bytes:
    """SimpleBitPack (algorithm 16) of numbers of `bits` bits; eight of them fill `bits` bytes."""
    parts = []
    for i in range(0, N, 8):
        a, b, c, d, e, f, g, h = polynomial[i : i + 8]
        low = a | b << bits | c << 2 * bits | d << 3 * bits
        high = e | f << bits | g << 2 * bits | h << 3 * bits
        parts.append((low | high << 4 * bits).to_bytes(bits, "little"))
    return b"".join(parts)


def _unpack_bits(data: bytes, bits: int) -> Polynomial:
    """SimpleBitUnpack (algorithm 18), the inverse of `_pack_bits`."""
    mask = (1 << bits) - 1
    shifts = range(0, 8 * bits, bits)
    groups = [int.from_bytes(data[i : i + bits], "little") for i in range(0, len(data), bits)]
    return [group >> shift & mask for group in groups for shift in shifts]


def _pack_hints(hints: Sequence[Sequence[int]], omega: int) -> bytes:
    """HintBitPack (algorithm 20) of the positions of each polynomial's ones."""
    positions = bytes(chain.from_iterable(hints))
    ends = bytes(sum(map(len, hints[: i + 1])) for i in range(len(hints)))
    return positions.ljust(omega, b"\0") + ends
