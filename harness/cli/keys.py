# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil keys`: key storage images."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from harness.cli.common import console, plain_table, read_keys
from harness.protocol.commands import AES_KEY_SIZE, Algorithm
from harness.protocol.key_image import KeyImage, KeyImageError, KeySlot, aes_slot
from harness.report.files import atomic_write


@click.group()
def keys() -> None:
    """Make, show and rotate key storage images."""


@keys.command("new")
@click.argument("image", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--aes", "aes_ids", type=click.IntRange(1, 0xFFFF_FFFF), multiple=True, help="id of an AES-256 key")
@click.option("--force", is_flag=True, help="replace an existing file")
def keys_new(image: Path, aes_ids: tuple[int, ...], force: bool) -> None:
    """Write an image with fresh random keys."""
    if image.exists() and not force:
        raise KeyImageError(f"{image} exists; give --force to replace it")
    content = KeyImage(tuple(_random_aes(key_id) for key_id in aes_ids or (1,)))
    atomic_write(image, content.build())
    _print_keys(content)


@keys.command("show")
@click.argument("image", type=click.Path(path_type=Path))
def keys_show(image: Path) -> None:
    """List the keys of an image, without their material."""
    _print_keys(read_keys(image))


@keys.command("rotate")
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("key_id", type=click.IntRange(1, 0xFFFF_FFFF))
def keys_rotate(image: Path, key_id: int) -> None:
    """Give a key new random material and the next generation."""
    content = read_keys(image)
    slot = content.slot(key_id)
    rotated = content.replaced(slot.rotated(_random_bytes(len(slot.material))))
    atomic_write(image, rotated.build())
    _print_keys(rotated)


def _random_bytes(size: int) -> bytes:
    return secrets.token_bytes(size)


def _random_aes(key_id: int) -> KeySlot:
    return aes_slot(key_id, _random_bytes(AES_KEY_SIZE))


def _print_keys(image: KeyImage) -> None:
    table = plain_table("slot", "key id", "algorithm", "parameter set", "generation", "material")
    for index, slot in enumerate(image.slots):
        if slot is not None:
            algorithm = Algorithm(slot.algorithm).name
            row = (index, slot.key_id, algorithm, slot.parameter_set, slot.generation, f"{len(slot.material)} bytes")
            table.add_row(*map(str, row))
    console.print(table)
