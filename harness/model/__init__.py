# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract of the crypto service as a Python model that predicts every response bit for bit."""

from harness.model.error import ModelError
from harness.model.service import Model, ModelState

__all__ = ["Model", "ModelError", "ModelState"]
