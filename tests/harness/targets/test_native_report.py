# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts of sanitizers become findings. What the runtimes really say is in test_native_process.py."""

import pytest

from harness.targets.native_report import sanitizer_report

ADDRESS = """\
=================================================================
==7012==ERROR: AddressSanitizer: global-buffer-overflow on address 0x7f4b0f16d570 at pc 0x7f2 bp 0x7ff sp 0x7ff
READ of size 1 at 0x7f4b0f16d570 thread T0
    #0 0x7f4b0fb4f1a8 in __interceptor_memcpy ../../../../src/libsanitizer/asan/asan_interceptors.cpp:7
    #1 0x7f2833 in fetch service/message.c:40
    #2 0x7f2834 in ipc_serve service/ipc.c:50
    #3 0x5556 in main platform_native/runner.c:147
    #4 0x7f28 in __libc_start_call_main ../sysdeps/nptl/libc_start_call_main.h:58
    #5 0x5556 in _start (/somewhere/runner+0x2920)

0x7f4b0f16d570 is located 0 bytes to the right of global variable 'table' defined in 'service/message.c:5:16'
SUMMARY: AddressSanitizer: global-buffer-overflow service/message.c:40 in fetch
Shadow bytes around the buggy address:
  0x0fe9e5e25a50: 00 00 00 00
==7012==ABORTING
"""


def test_what_changes_from_run_to_run_is_left_out() -> None:
    assert sanitizer_report(ADDRESS) == (
        "AddressSanitizer: global-buffer-overflow in fetch service/message.c:40\n"
        "ERROR: AddressSanitizer: global-buffer-overflow on address 0x7f4b0f16d570 at pc 0x7f2 bp 0x7ff sp 0x7ff\n"
        "READ of size 1 at 0x7f4b0f16d570 thread T0\n"
        "    #0 in __interceptor_memcpy ../../../../src/libsanitizer/asan/asan_interceptors.cpp:7\n"
        "    #1 in fetch service/message.c:40\n"
        "    #2 in ipc_serve service/ipc.c:50\n"
        "\n"
        "0x7f4b0f16d570 is located 0 bytes to the right of global variable 'table' defined in 'service/message.c:5:16'"
    )


def test_undefined_behaviour_has_no_headline_of_its_own() -> None:
    text = "service/dispatch.c:33:5: runtime error: shift exponent 32 is too large for 32-bit type 'unsigned int'\n"
    report = sanitizer_report("unrelated\n" + text)
    assert report == (
        "UndefinedBehaviorSanitizer: shift exponent 32 is too large for 32-bit type 'unsigned int' at "
        f"service/dispatch.c:33:5\n{text.strip()}"
    )


def test_the_first_of_two_reports_gives_the_headline() -> None:
    undefined = "service/dispatch.c:33:5: runtime error: null pointer passed\n"
    for text, head in ((ADDRESS + undefined, "AddressSanitizer: "), (undefined + ADDRESS, "UndefinedBehavior")):
        report = sanitizer_report(text)
        assert report is not None
        assert report.startswith(head)


@pytest.mark.parametrize("text", ["", "hello\n", "==7==NOTE: AddressSanitizer is fine"])
def test_anything_else_is_no_report(text: str) -> None:
    assert sanitizer_report(text) is None
