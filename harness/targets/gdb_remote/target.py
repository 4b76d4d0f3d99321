# SPDX-License-Identifier: GPL-2.0-or-later
"""The service on a core behind a stub: the same image, loaded byte for byte, with the debugger in the loader's place.

The core stands still between requests, in front of the WFI in which the service waits. A breakpoint is there, so that
the stub says by itself when a request is done; the core goes on behind the WFI, which need not wait: the doorbell has
rung. Where the WFI is, the first boot shows; no symbols are needed.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from typing import Final, NoReturn

from emulator.board import Board
from emulator.image import Image
from emulator.stop import Fault
from emulator.symbols import Symbols
from harness.protocol import commands as table
from harness.protocol.codec import HEADER, Response, decode_response
from harness.targets.base import CLOCK, RESET, STEP, TargetError, TargetStopped
from harness.targets.gdb_remote import post_mortem
from harness.targets.gdb_remote.description import REGISTER_NAMES
from harness.targets.gdb_remote.stub import SIGINT, Stub

# How the monitors of OpenOCD and pyOCD, of J-Link, and of QEMU are told to reset the core and to leave it halted.
RESET_COMMANDS: Final = ("reset halt", "reset", "system_reset")

_THUMB_STATE: Final = 1 << 24
_FLAGS: Final = 0xF800_0000  # N Z C V Q of xpsr
_VECTOR_TABLE_OFFSET: Final = 0xE000_ED08  # VTOR
_WFI: Final = b"\x30\xbf"
_BKPT: Final = 0xBE

# Where nothing says that the core has done its work, it is stopped and looked at: soon at first, then more seldom.
_FIRST_LOOK: Final = 0.002
_LONGEST_LOOK: Final = 0.02
_LOOK_BESIDE_BREAKPOINT: Final = 0.25
# QEMU reports about one step in a thousand as done without having executed anything. Every instruction moves the
# program counter, save for a branch to itself, which does no harm twice.
_STEP_ATTEMPTS: Final = 4
_GRACE: Final = 2.0  # without a breakpoint, a core that waits has this long to see the doorbell, on a busy machine too

_KERNEL_PAGE: Final = struct.Struct("<IIQ")
_DOORBELLS: Final = struct.Struct("<II")
_DOORBELL: Final = struct.Struct("<I")


def require_known_core(board: Board, name: str) -> None:
    """Raises TargetError for a board that the target `name`, behind a stub, cannot start or watch waiting."""
    if board.processor.profile != "M":
        raise TargetError(f"board {board.name}: {name} starts cores of M profile alone, take the target emulated")
    if board.service.wait_at is not None:
        raise TargetError(f"board {board.name}: {name} knows of waiting by WFI alone, take the target emulated")


class RemoteTarget:
    """Target on a core behind a stub, which this owns from now on.

    Raises TargetError when the image cannot be put into the core's memory.
    """

    capabilities = frozenset({CLOCK, RESET, STEP})

    def __init__(
        self, stub: Stub, board: Board, image: Image, name: str, reset_commands: Sequence[str] = RESET_COMMANDS
    ) -> None:
        self.name = name
        self.board = board
        self.image = image
        self.symbols = Symbols(image)
        self._reset_commands = tuple(reset_commands)
        self._clock = 0
        self._attach(stub)

    def _attach(self, stub: Stub) -> None:
        """Use this stub, of whose core nothing is known, from now on."""
        self.stub = stub
        self._key_image: bytes | None = None  # what the key storage holds, where it is known
        self._booted = False
        self._wfi: int | None = None  # where the service waits, once that is known
        self._breaks = False  # whether a breakpoint is there
        self._idle = False  # the core stands there
        self._rung = 0
        self._used = [table.AREA_SIZE, table.AREA_SIZE]  # bytes of request and response area that may not be zero
        try:
            self._load()
        except TargetError:
            stub.connection.close()
            raise

    # ---- Target ----

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot. The core is reset; memory that no loader fills keeps what it holds, as on hardware."""
        if len(entropy) != table.ENTROPY_SIZE:
            raise TargetError(f"{len(entropy)} bytes of entropy: give {table.ENTROPY_SIZE}")
        self._booted = self._idle = False
        if self._breaks and self._wfi is not None:
            self.stub.clear_break(self._wfi)
            self._breaks = False
        self._reset()
        self._load()
        page = self.board.kernel_page
        fields = _KERNEL_PAGE.pack(table.KERNEL_PAGE_MAGIC, table.KERNEL_PAGE_VERSION, self._clock)
        self.stub.write(page.base, fields.ljust(page.size, b"\0"))
        page = self.board.entropy_page
        self.stub.write(page.base, entropy.ljust(page.size, b"\0"))
        self._key_image = None
        self.write_key_image(key_image)
        self._clear_window()
        self._run_until_idle(self.stub.connection.timeouts.boot)
        self._breaks = self._wfi is not None and self.stub.break_at(self._wfi)
        if self._breaks:
            self._run_until_idle(self.stub.connection.timeouts.boot)  # from inside its WFI to the place in front of it
        self._booted = True

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange."""
        self._post(request)
        header = self._answer()
        length = HEADER.unpack(header)[4]
        held = min(length, table.MAX_PAYLOAD)
        self._used[1] = max(self._used[1], table.HEADER_SIZE + held)
        payload = b""
        if held:
            (payload,) = self.stub.read((self._window(table.WINDOW_RESPONSE) + table.HEADER_SIZE, held))
        return decode_response(header + payload)

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        if not 0 <= microseconds < 1 << 64:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit")
        self._clock = microseconds
        if self._booted:
            self.stub.write(self.board.kernel_page.base + table.KERNEL_PAGE_CLOCK, struct.pack("<Q", microseconds))

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image. What the storage holds already is not sent again."""
        if len(image) > table.KEY_STORAGE_SIZE:
            raise TargetError(f"a key image of {len(image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size")
        new, old = image.ljust(table.KEY_STORAGE_SIZE, b"\0"), self._key_image
        self._key_image = new
        if old is None:
            self.stub.write(self.board.key_storage.base, new)
        elif old != new:
            first = next(place for place, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1])
            last = next(place for place in reversed(range(len(new))) if old[place] != new[place])
            self.stub.write(self.board.key_storage.base + first, new[first : last + 1])

    def close(self) -> None:
        """See Target.close. The core is left as it stands."""
        self._booted = False
        self.stub.connection.close()

    # ---- SteppableTarget ----

    def begin(self, request: bytes) -> None:
        """See SteppableTarget.begin."""
        self._post(request)
        self._leave_wfi()
        self.stub.flush()

    def step(self) -> None:
        """See SteppableTarget.step."""
        self._idle = False
        before = registers = self.stub.registers()
        for _ in range(_STEP_ATTEMPTS):
            self.stub.step()
            registers = self.stub.registers()
            if registers != before:
                break
        if registers["xpsr"] & post_mortem.EXCEPTION_NUMBER in post_mortem.FAULTS:
            self._stopped(str(self._fault(registers)))

    def registers(self) -> tuple[int, ...]:
        """See SteppableTarget.registers."""
        registers = self.stub.registers()
        registers["xpsr"] &= _FLAGS
        return tuple(registers.values())

    def answered(self) -> bool:
        """See SteppableTarget.answered."""
        (content,) = self.stub.read((self._window(table.WINDOW_RESPONSE_DOORBELL), _DOORBELL.size))
        return bool(_DOORBELL.unpack(content)[0] == self._rung)

    # ---- set-up ----

    def _load(self) -> None:
        """Put the image into memory where it is not there already, and read it back."""
        segments = [segment for segment in self.image.segments if segment.data]
        ranges = [(segment.load_address, len(segment.data)) for segment in segments]
        for attempt in ("look", "write"):
            found = self.stub.read(*ranges)
            differing = [segment for segment, content in zip(segments, found, strict=True) if content != segment.data]
            if not differing:
                return
            if attempt == "look":
                for segment in differing:
                    self.stub.write(segment.load_address, segment.data)
        if self.stub.read(*ranges) != [segment.data for segment in segments]:
            raise TargetError(
                f"{self.name}: memory at {differing[0].load_address:#010x} does not hold what was written there; where "
                f"it is flash, program {self.image.path.name} with the stub's own tool first"
            )

    def _reset(self) -> None:
        """Reset the core, and put it at the image's start whatever else the reset has left it at."""
        base = self.board.code.base
        sp, pc = struct.unpack("<II", self.stub.read((base, 8))[0])
        self._reset_core(pc & ~1)
        if self.stub.read((_VECTOR_TABLE_OFFSET, 4))[0] != struct.pack("<I", base):
            self.stub.write(_VECTOR_TABLE_OFFSET, struct.pack("<I", base))
            if self.stub.read((_VECTOR_TABLE_OFFSET, 4))[0] != struct.pack("<I", base):
                raise TargetError(
                    f"{self.name}: the vector table cannot be put at {base:#010x}, where the image has it"
                )
        start = dict.fromkeys(REGISTER_NAMES, 0) | {"sp": sp, "lr": 0xFFFF_FFFF, "pc": pc & ~1, "xpsr": _THUMB_STATE}
        for name, value in start.items():
            self.stub.set_register(name, value)

    def _reset_core(self, start: int) -> None:
        """Try the commands that may reset it, until one takes the program counter away from a place it was put at."""
        mark = start ^ 4
        for command in self._reset_commands:
            self.stub.set_register("pc", mark)
            self.stub.monitor(command)
            registers = self.stub.registers()
            if registers["pc"] != mark and not registers["xpsr"] & post_mortem.EXCEPTION_NUMBER:
                self._reset_commands = (command,)
                return
        tried = ", ".join(f"`monitor {command}`" for command in self._reset_commands)
        raise TargetError(f"{self.name}: the stub does not reset its core; tried {tried}")

    def _clear_window(self) -> None:
        """Zero in the window whatever may not be, doorbells included."""
        self.stub.write(self._window(0), bytes(_DOORBELLS.size))
        for area, used in zip((table.WINDOW_REQUEST, table.WINDOW_RESPONSE), self._used, strict=True):
            self.stub.write(self._window(area), bytes(used))
        self._used = [0, 0]
        self._rung = 0

    # ---- exchanges ----

    def _window(self, offset: int) -> int:
        return self.board.window.base + offset

    def _post(self, request: bytes) -> None:
        """Write a request over the one before, and ring; the service waits."""
        if not self._booted:
            raise TargetError(f"{self.name} is not running: call boot() first")
        if not self._idle:
            self._run_until_idle(self.stub.connection.timeouts.exchange)
        if len(request) > table.AREA_SIZE:
            raise TargetError(f"a request of {len(request)} bytes does not fit: {table.AREA_SIZE} is the size")
        self.stub.write(self._window(table.WINDOW_REQUEST), request.ljust(self._used[0], b"\0"))
        self._used[0] = len(request)
        self._rung = (self._rung + 1) & 0xFFFF_FFFF
        self.stub.write(self._window(table.WINDOW_REQUEST_DOORBELL), _DOORBELL.pack(self._rung))

    def _answer(self) -> bytes:
        """The response's header. Raises TargetStopped when the service waits again, faults, or takes too long."""
        until = time.monotonic() + (0 if self._breaks else _GRACE)
        while True:
            doorbell, header = self._run_until_idle(self.stub.connection.timeouts.exchange)
            (answered,) = _DOORBELL.unpack(doorbell)
            if answered == self._rung:
                return header
            if time.monotonic() >= until:
                self._stopped(f"request doorbell {self._rung}, response doorbell {answered}: not answered")

    def _run_until_idle(self, seconds: float) -> list[bytes]:
        """Response doorbell and response header when the core waits again.

        Raises TargetStopped when it faults, or does not wait within `seconds`.
        """
        until = time.monotonic() + seconds
        pause = _LOOK_BESIDE_BREAKPOINT if self._breaks else _FIRST_LOOK
        self._leave_wfi()
        while True:
            signal = self._run(pause)
            registers, answer = self.stub.look(
                (self._window(table.WINDOW_RESPONSE_DOORBELL), _DOORBELL.size),
                (self._window(table.WINDOW_RESPONSE), table.HEADER_SIZE),
            )
            if self._waits(signal, registers):
                self._idle = True
                return answer
            if time.monotonic() >= until:
                self._stopped(f"not idle after {seconds:g} s, at {self._where(registers)}")
            if not self._breaks:
                pause = min(2 * pause, _LONGEST_LOOK)

    def _run(self, seconds: float) -> int:
        """Let the core run for at most so long; the signal by which it has stopped."""
        self.stub.resume()
        stop = self.stub.wait(seconds) or self.stub.interrupt()
        return stop.signal

    def _leave_wfi(self) -> None:
        """Go on behind the wait: where a run of the emulator ends."""
        if self._idle and self._wfi is not None:
            self.stub.set_register("pc", self._wfi + len(_WFI))
        self._idle = False

    def _waits(self, signal: int, registers: dict[str, int]) -> bool:
        """Whether the core that has just stopped is at its wait. Raises TargetStopped when it cannot go on."""
        exception = registers["xpsr"] & post_mortem.EXCEPTION_NUMBER
        if exception in post_mortem.FAULTS:
            self._stopped(self._fault(registers).report())
        pc = registers["pc"]
        if signal != SIGINT and self._code(pc)[1:] == bytes((_BKPT,)):
            self._stopped(f"breakpoint instruction, in {self._where(registers)}")
        if self._breaks:  # asked to stop right behind the WFI, it has perhaps not run yet
            return pc == self._wfi and signal != SIGINT
        wfi = next((place for place in (pc, pc - len(_WFI)) if self._code(place) == _WFI), None)
        if exception or wfi is None:
            return False
        self._wfi = wfi
        return True

    def _code(self, address: int) -> bytes:
        """The two bytes of the image at an address; none outside of it."""
        for segment in self.image.segments:
            offset = address - segment.virtual_address
            if 0 <= offset < len(segment.data):
                return segment.data[offset : offset + 2]
        return b""

    # ---- what went wrong ----

    def _stopped(self, description: str) -> NoReturn:
        self._booted = False
        raise TargetStopped(description)

    def _where(self, registers: dict[str, int]) -> str:
        if registers["xpsr"] & post_mortem.EXCEPTION_NUMBER:  # the tick's handler: what it has interrupted
            registers = post_mortem.before(registers, self.stub.peek)
        frames = post_mortem.chain(registers, self.stub.peek, self.symbols)
        return frames[0] if frames else f"{registers['pc']:#010x}"

    def _fault(self, registers: dict[str, int]) -> Fault:
        return post_mortem.fault(registers, self.stub.peek, self.symbols)
