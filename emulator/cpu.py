# SPDX-License-Identifier: GPL-2.0-or-later
"""One ARM core: a Unicorn engine driven by the native core. Every quirk of the engine is handled here or in
`native/`, and explained where it is handled; `hil doctor` tests that each still holds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import unicorn  # loads libunicorn before the binding, which finds it by its soname
from unicorn import arm_const as arm

from emulator.board import Region
from emulator.errors import EmulatorError
from emulator.native import _core
from emulator.processor import State, processor

ffi, lib = _core.ffi, _core.lib

# UC_MODE_MCLASS would force a Cortex-M33 whatever model is set, so the mode is plain Thumb and the model decides.
_MODES: dict[State, int] = {"thumb": unicorn.UC_MODE_THUMB, "arm": unicorn.UC_MODE_ARM}

# The engine's name for each core of emulator.processor. It has no Cortex-M0+, whose instructions are a Cortex-M0's.
MODELS = {
    "cortex-m0plus": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": arm.UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": arm.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
    "cortex-a7": arm.UC_CPU_ARM_CORTEX_A7,
    "cortex-a15": arm.UC_CPU_ARM_CORTEX_A15,
}

_ACCESS = {"r": lib.CORE_READ, "rw": lib.CORE_READ | lib.CORE_WRITE, "rx": lib.CORE_READ | lib.CORE_EXECUTE}

# QEMU's exception numbers, as UC_HOOK_INTR reports them.
EXCEPTION_UNDEFINED = 1
EXCEPTION_SUPERVISOR_CALL = 2
EXCEPTION_DATA_ABORT = 4
EXCEPTION_BREAKPOINT = 7
# A branch to an address that means the return from an exception, or from a Non-secure function (ARMv8-M). A task
# handles no exceptions: it is a branch to where nobody may execute.
EXCEPTION_RETURN = 8


_WATCH_EVENTS = 16


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A second read of `size` bytes at `address`, or a read of what must not be read: its size is 0, its page known."""

    address: int
    size: int
    forbidden: bool


class Device(Protocol):
    """Memory-mapped registers; offsets in bytes from the device's base, sizes 1, 2 or 4."""

    def read(self, offset: int, size: int) -> int: ...
    def write(self, offset: int, size: int, value: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Registers:
    """The core registers, the special ones included; a plain value that survives the engine.

    A core of A profile has `xpsr` where its CPSR is, and neither `primask` nor `control`: both are 0.
    """

    r0: int
    r1: int
    r2: int
    r3: int
    r4: int
    r5: int
    r6: int
    r7: int
    r8: int
    r9: int
    r10: int
    r11: int
    r12: int
    sp: int
    lr: int
    pc: int
    xpsr: int
    primask: int
    control: int

    def as_dict(self) -> dict[str, int]:
        """Register name to value, in the order of the fields."""
        return {name: getattr(self, name) for name in REGISTER_NAMES}


REGISTER_NAMES = tuple(field.name for field in fields(Registers))
_REGISTER_IDS = {name: getattr(arm, f"UC_ARM_REG_{name.upper()}") for name in REGISTER_NAMES}
_A_PROFILE_REGISTER_IDS = {
    **{name: number for name, number in _REGISTER_IDS.items() if name not in ("primask", "control")},
    "xpsr": arm.UC_ARM_REG_CPSR,
}


class Cpu:
    """A core with its grants.

    Memory is host memory shared with the engine; what the guest may touch is only what `grant` gave it. The engine
    runs under its virtual TLB, whose fill callback enforces the grants: that also keeps RAM execute-never, without
    which every store would take the engine's slow path for self-modifying code.
    """

    def __init__(self, model: str, until: int) -> None:
        core = processor(model)
        self.state: State = core.state
        self._register_ids = _REGISTER_IDS if core.profile == "M" else _A_PROFILE_REGISTER_IDS
        self.engine = unicorn.Uc(unicorn.UC_ARCH_ARM, _MODES[core.state])
        self.engine.ctl_set_cpu_model(MODELS[model])
        self._core = lib.core_new(ffi.cast("void *", self.engine._uch.value), until, core.state == "arm")
        if self._core == ffi.NULL:
            raise EmulatorError("the engine refused its hooks: is unicorn 2.1.4 installed? run `hil doctor`")
        self._run = lib.core_run
        self._keep: list[object] = []
        self._general = ffi.new("uint32_t[]", lib.CORE_GENERAL_REGISTERS)
        self._power_on = self.engine.context_save()

    def close(self) -> None:
        """Release the native core and the hold on host memory; the Cpu is unusable afterwards.

        The garbage collector crashes CPython 3.11 when it frees such a hold together with the view that it is of.
        """
        if self._core != ffi.NULL:
            lib.core_free(self._core)
            self._core = ffi.NULL
            self._keep.clear()

    @property
    def native(self) -> object:
        """The native core, for whoever drives it from C."""
        return self._core

    # ---- memory ----

    def map_device(self, region: Region, device: Device) -> None:
        """Let the guest reach a device. Devices are for start-up code: each access is a call into Python."""
        self.engine.mmio_map(
            region.base,
            region.size,
            lambda _uc, offset, size, _data: device.read(offset, size),
            None,
            lambda _uc, offset, size, value, _data: device.write(offset, size, value),
            None,
        )
        self._grant(region, ffi.NULL)

    def grant(self, region: Region, memory: memoryview) -> None:
        """Let the guest touch a region, with the region's access, over writable host memory of its size.

        Only what is granted is known to the engine at all. Raises EmulatorError where another region is already.
        """
        host = ffi.from_buffer("uint8_t[]", memory, require_writable=True)
        try:
            self.engine.mem_map_ptr(region.base, region.size, unicorn.UC_PROT_ALL, int(ffi.cast("uintptr_t", host)))
        except unicorn.UcError as error:
            raise EmulatorError(f"region {region.name}: not mapped ({error}), is its place taken?") from error
        self._keep.append(host)
        self._grant(region, ffi.cast("uint8_t *", host))

    def _grant(self, region: Region, host: object) -> None:
        if not lib.core_grant(self._core, region.base, region.size, _ACCESS[region.access], host):
            raise EmulatorError(f"region {region.name}: not granted, too many regions or no memory")

    def forget_translations(self) -> None:
        """Drop translated code: the engine does not see that the host changed it, or its hooks."""
        lib.core_forget_translations(self._core)

    # ---- registers ----

    def registers(self) -> Registers:
        """All registers; pc is where the next run starts."""
        values = dict.fromkeys(REGISTER_NAMES, 0)
        values |= {name: self.engine.reg_read(number) for name, number in self._register_ids.items()}
        values["pc"] = lib.core_pc(self._core)
        return Registers(**values)

    def general_registers(self) -> tuple[int, ...]:
        """r0 to r12, then lr and sp; a fast way to the registers that hold data."""
        lib.core_general_registers(self._core, self._general)
        return tuple(self._general)

    def set_registers(self, values: dict[str, int]) -> None:
        """Set registers by name; the others keep their values."""
        for name, value in values.items():
            if name == "pc":
                lib.core_set_pc(self._core, value)
            else:
                self.engine.reg_write(self._register_ids[name], value)

    def power_on(self) -> None:
        """Registers as after reset."""
        self.engine.context_restore(self._power_on)

    @property
    def pc(self) -> int:
        """Where the next run starts."""
        return int(lib.core_pc(self._core))

    # ---- run ----

    def run(self, budget: int) -> int:
        """Run until a stop, for at most `budget` instructions (whole blocks); returns one of lib.CORE_*."""
        return int(self._run(self._core, budget))

    @property
    def instructions(self) -> int:
        """Guest instructions of the last run: exact when it ended idle."""
        return int(lib.core_instructions(self._core))

    @property
    def executed(self) -> int:
        """Guest instructions of the last run, exact where it ended idle or with its budget."""
        return int(lib.core_executed(self._core))

    def locate_fault(self) -> int:
        """Exact address of the access that no grant covered, after a run that ended with lib.CORE_DENIED."""
        return int(lib.core_locate_fault(self._core))

    @property
    def fault_access(self) -> int:
        """lib.CORE_READ, CORE_WRITE or CORE_EXECUTE of that access."""
        return int(lib.core_fault_access(self._core))

    @property
    def unaligned_address(self) -> int | None:
        """Where the access went that `check_alignment` ended the last run for."""
        return int(lib.core_unaligned_address(self._core)) or None

    @property
    def exception_number(self) -> int:
        """Number of the last processor exception."""
        return int(lib.core_exception_number(self._core))

    @property
    def engine_error(self) -> str:
        """The engine's own message about the last run."""
        return str(unicorn.UcError(lib.core_engine_error(self._core)))

    def last_blocks(self, count: int) -> tuple[int, ...]:
        """Start addresses of the last basic blocks, newest first."""
        out = ffi.new("uint32_t[]", count)
        return tuple(out[0 : lib.core_last_blocks(self._core, out, count)])

    def check_alignment(self) -> None:
        """From now on unaligned accesses end a run as on hardware; see core_check_alignment. For good, and slow."""
        if not lib.core_check_alignment(self._core):
            raise EmulatorError("the engine refused a hook of memory accesses: run `hil doctor`")

    # ---- breakpoints and snapshots ----

    def wait_at(self, address: int) -> None:
        """Count as idle what comes to the basic block at `address` (Thumb bit cleared), as well as a WFI."""
        lib.core_wait_at(self._core, address)

    def add_breakpoint(self, address: int) -> None:
        """Stop before the basic block that starts at `address`.

        Blocks translated earlier may run across the address: they are dropped.
        """
        if not lib.core_breakpoint(self._core, address & ~1):
            raise EmulatorError("too many breakpoints, remove some")
        self.forget_translations()

    def clear_breakpoints(self) -> None:
        """Remove every breakpoint."""
        lib.core_clear_breakpoints(self._core)

    def snapshot(self, hot: tuple[tuple[int, int], ...]) -> None:
        """Remember memory and registers for `restore`; `hot` ranges (address, size) are copied each time."""
        lib.core_drop_snapshot(self._core)
        for address, size in hot:
            if not lib.core_hot_range(self._core, address, size):
                raise EmulatorError(f"hot range {address:#x} is outside the granted regions or one too many")
        if not lib.core_snapshot(self._core):
            raise EmulatorError("no memory for a snapshot")

    def restore(self) -> None:
        """Back to the snapshot."""
        lib.core_restore(self._core)

    def drop_snapshot(self) -> None:
        """Memory is no longer tracked; restore does nothing."""
        lib.core_drop_snapshot(self._core)

    def touch(self, address: int, size: int) -> None:
        """The host is about to write here: keep what the snapshot needs."""
        lib.core_touch(self._core, address, size)

    # ---- a run again, and what it reads of shared memory ----

    def checkpoint(self) -> None:
        """Remember memory and registers for `rollback`, until the next checkpoint, snapshot or restore."""
        if not lib.core_checkpoint(self._core):
            raise EmulatorError("no memory for a checkpoint")

    def rollback(self) -> None:
        """Back to the checkpoint, which stays."""
        if not lib.core_rollback(self._core):
            raise EmulatorError("there is no checkpoint to go back to")

    def end_checkpoint(self) -> None:
        """Stop keeping what runs overwrite."""
        lib.core_end_checkpoint(self._core)

    def watch_reads(self, fetched: tuple[int, int], unread: tuple[int, int]) -> None:
        """Name two ranges (address, size; whole pages): bytes to be read once at most, and not at all. Once only."""
        if not lib.core_watch(self._core, *fetched, *unread):
            raise EmulatorError("these ranges cannot be watched: whole granted pages, and only one pair for a machine")

    def arm_watch(self, on: bool) -> None:
        """Forget what was read so far, and watch from now on, or not."""
        lib.core_watch_arm(self._core, on)

    def watch_events(self) -> tuple[WatchEvent, ...]:
        """The first events since the watch was armed."""
        out = ffi.new("struct core_read[]", _WATCH_EVENTS)
        count = lib.core_watch_events(self._core, out, _WATCH_EVENTS)
        return tuple(WatchEvent(out[i].address, out[i].size, bool(out[i].forbidden)) for i in range(count))

    def start_trace(self, limit: int) -> object:
        """The native core's trace; see emulator.trace."""
        trace = lib.core_trace_new(self._core, limit)
        if trace == ffi.NULL:
            raise EmulatorError("no memory for a trace")
        return trace

    def start_coverage(self) -> object:
        """The native core's record of blocks; see emulator.coverage."""
        coverage = lib.core_coverage_new(self._core)
        if coverage == ffi.NULL:
            raise EmulatorError("no memory for coverage")
        return coverage
