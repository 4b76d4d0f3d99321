# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stub says of its core's registers: a target description in XML ("Target Descriptions" in GDB's manual).

Read without regard to namespaces: QEMU uses the prefix of xi:include and does not declare it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from xml.parsers import expat

# Of feature org.gnu.gdb.arm.m-profile, in the order that all stubs send them in.
REGISTER_NAMES: Final = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "xpsr")
_INCLUDE: Final = "xi:include"
_INCLUDE_LIMIT: Final = 32  # documents, so that none includes itself for ever


class DescriptionError(Exception):
    """The description is no XML, or not that of a Cortex-M."""


def register_numbers(read: Callable[[str], bytes]) -> Mapping[str, int]:
    """Name to number of the REGISTER_NAMES; `read` gives the document of a name, the first one is `target.xml`.

    A register without a number has the one behind the register before it. Raises DescriptionError for a core other than
    a Cortex-M, and where the seventeen are not the first of all registers, as the reply to `g` has them.
    """
    numbers: dict[str, int] = {}
    following, left = 0, _INCLUDE_LIMIT

    def element(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal following
        if tag == _INCLUDE:
            collect(attributes["href"])
        elif tag == "reg":
            number = int(attributes.get("regnum", following))
            numbers.setdefault(attributes["name"].casefold(), number)
            following = number + 1

    def collect(document: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise DescriptionError(f"includes more than {_INCLUDE_LIMIT} documents in its description")
        parser = expat.ParserCreate()
        parser.StartElementHandler = element
        try:
            parser.Parse(read(document), True)
        except (expat.ExpatError, KeyError, ValueError) as error:
            raise DescriptionError(f"describes its core by {document}, which makes no sense ({error})") from None

    collect("target.xml")
    first = sorted(numbers, key=numbers.__getitem__)[: len(REGISTER_NAMES)]
    if tuple(first) != REGISTER_NAMES:
        raise DescriptionError(f"describes no Cortex-M: its first registers are {', '.join(first) or 'missing'}")
    return {name: numbers[name] for name in REGISTER_NAMES}
