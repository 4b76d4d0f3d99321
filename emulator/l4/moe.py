# SPDX-License-Identifier: GPL-2.0-or-later
"""Moe owns the board's memory: it makes dataspaces, grants them to tasks and loads their images."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping

from emulator.board import Access, Region
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.dataspace import Dataspace
from emulator.l4.task import Task


class Moe:
    """The memory banks and every dataspace in them. What it has granted to nobody, nobody can touch.

    `lent` is host memory by the name of the dataspace that is to be over it, in the place of a bank's: memory that
    another process shares, say.
    """

    def __init__(self, banks: Iterable[Region], lent: Mapping[str, memoryview] | None = None) -> None:
        self._banks = [(bank, memoryview(mmap.mmap(-1, bank.size))) for bank in banks]
        self._lent = dict(lent or {})
        self._elsewhere: list[tuple[Region, memoryview]] = []
        self._dataspaces: dict[str, Dataspace] = {}

    @property
    def dataspaces(self) -> tuple[Dataspace, ...]:
        """All of them, in the order in which they were made."""
        return tuple(self._dataspaces.values())

    def dataspace(self, name: str) -> Dataspace:
        """The dataspace called `name`. Raises EmulatorError that names the known ones."""
        try:
            return self._dataspaces[name]
        except KeyError:
            known = ", ".join(self._dataspaces)
            raise EmulatorError(f"there is no dataspace {name!r}, use one of: {known}") from None

    def create(self, region: Region) -> Dataspace:
        """A new dataspace at `region`, zero-filled.

        Raises EmulatorError outside the banks, over another dataspace, for a name that is taken, or where the memory
        that was lent for it has another size.
        """
        if region.name in self._dataspaces:
            raise EmulatorError(f"dataspace {region.name}: there is one of this name, choose another")
        taken = next((each for each in self._dataspaces.values() if each.region.overlaps(region)), None)
        if taken is not None:
            raise EmulatorError(f"dataspace {region.name}: overlaps dataspace {taken.name}, move it")
        memory = self.view(region.base, region.size)
        if region.name in self._lent:
            memory = self._lent[region.name]
            if memory.nbytes != region.size:
                raise EmulatorError(
                    f"dataspace {region.name}: {memory.nbytes} bytes were lent for it, it has {region.size}"
                )
            self._elsewhere.append((region, memory))
        made = Dataspace(region, memory)
        made.fill(0)
        self._dataspaces[region.name] = made
        return made

    def grant(self, dataspace: Dataspace, task: Task, access: Access | None = None) -> None:
        """Let `task` touch `dataspace`, by default with all the access that it allows.

        Raises EmulatorError for a dataspace that is not Moe's own, more access than it allows, or a second grant.
        """
        region = dataspace.region
        if self._dataspaces.get(dataspace.name) is not dataspace:
            raise EmulatorError(f"dataspace {dataspace.name} is not Moe's to grant, create it first")
        if access is not None and not set(access) <= set(region.access):
            raise EmulatorError(f"dataspace {dataspace.name} is {region.access}, it cannot be granted {access}")
        granted = Region(region.name, region.base, region.size, access or region.access)
        task.map_memory(granted, dataspace.memory)

    def load(self, image: Image, task: Task) -> None:
        """Copy the image's segments to their load addresses, which have to be in memory that `task` was granted.

        Raises EmulatorError otherwise; then nothing has been written.
        """
        for segment in image.segments:
            _check_granted(task, segment.load_address, segment.load_end)
        for segment in image.segments:
            self.view(segment.load_address, len(segment.data))[:] = segment.data
        task.cpu.forget_translations()

    def view(self, address: int, size: int) -> memoryview:
        """Host memory behind `size` bytes at `address`, granted or not.

        Raises EmulatorError outside the banks, and for a range of which only a part is memory that was lent.
        """
        for region, memory in (*self._elsewhere, *self._banks):
            if region.contains(address, size):
                return memory[address - region.base : address - region.base + size]
            if address < region.end and region.base < address + size:
                break
        raise EmulatorError(f"no memory at {address:#010x}..{address + size:#010x}")


def _check_granted(task: Task, start: int, end: int) -> None:
    address = start
    while address < end:
        region = task.region_at(address)
        if region is None:
            raise EmulatorError(
                f"task {task.name}: its image has data at {address:#010x}, where it owns nothing; link it for this task"
            )
        address = region.end
