# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage as a drcov file, version 2, as DynamoRIO's tool writes it: for disassemblers' coverage plugins."""

from __future__ import annotations

import struct

from emulator.coverage_data import CoverageData
from emulator.image import Image

_BLOCK = struct.Struct("<IHH")  # start behind the module's base, size in bytes, module


def render_drcov(image: Image, data: CoverageData) -> bytes:
    """One module, the image from its lowest to its highest address with code; then the basic blocks, by address."""
    code = [segment for segment in image.segments if segment.access == "rx"]
    base = min(segment.virtual_address for segment in code)
    end = max(segment.end for segment in code)
    blocks = [(start, stop) for start, stop in data.blocks() if base <= start and stop <= end]
    name = "".join(letter if letter.isprintable() else "?" for letter in image.path.name)
    header = (
        "DRCOV VERSION: 2\n"
        "DRCOV FLAVOR: drcov\n"
        "Module Table: version 2, count 1\n"
        "Columns: id, base, end, entry, path\n"
        f" 0, {base:#018x}, {end:#018x}, {image.entry:#018x}, {name}\n"
        f"BB Table: {len(blocks)} bbs\n"
    )
    return header.encode("utf-8") + b"".join(_BLOCK.pack(start - base, stop - start, 0) for start, stop in blocks)
