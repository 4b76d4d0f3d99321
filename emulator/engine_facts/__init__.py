# SPDX-License-Identifier: GPL-2.0-or-later
"""What the emulator takes for granted about Unicorn 2.1.4, each fact as a test of the engine that is installed.

All facts were measured; hardly one is promised by the engine's documentation. A fact's docstring says what the emulator
does because of it. Facts about speed are ratios of two runs in this process, with thresholds far below what an idle
machine shows. Guest programs are Thumb code, given as halfwords with the mnemonics beside them, and every one ends.
"""

from emulator.engine_facts import alignment, hooks, memory, running
from emulator.engine_facts.guest import Fact, FactResult

__all__ = ["FACTS", "Fact", "FactResult", "check_facts"]

FACTS: tuple[Fact, ...] = (
    running.engine_version,
    running.wheel_ships_headers,
    running.mclass_forces_m33,
    running.system_control_unmapped,
    running.wfi_ends_a_run,
    running.until_costs,
    running.until_has_to_be_granted,
    running.thumb_bit_from_start,
    running.stop_in_block_hook,
    running.wfe_and_yield_invalid,
    running.svc_needs_interrupt_hook,
    running.stop_in_device_store,
    running.patched_code_is_stale,
    memory.virtual_tlb_is_fast,
    memory.grants_are_enforced,
    memory.warm_tlb_is_silent,
    memory.first_write_asks_again,
    memory.engine_page_size,
    memory.hooks_see_physical,
    memory.contexts_hold_host_addresses,
    memory.context_memory_diverges,
    memory.engine_snapshot_is_slow,
    hooks.block_hook_cost,
    hooks.count_is_slow,
    hooks.count_ignored_when_warm,
    hooks.timeout_costs,
    hooks.write_hook_is_slow,
    hooks.late_hooks_are_silent,
    hooks.compare_operands,
    hooks.edges_fire_once,
    hooks.hook_in_if_then_block,
    hooks.fill_in_if_then_block,
    alignment.m0_traps_unaligned,
    alignment.m0_has_few_instructions,
    alignment.several_words_pass,
    alignment.a15_passes_unaligned,
    alignment.arm_state_waits,
    alignment.m33_exception_return,
)


def check_facts() -> tuple[FactResult, ...]:
    """Test every fact, in a few seconds at most."""
    return tuple(fact() for fact in FACTS)
