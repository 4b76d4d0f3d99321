# SPDX-License-Identifier: GPL-2.0-or-later
"""What tells right from wrong behind a script that the executor itself found nothing wrong with.

Faults, hangs, missing, malformed and unknown answers are always judged, by the executor. The rest is chosen: the model
predicts every response bit for bit; residue looks for secrets that stayed; the adversary of `fetch` is the executor's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from harness.analysis.residue import Hit, ResidueSearch
from harness.compare import compare
from harness.default_keys import ENTROPY
from harness.fuzz.executor import Exchange, Executor, Verdict
from harness.fuzz.key_images import key_images
from harness.model import Model
from harness.model.secrets import Secret
from harness.targets.emulated import EmulatedTarget

ORACLES: Final = ("crash", "model", "fetch", "residue")
DEFAULT_ORACLES: Final = ("model",)
# Of scripts that end with the same operation and status, each so many-th is searched behind: a search costs as much as
# many requests.
RESIDUE_INTERVAL: Final = 64


class ModelOracle:
    """Every response against the model, and the generator's state behind the last one.

    `mismatch` tells, behind a script that did not match, which exchange (from 0) differs and how; `field` what differs.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._images = key_images()
        self._model = Model(ENTROPY, self._images[0])
        self._start = self._model.snapshot()
        self._generator = _GeneratorState(executor.target)
        self.field = ""
        self.mismatch = ""

    def judge(self) -> Verdict:
        """Judge the last script."""
        model = self._model
        model.restore(self._start)
        image = 0
        for number, exchange in enumerate(self._executor.exchanges):
            if exchange.image != image:
                image = exchange.image
                model.key_image = self._images[image]
            expected = model.exchange(exchange.request, exchange.clock)
            if exchange.status != expected.status or exchange.payload != expected.payload:
                verdict = compare(expected, exchange.response)
                self.field = getattr(verdict, "field", "")
                self.mismatch = f"exchange {number}: {verdict}"
                return Verdict.MISMATCH
        if not self._generator.matches(model):
            self.field = "generator"
            self.mismatch = "behind the last exchange the generator is in another state than the model's"
            return Verdict.MISMATCH
        return Verdict.PASS


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


class ResidueOracle:
    """No secret of a script's last request stays where it must not (SEC-1), looked at now and then."""

    def __init__(self, executor: Executor, interval: int = RESIDUE_INTERVAL) -> None:
        self._executor = executor
        self._interval = interval
        self._search = ResidueSearch(executor.target)
        self._images = key_images()
        self._counts: Counter[tuple[int, int]] = Counter()
        self.hit: Hit | None = None

    def judge(self) -> Verdict:
        """Judge the last script, or pass it over."""
        exchanges = self._executor.exchanges
        last = exchanges[-1]
        kind = last.request[2] if len(last.request) > 2 else 0, last.status
        self._counts[kind] += 1
        if self._counts[kind] % self._interval != 1 % self._interval:
            return Verdict.PASS
        hits = self._search.search(_secrets_behind(exchanges, self._images))
        self.hit = hits[0] if hits else None
        return Verdict.RESIDUE if hits else Verdict.PASS


def _secrets_behind(exchanges: Iterable[Exchange], images: tuple[bytes, ...]) -> tuple[Secret, ...]:
    model = Model(ENTROPY, images[0])
    in_play = model.watch_secrets()
    image = 0
    for exchange in exchanges:
        if exchange.image != image:
            image = exchange.image
            model.key_image = images[image]
        model.exchange(exchange.request, exchange.clock)
    return in_play.secrets


class Judges:
    """The chosen oracles as one; `text` and `place` tell of what failed last."""

    def __init__(self, executor: Executor, oracles: Iterable[str], residue_interval: int = RESIDUE_INTERVAL) -> None:
        chosen = tuple(oracles)
        self._model = ModelOracle(executor) if "model" in chosen else None
        self._residue = ResidueOracle(executor, residue_interval) if "residue" in chosen else None
        if self._model or self._residue:
            executor.judge(self._judge)

    def _judge(self) -> Verdict:
        verdict = self._model.judge() if self._model else Verdict.PASS
        if verdict is Verdict.PASS and self._residue:
            verdict = self._residue.judge()
        return verdict

    def text(self, verdict: Verdict) -> str:
        """What the oracle says of a script that has just failed."""
        if verdict is Verdict.MISMATCH and self._model:
            return self._model.mismatch
        if verdict is Verdict.RESIDUE and self._residue and self._residue.hit:
            return f"{self._residue.hit.secret} stays in {self._residue.hit.where}"
        return ""

    def place(self, verdict: Verdict) -> str:
        """What is the same for all findings of one cause: the field that differs, the owner of the memory."""
        if verdict is Verdict.MISMATCH and self._model:
            return self._model.field
        if verdict is Verdict.RESIDUE and self._residue and self._residue.hit:
            return self._residue.hit.owner
        return ""
