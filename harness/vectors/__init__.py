# SPDX-License-Identifier: GPL-2.0-or-later
"""Published test vectors, run through the service's window and, where the protocol cannot express them, by calls.

    result = run_files([Path("aes_gcm_test.json"), Path("gcmDecrypt256.rsp")])
    assert result.passed

    response = respond(Path("prompt.json"))     # the other way round: what a validation server wants to know
    Path("response.json").write_bytes(response.encode())

Files are read strictly: what is not understood is a VectorError, what the service does not offer is counted with the
reason. A run of no case is a VectorError as well.
"""

from harness.vectors.case import Case, Kind, VectorFile
from harness.vectors.error import VectorError
from harness.vectors.loader import load, load_files
from harness.vectors.respond import ResponseResult, respond
from harness.vectors.runner import FileResult, VectorsResult, run_files

__all__ = [
    "Case",
    "FileResult",
    "Kind",
    "ResponseResult",
    "VectorError",
    "VectorFile",
    "VectorsResult",
    "load",
    "load_files",
    "respond",
    "run_files",
]
