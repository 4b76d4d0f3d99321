# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual devices held at full rate for a while, beside clients that behave badly, and what that leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.default_keys import AES_KEY_ID
from harness.protocol import codec
from harness.protocol.commands import GCM_NONCE_SIZE, GCM_TAG_SIZE, Status
from harness.protocol.device_socket import RING
from harness.serve import window_object
from harness.serve.background import Background, Usage, background_server
from harness.targets.base import TargetError
from harness.targets.device import DeviceConnection, DeviceTarget

MEMORY_SLACK: Final = 0.02  # of the resident memory, that may come and go without being a leak
UNKNOWN_TYPE: Final = 0x7F
REFUSALS: Final = 50  # between two texts there and back; the nonce window (NON-4) then lasts for hours
WARM_UP_S: Final = 3


@dataclass(frozen=True, slots=True)
class Load:
    """What was done in `seconds`, and what server and devices took at the start, at the end and behind the end."""

    seconds: float
    executions: int
    misbehaved: int
    before: Usage
    after: Usage
    left: Usage

    @property
    def leaks(self) -> tuple[str, ...]:
        """What is more at the end than at the start."""
        grown = [
            f"{name}: {getattr(self.before, name)} at the start, {getattr(self.after, name)} at the end"
            for name in ("processes", "descriptors", "objects")
            if getattr(self.after, name) > getattr(self.before, name)
        ]
        if self.after.memory_kib > self.before.memory_kib * (1 + MEMORY_SLACK):
            grown.append(f"memory: {self.before.memory_kib} KiB at the start, {self.after.memory_kib} at the end")
        if self.left.processes > 1:
            grown.append(f"{self.left.processes - 1} devices outlive their clients")
        return tuple(grown)


def hold(seconds: float, clients: int) -> Load:
    """`clients` at full rate for `seconds`, each answer checked, beside one that misbehaves all the time.

    Raises TargetError where a well-behaved client is not served, or not as it should be.
    """
    spawn = multiprocessing.get_context("spawn")
    options = ("--clock", "paced", "--max-clients", str(clients + 4))
    with background_server(*options) as server, ProcessPoolExecutor(clients + 1, mp_context=spawn) as pool:
        enough = server.path.with_name("enough")
        began = time.monotonic()
        steady = [pool.submit(keep_busy, server.path, enough, seed) for seed in range(clients)]
        # The first round of misdeeds is over when whatever is made once has been made.
        pool.submit(misbehave, server.path, began + WARM_UP_S).result()
        before = _settled(server, clients)
        misbehaved = pool.submit(misbehave, server.path, began + seconds).result()
        after = _settled(server, clients)
        enough.touch()
        executions = sum(each.result() for each in steady)
        taken = time.monotonic() - began
        return Load(taken, executions, misbehaved, before, after, _settled(server, 0))


def _settled(server: Background, devices: int) -> Usage:
    """What it takes, once no more devices run than there are clients, or after a while all the same."""
    until = time.monotonic() + 5
    while len(server.devices) != devices and time.monotonic() < until:
        time.sleep(0.05)
    return server.usage()


def keep_busy(path: Path, enough: Path, seed: int) -> int:
    """Refused requests, and now and then a text there and back, until `enough` exists; returns the exchanges."""
    chance = random.Random(seed)
    refused = codec.encode_request(UNKNOWN_TYPE)
    exchanges = 0
    with DeviceTarget(path) as device:
        while not enough.exists():
            for _ in range(REFUSALS):
                _expect(device.exchange(refused).status, Status.INVALID_TYPE)
            text = chance.randbytes(64)
            sealed = device.exchange(codec.aes_encrypt(AES_KEY_ID, b"", text))
            _expect(sealed.status, Status.SUCCESS)
            nonce, rest = sealed.payload[:GCM_NONCE_SIZE], sealed.payload[GCM_NONCE_SIZE:]
            ciphertext, tag = rest[:-GCM_TAG_SIZE], rest[-GCM_TAG_SIZE:]
            opened = device.exchange(codec.aes_decrypt(AES_KEY_ID, nonce, b"", ciphertext, tag))
            _expect(opened.status, Status.SUCCESS)
            if opened.payload != text:
                raise TargetError("another text came back")
            exchanges += REFUSALS + 2
    return exchanges


def _expect(got: Status, wanted: Status) -> None:
    if got is not wanted:
        raise TargetError(f"a well-behaved client got {got.name} in the place of {wanted.name}")


def misbehave(path: Path, until: float) -> int:
    """One connection after the other, each ended badly, every misdeed once and then until then; returns their count."""
    chance = random.Random(0)
    count = 0
    while True:
        for misdeed in MISDEEDS:
            connection = DeviceConnection(path)
            try:
                misdeed(connection, chance)
            except TargetError:
                pass  # it was refused, or its device ended: that is what it has asked for
            finally:
                connection.close()
            count += 1
        if time.monotonic() >= until:
            return count


def _hang_up_in_a_request(connection: DeviceConnection, _: random.Random) -> None:
    os.write(connection.fileno(), RING)


def _flood(connection: DeviceConnection, _: random.Random) -> None:
    """Rings and never reads an answer, until the device waits for that."""
    os.set_blocking(connection.fileno(), False)
    try:
        for _ring in range(1000):
            os.write(connection.fileno(), RING)
    except BlockingIOError:
        return


def _scribble(connection: DeviceConnection, chance: random.Random) -> None:
    for _ in range(100):
        connection.window[:] = chance.randbytes(len(connection.window))
        connection.ring()


def _talk_nonsense(connection: DeviceConnection, chance: random.Random) -> None:
    connection.send(chance.randbytes(chance.randrange(5, 50_000)))


def _cut_the_window(connection: DeviceConnection, _: random.Random) -> None:
    """The device dies of it, at the next ring."""
    os.truncate(window_object.OBJECTS / connection.greeting.name[1:], 0)
    connection.ring()


MISDEEDS: Final = (_hang_up_in_a_request, _flood, _scribble, _talk_nonsense, _cut_the_window)
