# SPDX-License-Identifier: GPL-2.0-or-later


FACTS: tuple[Fact, ...] = (
    engine_version,
    wheel_ships_headers,
    mclass_forces_m33,
    system_control_unmapped,
    wfi_ends_a_run,
    until_costs,
    until_has_to_be_granted,
    thumb_bit_from_start,
    stop_in_block_hook,
    wfe_and_yield_invalid,
    svc_needs_interrupt_hook,
    stop_in_device_store,
    virtual_tlb_is_fast,
    grants_are_enforced,
    warm_tlb_is_silent,
    first_write_asks_again,
    engine_page_size,
    hooks_see_physical,
    block_hook_cost,
    count_is_slow,
    count_ignored_when_warm,
    timeout_costs,
    write_hook_is_slow,
    late_hooks_are_silent,
    compare_operands,
    edges_fire_once,
    patched_code_is_stale,
    hook_in_it_block,
    fill_in_it_block,
    contexts_hold_host_addresses,
    context_memory_diverges,
    engine_snapshot_is_slow,
)


def check_facts() -> tuple[FactResult, ...]:
    """Test every fact; takes some seconds at most."""
    return tuple(fact() for fact in FACTS)
