# SPDX-License-Identifier: GPL-2.0-or-later
"""A server in the background: its devices, what it takes, its end."""

from __future__ import annotations

import pytest

from harness.serve.background import background_server
from harness.targets.base import TargetError
from harness.targets.device import DeviceConnection


def test_usage_counts_the_devices() -> None:
    with background_server() as server:
        alone = server.usage()
        assert (alone.processes, server.devices) == (1, ())
        connections = [DeviceConnection(server.path) for _ in range(2)]
        for connection in connections:
            connection.ring()
        both = server.usage()
        assert both.processes == 3
        assert (alone.objects, both.objects) == (0, 2)
        assert server.windows == tuple(connection.greeting.name[1:] for connection in connections)
        assert both.memory_kib > 2 * alone.memory_kib
        assert both.descriptors > alone.descriptors
        assert f"process {server.devices[0]}" in server.log


def test_it_ends_with_the_block_whatever_happens_in_it() -> None:
    with pytest.raises(ZeroDivisionError), background_server() as server:
        raise ZeroDivisionError
    assert server.process.returncode is not None
    assert not server.path.exists()


def test_what_does_not_start_is_told() -> None:
    with pytest.raises(TargetError, match="does not start: hil: "), background_server("--firmware", "/none"):
        pass
