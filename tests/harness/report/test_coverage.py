# SPDX-License-Identifier: GPL-2.0-or-later
"""What the reports show of coverage: folders, lines and branches, on the real image and its sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emulator.source_coverage import Share, total
from harness.report.coverage import CoverageReport, folders, never_gone, source_lines, source_root


def test_a_handler_is_reached_by_its_request_alone(reached: CoverageReport) -> None:
    shares = {file.name: file.line_share for file in reached.source.files}
    assert shares["service/main.c"].hit > 0
    assert shares["service/mlkem_keygen.c"].hit > 0
    for other in ("service/aes_encrypt.c", "service/mldsa_sign.c", "service/mlkem_encaps.c", "service/nonce_tracker.c"):
        assert shares[other].hit < shares[other].found, other


def test_folders_hold_every_file_once_the_service_first(reached: CoverageReport) -> None:
    found = folders(reached.source)
    assert [folder.name for folder in found][:3] == ["service", "crypto", "platform"]
    assert sorted(file.name for folder in found for file in folder.files) == [f.name for f in reached.source.files]
    assert total(folder.lines for folder in found) == total(file.line_share for file in reached.source.files)
    assert total(folder.branches for folder in found) == total(file.branch_share for file in reached.source.files)
    assert total(folder.functions for folder in found).hit > 20


def test_sources_are_found_above_the_image(reached: CoverageReport, firmware: Path, tmp_path: Path) -> None:
    assert reached.root == firmware.parents[3]
    elsewhere = replace(reached.image, path=tmp_path / firmware.name)
    assert source_root(elsewhere, reached.source) is None
    assert source_root(reached.image, replace(reached.source, files=())) is None


def test_every_line_of_a_source_is_shown_with_what_is_known_of_it(reached: CoverageReport, firmware: Path) -> None:
    file = reached.source.file("service/dispatch.c")
    text = (firmware.parents[3] / file.name).read_text()
    views = list(source_lines(file, text))
    assert [view.text for view in views] == text.splitlines()
    assert [view.number for view in views] == list(range(1, len(views) + 1))
    assert {view.number for view in views if view.times is not None} == {line.line for line in file.lines}
    assert total(view.branches for view in views) == file.branch_share
    kinds = {view.kind for view in views}
    assert kinds == {"none", "missed", "partial", "reached"}
    for view in views:
        if view.kind == "missed":
            assert view.branches.hit == 0
        if view.kind == "partial":
            assert view.times
            assert view.branches.hit < view.branches.found


def test_without_the_text_lines_with_code_are_shown(reached: CoverageReport) -> None:
    file = reached.source.file("service/dispatch.c")
    assert [view.number for view in source_lines(file, None)] == [line.line for line in file.lines]


def test_ways_never_gone_are_named(reached: CoverageReport) -> None:
    file = reached.source.file("service/dispatch.c")
    views = list(never_gone(file.branches))
    assert sum(len(view.never) for view in views) == file.branch_share.found - file.branch_share.hit
    assert {name for view in views for name in view.never} <= {"taken", "not taken"}
    assert any(view.branch.share == Share(1, 2) for view in views)
