# SPDX-License-Identifier: GPL-2.0-or-later
"""Boards: one declarative memory map each, the only place in the project with hardware addresses.

`emulator.generate` renders each board's folder in firmware/boards (headers, linker memory, compiler flags) from the
same rows, so that emulator, linker and firmware cannot disagree. All addresses and sizes are in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from emulator.errors import EmulatorError
from emulator.processor import PROCESSORS, Processor

PAGE_SIZE = 4096
ADDRESS_LIMIT = 1 << 32

# Bytes that one byte of address sanitizer's shadow stands for; the compiler's own constant.
SHADOW_GRANULE = 8

Access = Literal["r", "rw", "rx"]

# Whose registers the UART has: the Cortex-M System Design Kit's, or the PrimeCell PL011's.
UartKind = Literal["cmsdk", "pl011"]


@dataclass(frozen=True, slots=True)
class Region:
    """A range of whole pages with one access right. Nothing is both writable and executable.

    Raises EmulatorError for an unknown access, a size of zero, an end beyond 32 bits or a border inside a page.
    """

    name: str
    base: int
    size: int
    access: Access

    def __post_init__(self) -> None:
        if self.access not in get_args(Access):
            raise EmulatorError(f"region {self.name}: access {self.access!r} is unknown, use one of r, rw, rx")
        if self.size <= 0:
            raise EmulatorError(f"region {self.name}: size {self.size} is not positive, give it at least one page")
        if self.base < 0 or self.base + self.size > ADDRESS_LIMIT:
            raise EmulatorError(
                f"region {self.name}: base {self.base:#x} and size {self.size:#x} leave 32 bits, move it"
            )
        if self.base % PAGE_SIZE or self.size % PAGE_SIZE:
            raise EmulatorError(
                f"region {self.name}: base {self.base:#x} or size {self.size:#x} splits a page, align to {PAGE_SIZE}"
            )

    @property
    def end(self) -> int:
        """First address behind the region."""
        return self.base + self.size

    @property
    def writable(self) -> bool:
        """True if the guest may write here."""
        return "w" in self.access

    @property
    def executable(self) -> bool:
        """True if the guest may execute here."""
        return "x" in self.access

    def contains(self, address: int, size: int = 1) -> bool:
        """True if all `size` bytes from `address` lie inside the region."""
        return self.base <= address and address + size <= self.end

    def overlaps(self, other: Region) -> bool:
        """True if the two regions share a byte."""
        return self.base < other.end and other.base < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMap:
    """Where one task's own memory lies; all but `utcb` holds its image. Not every task has a `bulk` or a `utcb`.

    Where the stack is `guarded`, the page below and the page above it belong to no region. `utcb` is the task's control
    page (`emulator.l4.utcb`). An image that `reserves_shared` has room of its own, without contents, where the loader's
    dataspaces lie. A task waits in WFI, or where it comes to the basic block at `wait_at` (Thumb bit cleared).
    """

    name: str
    code: Region
    stack: Region
    data: Region
    bulk: Region | None = None
    utcb: Region | None = None
    guarded: bool = True
    reserves_shared: bool = False
    wait_at: int | None = None

    @property
    def linker_regions(self) -> dict[str, Region]:
        """Where an image's sections may lie, by the names that linker scripts use."""
        return _present(self._linker_names())

    def _linker_names(self) -> dict[str, Region | None]:
        return {"CODE": self.code, "STACK": self.stack, "DATA": self.data, "BULK": self.bulk}

    @property
    def image_regions(self) -> tuple[Region, ...]:
        """Where an image's sections may lie."""
        return tuple(self.linker_regions.values())

    @property
    def control_pages(self) -> tuple[Region, ...]:
        """`utcb`, where the task has one."""
        return () if self.utcb is None else (self.utcb,)

    @property
    def variables(self) -> tuple[Region, ...]:
        """Where the image's variables and working buffers lie."""
        return tuple(_present({"DATA": self.data, "BULK": self.bulk}).values())

    @property
    def image_ram(self) -> tuple[Region, ...]:
        """What the image may write, undefined at power-on."""
        return tuple(region for region in self.image_regions if region.writable)

    @property
    def stack_guards(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The half-open address ranges of the pages that no region owns, below and above the stack."""
        return (self.stack.base - PAGE_SIZE, self.stack.base), (self.stack.end, self.stack.end + PAGE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMap(TaskMap):
    """The crypto service's memory: `filters` beside the rest."""

    filters: Region | None = None

    def _linker_names(self) -> dict[str, Region | None]:
        return {**TaskMap._linker_names(self), "FILTERS": self.filters}


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board's core and memory map.

    `cpu` names a row of `emulator.processor`, which says how the core starts and what its images are built with.
    `qemu_machine` is QEMU's name for the board, empty where QEMU has none. `system_control` is the system control space
    of a core of M profile, and the interrupt controller (GICv2, distributor first) beside one of A profile.

    `banks` are the memories that the hardware has; every region of a task lies in one of them, the peripherals and
    `return_pad` in none. `service` and `gateway` are the tasks' own memories: tasks see the board's addresses, so that
    an image runs unchanged where there is no memory management unit. `kernel_page` to `window` are the dataspaces that
    the loader fills. `host_port` is what the gateway has in the place of a network card: through it the host hands it
    work. `return_pad` and `call_scratch` exist for calls of single C functions and are never touched by the
    firmware itself. `shadow_offset` says where `shadow` lies, which only a sanitized image of the service is granted.
    A board may lack what has a default: a gateway with its host port, devices, the shadow.

    `code` to `filters` of the board are the service's: most of the bench looks at that task alone.

    Raises EmulatorError for an unknown core, overlapping regions, a name used twice, a region outside the banks or a
    stack without guards.
    """

    name: str
    cpu: str
    cpu_hz: int
    qemu_machine: str
    banks: tuple[Region, ...]
    service: ServiceMap
    gateway: TaskMap | None = None
    kernel_page: Region
    entropy_page: Region
    key_storage: Region
    window: Region
    host_port: Region | None = None
    return_pad: Region
    call_scratch: Region
    uart: Region | None = None
    system_control: Region | None = None
    shadow_offset: int | None = None
    uart_kind: UartKind = "cmsdk"

    def __post_init__(self) -> None:
        if self.cpu not in PROCESSORS:
            known = ", ".join(sorted(PROCESSORS))
            raise EmulatorError(f"board {self.name}: cpu {self.cpu!r} is unknown, use one of: {known}")
        if self.uart_kind not in get_args(UartKind):
            known = ", ".join(get_args(UartKind))
            raise EmulatorError(f"board {self.name}: uart_kind {self.uart_kind!r} is unknown, use one of: {known}")
        if self.cpu_hz <= 0:
            raise EmulatorError(
                f"board {self.name}: cpu_hz {self.cpu_hz} is not positive, give the core clock in hertz"
            )
        _check_disjoint(self.name, self.banks)
        _check_disjoint(self.name, self.regions)
        self._check_banks()
        self._check_guards()
        _check_disjoint(self.name, (*self.regions, *self.shadow))

    @property
    def processor(self) -> Processor:
        """What there is to know of the core."""
        return PROCESSORS[self.cpu]

    # ---- tasks and what each is granted ----

    @property
    def tasks(self) -> tuple[TaskMap, ...]:
        """Every task that runs an image."""
        return (self.service,) if self.gateway is None else (self.service, self.gateway)

    def task(self, name: str) -> TaskMap:
        """The task called `name`. Raises EmulatorError that names the known ones."""
        for entry in self.tasks:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.tasks)
        raise EmulatorError(f"board {self.name}: task {name!r} is unknown, use one of: {known}")

    def with_gateway(self) -> tuple[TaskMap, Region]:
        """The gateway's task and its host port. Raises EmulatorError on a board without."""
        if self.gateway is None or self.host_port is None:
            raise EmulatorError(f"board {self.name} has no gateway: use one of the boards that the bench knows by name")
        return self.gateway, self.host_port

    def shared(self, task: TaskMap) -> tuple[Region, ...]:
        """The dataspaces that a task is granted beside its own memory (ISO-2)."""
        if task.name == self.service.name:
            return self.dataspaces
        return (self.kernel_page, self.window, *self._host_ports)

    def devices(self, task: TaskMap) -> tuple[Region, ...]:
        """The device registers that a task may reach: start-up code of the service is written for hardware."""
        return self.peripherals if task.name == self.service.name else ()

    def grants(self, task: TaskMap) -> tuple[Region, ...]:
        """All that a task may touch, and with which access; everything else is a fault (ISO-2, ISO-3)."""
        return (*task.image_regions, *task.control_pages, *self.shared(task), *self.devices(task))

    # ---- the service's regions ----

    @property
    def code(self) -> Region:
        """The service's text and constants."""
        return self.service.code

    @property
    def stack(self) -> Region:
        """The service's stack."""
        return self.service.stack

    @property
    def data(self) -> Region:
        """The service's variables."""
        return self.service.data

    @property
    def bulk(self) -> Region | None:
        """The service's large buffers."""
        return self.service.bulk

    @property
    def filters(self) -> Region | None:
        """The service's nonce filters."""
        return self.service.filters

    @property
    def image_regions(self) -> tuple[Region, ...]:
        """Where sections of the service's image may lie."""
        return self.service.image_regions

    @property
    def stack_guards(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The guard pages of the service's stack."""
        return self.service.stack_guards

    @property
    def ram(self) -> tuple[Region, ...]:
        """What changes while the service runs alone, by itself or by the loader: all that a snapshot has to hold."""
        return (*self.service.image_ram, *self.service.control_pages, *self.dataspaces)

    @property
    def shadow(self) -> tuple[Region, ...]:
        """What address sanitizer needs to know of the service's accesses: a byte for each 8 bytes of banks and devices.

        The shadow of `address` is at `address` / 8 + `shadow_offset`. It is memory that the hardware does not have.
        """
        if self.shadow_offset is None:
            return ()
        return tuple(_shadow_of(region, self.shadow_offset) for region in (*self.banks, *self.peripherals))

    # ---- the whole map ----

    @property
    def dataspaces(self) -> tuple[Region, ...]:
        """What the loader fills and the firmware finds at start."""
        return (self.kernel_page, self.entropy_page, self.key_storage, self.window)

    @property
    def call_regions(self) -> tuple[Region, ...]:
        """What only calls of single functions use."""
        return (self.return_pad, self.call_scratch)

    @property
    def peripherals(self) -> tuple[Region, ...]:
        """Device registers."""
        return tuple(device for device in (self.uart, self.system_control) if device is not None)

    @property
    def _host_ports(self) -> tuple[Region, ...]:
        return () if self.host_port is None else (self.host_port,)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every region, by address."""
        own = [region for task in self.tasks for region in (*task.image_regions, *task.control_pages)]
        everything = (*own, *self.dataspaces, *self._host_ports, *self.call_regions, *self.peripherals)
        return tuple(sorted(everything, key=lambda region: region.base))

    def region_at(self, address: int, size: int = 1) -> Region | None:
        """The region that holds all `size` bytes from `address`, None if there is none."""
        return next((region for region in self.regions if region.contains(address, size)), None)

    def _check_banks(self) -> None:
        outside = (self.return_pad, *self.peripherals)
        for region in self.regions:
            if region in outside:
                if any(bank.overlaps(region) for bank in self.banks):
                    raise EmulatorError(f"board {self.name}: region {region.name} lies in a memory bank, move it out")
            elif not any(bank.contains(region.base, region.size) for bank in self.banks):
                raise EmulatorError(f"board {self.name}: region {region.name} lies in no memory bank, move it into one")

    def _check_guards(self) -> None:
        for low, high in (guard for task in self.tasks if task.guarded for guard in task.stack_guards):
            taken = next((region for region in self.regions if region.base < high and low < region.end), None)
            if taken is not None:
                raise EmulatorError(
                    f"board {self.name}: region {taken.name} takes the guard page {low:#x} of a stack, leave it free"
                )


def _present(regions: Mapping[str, Region | None]) -> dict[str, Region]:
    return {name: region for name, region in regions.items() if region is not None}


def _shadow_of(region: Region, offset: int) -> Region:
    size = max(region.size // SHADOW_GRANULE, PAGE_SIZE)
    base = (region.base // SHADOW_GRANULE + offset) // PAGE_SIZE * PAGE_SIZE
    return Region(f"shadow of {region.name}", base, size, "rw")


def _check_disjoint(board_name: str, regions: Sequence[Region]) -> None:
    names: set[str] = set()
    for region in regions:
        if region.name in names:
            raise EmulatorError(f"board {board_name}: two regions are named {region.name}, rename one")
        names.add(region.name)
    for low, high in pairwise(sorted(regions, key=lambda region: region.base)):
        if low.overlaps(high):
            raise EmulatorError(f"board {board_name}: regions {low.name} and {high.name} overlap, move one")


def _three_banks(
    name: str,
    cpu: str,
    cpu_hz: int,
    qemu_machine: str,
    *,
    text: Region,
    fast: Region,
    large: Region,
    uart: Region,
    system_control: Region,
    shadow_offset: int,
    uart_kind: UartKind = "cmsdk",
) -> Board:
    """A board with memory for text, memory that is written often (4 MiB each) and 16 MiB for what is large.

    The tasks lie in all such boards at the same offsets of the three.
    """
    t, f, m = text.base, fast.base, large.base
    return Board(
        name=name,
        cpu=cpu,
        cpu_hz=cpu_hz,
        qemu_machine=qemu_machine,
        banks=(text, fast, large),
        service=ServiceMap(
            name="service",
            code=Region("code", t, 0x0020_0000, "rx"),
            stack=Region("stack", f + 0x1000, 0x4000, "rw"),
            data=Region("data", f + 0x6000, 0x3_A000, "rw"),
            bulk=Region("bulk", f + 0x4_0000, 0x10_0000, "rw"),
            filters=Region("filters", m, 0x80_0000, "rw"),
            utcb=Region("utcb", m + 0x84_0000, 0x1000, "rw"),
        ),
        gateway=TaskMap(
            name="gateway",
            code=Region("gateway code", t + 0x20_0000, 0x0020_0000, "rx"),
            stack=Region("gateway stack", f + 0x20_1000, 0x4000, "rw"),
            data=Region("gateway data", f + 0x20_6000, 0x3_A000, "rw"),
            bulk=Region("gateway bulk", f + 0x24_0000, 0x10_0000, "rw"),
            utcb=Region("gateway utcb", m + 0x84_2000, 0x1000, "rw"),
        ),
        kernel_page=Region("kernel page", m + 0x80_0000, 0x1000, "r"),
        entropy_page=Region("entropy page", m + 0x80_2000, 0x1000, "rw"),
        key_storage=Region("key storage", m + 0x80_4000, 0xB000, "r"),
        window=Region("window", m + 0x81_0000, 0x2_3000, "rw"),
        host_port=Region("host port", m + 0x85_0000, 0x2_1000, "rw"),
        return_pad=Region("return pad", 0x1FFF_0000, 0x1000, "rx"),
        call_scratch=Region("call scratch", m + 0x90_0000, 0x10_0000, "rw"),
        uart=uart,
        system_control=system_control,
        shadow_offset=shadow_offset,
        uart_kind=uart_kind,
    )


def _mps2(name: str, cpu: str, qemu_machine: str, psram: int = 0x2100_0000, shadow_offset: int = 0x6000_0000) -> Board:
    """Arm MPS2+ with an FPGA image of the Cortex-M System Design Kit.

    Memories and UART0 are where Arm's application note for the image has them; SYSCLK is 25 MHz. The system control
    space is fixed by the architectures ARMv6-M and ARMv7-M.
    """
    return _three_banks(
        name,
        cpu,
        25_000_000,
        qemu_machine,
        text=Region("ssram1", 0x0000_0000, 0x0040_0000, "rx"),
        fast=Region("ssram23", 0x2000_0000, 0x0040_0000, "rw"),
        large=Region("psram", psram, 0x0100_0000, "rw"),
        uart=Region("uart", 0x4000_4000, 0x1000, "rw"),
        system_control=Region("system control", 0xE000_E000, 0x1000, "rw"),
        shadow_offset=shadow_offset,
    )


# Application notes DAI 0383, 0385, 0386 and 0500. QEMU has no machine for AN383; its notes on the others agree.
AN383 = _mps2("an383", "cortex-m0plus", "")
AN385 = _mps2("an385", "cortex-m3", "mps2-an385")
AN386 = _mps2("an386", "cortex-m4", "mps2-an386")
AN500 = _mps2("an500", "cortex-m7", "mps2-an500", psram=0x6000_0000, shadow_offset=0x9000_0000)

# Arm MPS2+ with FPGA image AN505 (application note DAI 0505), as QEMU's mps2-an505 has it. The core starts in Secure
# state, and the memory and peripheral protection controllers let nobody else in: text, SSRAM2 and SSRAM3, and UART0 are
# at their Secure aliases, 0x10000000 above the Non-secure ones. The PSRAM has neither controller nor alias.
AN505 = _three_banks(
    "an505",
    "cortex-m33",
    20_000_000,
    "mps2-an505",
    text=Region("ssram1", 0x1000_0000, 0x0040_0000, "rx"),
    fast=Region("ssram23", 0x3800_0000, 0x0040_0000, "rw"),
    large=Region("psram", 0x8000_0000, 0x0100_0000, "rw"),
    uart=Region("uart", 0x5020_0000, 0x1000, "rw"),
    system_control=Region("system control", 0xE000_E000, 0x1000, "rw"),
    shadow_offset=0x6000_0000,
)

# Arm Versatile Express, motherboard V2M-P1 with CoreTile V2P-CA15, as QEMU's vexpress-a15 has it: three parts of the
# DRAM in the place of three memories. Whatever starts the board has set up DRAM and clocks before.
VEXPRESS_A15 = _three_banks(
    "vexpress-a15",
    "cortex-a15",
    1_000_000_000,
    "vexpress-a15",
    text=Region("dram for text", 0x8000_0000, 0x0040_0000, "rx"),
    fast=Region("dram for variables", 0x8040_0000, 0x0040_0000, "rw"),
    large=Region("dram for pages", 0x8100_0000, 0x0100_0000, "rw"),
    uart=Region("uart", 0x1C09_0000, 0x1000, "rw"),
    system_control=Region("system control", 0x2C00_1000, 0x2000, "rw"),
    shadow_offset=0x6000_0000,
    uart_kind="pl011",
)

BOARDS: tuple[Board, ...] = (AN383, AN385, AN386, AN500, AN505, VEXPRESS_A15)


def board(name: str, boards: Iterable[Board] = BOARDS) -> Board:
    """The board called `name`.

    Raises EmulatorError that names the known boards.
    """
    known = {entry.name: entry for entry in boards}
    try:
        return known[name]
    except KeyError:
        raise EmulatorError(f"board {name!r} is unknown, use one of: {', '.join(sorted(known))}") from None
