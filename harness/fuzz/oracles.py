# SPDX-License-Identifier: GPL-2.0-or-later
"""What tells right from wrong behind a script that the executor itself found nothing wrong with.

Faults, hangs, missing, malformed and unknown answers are always judged, by the executor (`crash`). The rest is chosen:
the model predicts every response bit for bit; residue looks for secrets that stayed; `fetch` is the executor's, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from harness.analysis.residue import Hit, ResidueSearch
from harness.default_keys import ENTROPY
from harness.fuzz.difference import Difference, answers, first_difference, operation
from harness.fuzz.executor import Exchange, Executor, Verdict
from harness.fuzz.key_images import key_images
from harness.model import Model
from harness.model.secrets import Secret
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

ORACLES: Final = ("crash", "model", "fetch", "residue")
DEFAULT_ORACLES: Final = ("model",)
# Of scripts that end with the same operation on the same key and with the same status, each so many-th is searched
# behind: a search costs as much as many requests.
RESIDUE_INTERVAL: Final = 16
_KINDS_MAX: Final = 4096
FETCH_INTERVAL: Final = 8  # scripts; what is watched reads the window through a device


class ModelOracle:
    """Every response against the model, and the generator's state behind the last one."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._model = Model(ENTROPY, key_images()[0])
        self._start = self._model.snapshot()
        self._generator = _GeneratorState(executor.target)
        self._difference: Difference | None = None

    def judge(self) -> Verdict:
        """Judge the last script. Raises ModelError where the references of the model disagree."""
        self._model.restore(self._start)
        self._difference = first_difference(self._executor.exchanges, self._model)
        sound = self._difference is None and self._generator.matches(self._model)
        return Verdict.PASS if sound else Verdict.MISMATCH

    def location(self) -> str:
        """Of the last mismatch: see Difference.location."""
        return self._difference.location() if self._difference else "the generator's state"

    def explain(self) -> str:
        """Of the last mismatch: see Difference.explain."""
        if self._difference:
            return self._difference.explain()
        return "behind the last exchange the generator is in another state than the model's"


class _GeneratorState:
    """The firmware's CTR_DRBG, where the image has the symbol: Key, then V, as the standard names them."""

    SYMBOL: Final = "generator"
    _SIZE: Final = 48

    def __init__(self, target: EmulatedTarget) -> None:
        symbol = target.image.symbols.get(self.SYMBOL)
        known = symbol is not None and symbol.size >= self._SIZE
        self._memory = target.machine.view(symbol.address, self._SIZE) if symbol and known else None

    def matches(self, model: Model) -> bool:
        """True when both are the same, and where nobody knows the firmware's."""
        if self._memory is None or model.in_error_state:
            return True
        state = model.generator_state
        return self._memory == state.key + state.v.to_bytes(16, "big")


_PIECE: Final = 8  # bytes of a secret by which a search finds it
_TELLING: Final = 6  # distinct ones among them
# Bytes of a request that are no secret: header, key id, length; the nonce in between.
_PUBLIC_HEAD: Final = 14


class ResidueOracle:
    """No secret of a script's last request stays where it must not (SEC-1), looked at now and then.

    A client that chooses its plaintext can make it hold whatever the service may keep, key ids and nonces among them.
    It may also have put it into the window by itself. So a piece counts only where it is no such thing; registers,
    which hold four bytes each, do not count.
    """

    def __init__(self, executor: Executor, interval: int = RESIDUE_INTERVAL) -> None:
        self._executor = executor
        self._interval = interval
        self._search = ResidueSearch(executor.target)
        self._counts: Counter[tuple[bytes, int]] = Counter()
        self._hit: Hit | None = None
        self._last: Exchange | None = None

    def judge(self) -> Verdict:
        """Judge the last script, or pass it over."""
        exchanges = self._executor.exchanges
        self._last = last = exchanges[-1]
        kind = last.request[2:3] + last.request[8:12], last.status
        if kind not in self._counts and len(self._counts) == _KINDS_MAX:
            self._counts.clear()
        self._counts[kind] += 1
        if self._counts[kind] % self._interval != 1 % self._interval:
            return Verdict.PASS
        hits = self._search.search(_secrets_behind(exchanges))
        self._hit = next((hit for hit in hits if self._is_telling(hit, exchanges)), None)
        return Verdict.RESIDUE if self._hit else Verdict.PASS

    def _is_telling(self, hit: Hit, exchanges: Sequence[Exchange]) -> bool:
        if hit.address is None or hit.address in self._executor.written:
            return False
        piece = self._executor.target.machine.read(hit.address, _PIECE)
        return len(set(piece)) >= _TELLING and not any(piece in public for e in exchanges for public in _public(e))

    def location(self) -> str:
        """Operation and owner of the memory."""
        if self._hit is None or self._last is None:
            return ""
        return f"{operation(self._last.request)} leaves a secret in {self._hit.owner}"

    def explain(self) -> str:
        """Which secret stays where."""
        return f"{self._hit.secret} stays in {self._hit.where}" if self._hit else ""


def _public(exchange: Exchange) -> tuple[bytes, bytes]:
    """What of a request and its answer is no secret, and may look like a part of a plaintext that a client chooses."""
    request, nonce = exchange.request, table.GCM_NONCE_SIZE
    kind = request[2] if len(request) > 2 else 0
    head = _PUBLIC_HEAD + (nonce if kind == table.AES_DECRYPT.code else 0)
    return request[:head], exchange.payload[:nonce] if kind == table.AES_ENCRYPT.code else b""


def _secrets_behind(exchanges: Sequence[Exchange]) -> tuple[Secret, ...]:
    model = Model(ENTROPY, key_images()[0])
    in_play = model.watch_secrets()
    for _ in answers(model, exchanges):
        pass
    return in_play.secrets


class Judges:
    """The chosen oracles as one, which judge whatever the executor runs; `location` and `explain` tell of the last."""

    def __init__(self, executor: Executor, oracles: Iterable[str], residue_interval: int = RESIDUE_INTERVAL) -> None:
        chosen = tuple(oracles)
        self._all: list[ModelOracle | ResidueOracle] = []
        if "model" in chosen:
            self._all.append(ModelOracle(executor))
        if "residue" in chosen:
            self._all.append(ResidueOracle(executor, residue_interval))
        self._failed: ModelOracle | ResidueOracle | None = None
        if self._all:
            executor.judge(self.judge)

    def judge(self) -> Verdict:
        """The first verdict that is not PASS."""
        for oracle in self._all:
            verdict = oracle.judge()
            if verdict is not Verdict.PASS:
                self._failed = oracle
                return verdict
        return Verdict.PASS

    def location(self) -> str:
        """One line, equal for findings that look alike."""
        return self._failed.location() if self._failed else ""

    def explain(self) -> str:
        """Several lines for a reader."""
        return self._failed.explain() if self._failed else ""
