# SPDX-License-Identifier: GPL-2.0-or-later
"""Board file (TOML) -> Board, for firmware of one's own: `--board FILE.toml` in the place of a name.

`emulator.board_fields` has the fields and their types; here they are held against each other, and against the firmware
where one is given: its symbols, its vector table, the architecture that it was built for.
"""

from __future__ import annotations

import difflib
import struct
from pathlib import Path
from typing import Final

from emulator import arm_attributes
from emulator.board import ADDRESS_LIMIT, BOARDS, PAGE_SIZE, Access, Board, Region, ServiceMap, board
from emulator.board_fields import BY_NAME, FIELDS, BoardFileError, Fields, read_fields
from emulator.errors import EmulatorError
from emulator.image import Image, load_image
from emulator.processor import PROCESSORS

SUFFIX: Final = ".toml"

_WAITS: Final = ("wfi", "address")

# Of the emulator alone, so that it may lie wherever the hardware has nothing: room for calls of single functions.
_CALLS_SIZE: Final = 0x10_0000
_CALLS_STEP: Final = 2 * _CALLS_SIZE
_CALLS_HIGHEST: Final = 0xDFE0_0000  # below what the architecture keeps for itself
# Only generated headers need to know the clock.
_ANY_HZ: Final = 1_000_000

_VECTORS: Final = struct.Struct("<II")


def find_board(name: str, firmware: Path | None = None) -> Board:
    """The board called `name`, or that of the board file `name`, which ends in .toml.

    `firmware` is the image that is to run there: the file may refer to its symbols; without it the image that the file
    names is taken. Raises EmulatorError for an unknown name or a file that cannot be used, ImageError for the image.
    """
    return read_board(Path(name), firmware) if name.endswith(SUFFIX) else board(name)


def firmware_of(name: str) -> Path:
    """The image that a board file names. Raises EmulatorError where it names none."""
    fields = read_fields(Path(name))
    if "firmware" not in fields:
        raise fields.error("firmware", "is missing, add it or name the image with --firmware")
    return fields.path.parent / fields.text("firmware")


def read_board(path: Path, firmware: Path | None = None) -> Board:
    """The board of a file; see find_board. Raises BoardFileError with one line that names file and field."""
    fields = read_fields(path)
    if firmware is None and "firmware" in fields:
        firmware = path.parent / fields.text("firmware")
    return _Reader(fields, load_image(firmware, None) if firmware else None).board()


class _Reader:
    """Turns fields into a board; `image` is there to be asked for symbols and contradictions."""

    def __init__(self, fields: Fields, image: Image | None) -> None:
        self._fields = fields
        self._image = image

    def board(self) -> Board:
        """The board. Raises BoardFileError."""
        name, cpu = self._name(), self._cpu()
        banks = self._banks()
        service = ServiceMap(
            name="service",
            code=self._required("service.code"),
            stack=self._required("service.stack"),
            data=self._required("service.data"),
            bulk=self._region("service.bulk"),
            filters=self._region("service.filters"),
            utcb=self._region("service.utcb"),
            guarded=False,
            reserves_shared=True,
            wait_at=self._wait_at(),
        )
        devices = tuple(filter(None, (self._region("devices.uart"), self._region("devices.system_control"))))
        try:
            calls = _free_base((*banks, *devices))
            made = Board(
                name=name,
                cpu=cpu,
                cpu_hz=_ANY_HZ,
                qemu_machine=self._fields.text("qemu_machine"),
                banks=(*banks, Region("memory for calls", calls + _CALLS_SIZE, _CALLS_SIZE, "rw")),
                service=service,
                window=self._required("shared.window"),
                kernel_page=self._required("shared.kernel_page"),
                entropy_page=self._required("shared.entropy_page"),
                key_storage=self._required("shared.key_storage"),
                uart=self._region("devices.uart"),
                system_control=self._region("devices.system_control"),
                return_pad=Region("return pad", calls, PAGE_SIZE, "rx"),
                call_scratch=Region("call scratch", calls + _CALLS_SIZE, _CALLS_SIZE, "rw"),
            )
        except BoardFileError:
            raise
        except EmulatorError as error:
            raise self._fields.error("memory map", str(error)) from None
        self._check_access(made)
        self._check_image(made)
        return made

    # ---- single fields ----

    def _name(self) -> str:
        name = self._fields.text("name", self._fields.path.stem)
        if not name or any(name == row.name for row in BOARDS):
            raise self._fields.error("name", f"{name!r} is the name of another board or of none, choose another")
        return name

    def _cpu(self) -> str:
        cpu = self._fields.text("cpu")
        known = sorted(name for name, core in PROCESSORS.items() if core.profile == "M")
        if cpu not in known:
            raise self._fields.error("cpu", f"{cpu!r} is unknown, use one of: {', '.join(known)}")
        return cpu

    def _banks(self) -> tuple[Region, ...]:
        banks = self._fields.table("memory")
        if not banks:
            raise self._fields.error("memory", "is empty, name at least one memory for code and one for data")
        return tuple(self._bank(name, value) for name, value in banks.items())

    def _bank(self, name: str, value: object) -> Region:
        field = f"memory.{name}"
        if not isinstance(value, dict):
            raise self._fields.error(field, "is no table: { address = N, size = N, access = TEXT }")
        bank = Fields(self._fields.path, {field: value})
        bank.only(field, "address", "size", "access")
        address, size = bank.part(field, "address", int), bank.part(field, "size", int)
        access = bank.part(field, "access", str)
        missing = next(
            (key for key, part in (("address", address), ("size", size), ("access", access)) if part is None), ""
        )
        if missing:
            raise bank.error(f"{field}.{missing}", "is missing, add it")
        return self._made(field, name, address, size, access)

    def _required(self, field: str) -> Region:
        region = self._region(field)
        assert region is not None, "read_fields has seen to that"
        return region

    def _region(self, field: str) -> Region | None:
        """The region of a field; its size is that of the row, unless the field gives a larger one."""
        row, fields = BY_NAME[field], self._fields
        if field not in fields:
            return None
        fields.only(field, "address", "symbol", "size")
        size = fields.part(field, "size", int)
        if size is None and not row.size:
            raise fields.error(f"{field}.size", "is missing, add it: whole pages of 4096 bytes")
        if size is not None and size < row.size:
            raise fields.error(f"{field}.size", f"{size:#x} is too small, {row.size:#x} bytes are needed")
        address = self._address(field, room=row.size)
        return self._made(field, field.split(".")[1].replace("_", " "), address, size or row.size, row.access)

    def _made(self, field: str, name: str, address: int, size: int, access: Access) -> Region:
        try:
            return Region(name, address, size, access)
        except EmulatorError as error:
            raise self._fields.error(field, str(error)) from None

    def _wait_at(self) -> int | None:
        """The address at which the firmware polls; None for WFI."""
        fields = self._fields
        fields.only("wait", "kind", "address", "symbol")
        kind = fields.part("wait", "kind", str)
        if kind not in _WAITS:
            raise fields.error("wait.kind", f"{kind!r} is unknown, use one of: {', '.join(_WAITS)}")
        if kind == "wfi":
            extra = next((key for key in ("address", "symbol") if key in fields.table("wait")), None)
            if extra is not None:
                raise fields.error(f"wait.{extra}", 'goes with kind "address" alone, remove it or change the kind')
            return None
        address = self._address("wait") & ~1
        code = self._required("service.code")
        if not code.contains(address, 2):
            raise fields.error("wait", f"{address:#010x} is outside service.code, give the address of an instruction")
        if self._image is not None and self._image.loaded(address, 2) is None:
            raise fields.error("wait", f"{address:#010x} is no code of {self._image.path.name}, correct it")
        return address

    # ---- addresses and symbols ----

    def _address(self, field: str, room: int = 0) -> int:
        """The address that a field gives as a number, or as a symbol, which has `room` bytes where it says how many."""
        address = self._fields.part(field, "address", int)
        name = self._fields.part(field, "symbol", str)
        if (address is None) == (name is None):
            problem = "both an address and a symbol" if name is not None else "neither an address nor a symbol"
            raise self._fields.error(field, f"gives {problem}, give one of them")
        if name is not None:
            return self._symbol(field, name, room)
        if not 0 <= address < ADDRESS_LIMIT:
            raise self._fields.error(f"{field}.address", f"{address:#x} is no address of 32 bits, correct it")
        return int(address)

    def _symbol(self, field: str, name: str, room: int) -> int:
        where = f"{field}.symbol"
        if self._image is None:
            raise self._fields.error(where, f"{name!r} has to be looked up: name the image with --firmware")
        known, image = self._image.symbols, self._image.path.name
        symbol = known.get(name)
        if symbol is None and not known:
            raise self._fields.error(where, f"{image} has no symbols, give the address")
        if symbol is None:
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else "give the address, or correct the name"
            raise self._fields.error(where, f"{image} has not exactly one symbol {name!r}, {hint}")
        if 0 < symbol.size < room:
            raise self._fields.error(where, f"{name} has {symbol.size:#x} bytes in {image}, {room:#x} are needed")
        return symbol.address

    # ---- contradictions ----

    def _check_access(self, made: Board) -> None:
        """No region asks more of a memory than the hardware gives."""
        own = (*made.service.image_regions, *made.service.control_pages, *made.dataspaces)
        for region in own:
            bank = next(bank for bank in made.banks if bank.contains(region.base, region.size))
            if not set(region.access) <= set(bank.access):
                problem = (
                    f"is {region.access} in memory.{bank.name}, which is {bank.access}, move it or correct the memory"
                )
                raise self._fields.error(_field_of(region), problem)

    def _check_image(self, made: Board) -> None:
        if self._image is None:
            return
        image, code = self._image, made.service.code
        built = arm_attributes.architecture(image.section_data(arm_attributes.SECTION))
        if built is not None and not built.fits(made.cpu):
            raise self._fields.error(
                "cpu", f"{made.cpu} does not execute {image.path.name}, which is built for {built}"
            )
        vectors = image.loaded(code.base, _VECTORS.size)
        if vectors is None:
            problem = f"{image.path.name} loads nothing at {code.base:#010x}, where its vector table has to be"
            raise self._fields.error("service.code", problem)
        stack_pointer, start = _VECTORS.unpack(vectors)
        if not start & 1 or not code.contains(start & ~1, 2):
            problem = f"the vector table's reset {start:#010x} is no Thumb code in it, does the table begin here?"
            raise self._fields.error("service.code", problem)
        if not made.stack.base < stack_pointer <= made.stack.end:
            problem = f"the vector table's stack pointer {stack_pointer:#010x} is outside, correct it"
            raise self._fields.error("service.stack", problem)
        if image.loaded(code.end - 2, 2) is not None:
            raise self._fields.error("service.code", f"{image.path.name} fills it to its end, give it one page more")


def _field_of(region: Region) -> str:
    return next(row.name for row in FIELDS if row.name.split(".")[-1] == region.name.replace(" ", "_"))


def _free_base(taken: tuple[Region, ...]) -> int:
    """Where the two ranges of _CALLS_SIZE that calls use lie: as high as nothing is in the way."""
    base = _CALLS_HIGHEST
    while any(region.base < base + _CALLS_STEP and base < region.end for region in taken):
        base -= _CALLS_STEP
    if base < 0:
        raise EmulatorError("the memories leave no 2 MiB free, make them smaller")
    return base


__all__ = ["BoardFileError", "find_board", "firmware_of", "read_board"]
