# SPDX-License-Identifier: GPL-2.0-or-later
"""The model of the contract as a target."""

from dataclasses import dataclass

from harness.model import Model, ModelError, ModelState
from harness.protocol.codec import Response
from harness.targets.base import CLOCK, RESET, SNAPSHOT, TargetError


@dataclass(frozen=True, slots=True)
class ModelTargetState:
    """A model target's state at one moment; opaque to everybody else."""

    model: ModelState
    clock: int


class ModelTarget:
    """Answers as the contract says; the clock starts at 0 and moves only when it is set."""

    name = "model"
    capabilities = frozenset({CLOCK, RESET, SNAPSHOT})

    def __init__(self) -> None:
        self._model: Model | None = None
        self._clock = 0

    @property
    def model(self) -> Model:
        """The model behind the target, for tests that look inside; TargetError before `boot`."""
        if self._model is None:
            raise TargetError("the model target is not running: call boot() first")
        return self._model

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot."""
        try:
            self._model = Model(entropy, key_image)
        except ModelError as error:
            raise TargetError(str(error)) from error

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange."""
        try:
            return self.model.exchange(request, self._clock)
        except ModelError as error:
            raise TargetError(str(error)) from error

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        if not 0 <= microseconds < 1 << 64:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit")
        self._clock = microseconds

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        try:
            self.model.key_image = image
        except ModelError as error:
            raise TargetError(str(error)) from error

    def snapshot(self) -> ModelTargetState:
        """See SnapshotTarget.snapshot."""
        return ModelTargetState(self.model.snapshot(), self._clock)

    def restore(self, state: ModelTargetState) -> None:
        """See SnapshotTarget.restore."""
        self.model.restore(state.model)
        self._clock = state.clock

    def close(self) -> None:
        """See Target.close."""
        self._model = None
