/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where exactly a denied access went. */
#include "core_internal.h"

#include <string.h>

static void on_lent_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    core *c = user;
    (void)type;
    (void)value;
    uint32_t offset = (uint32_t)address & ENGINE_PAGE_MASK;
    /* An access that begins in the page before is refused at the first byte of this one. */
    c->located = c->fault_page + (offset + (uint32_t)size > ENGINE_PAGE_SIZE ? 0 : offset);
    uc_emu_stop(uc);
}

/*
 * The fill callback learns the page alone, and memory hooks fire only behind a filled TLB. So the instruction runs once
 * more, with the denied page lent from the end of the code region, which is put right again with the registers.
 */
uint32_t core_locate_fault(core *c)
{
    struct grant *lent = find_grant(c, c->until);
    uc_context *context = NULL;
    uc_hook hook;
    uint8_t kept[ENGINE_PAGE_SIZE];
    c->located = c->fault_page;
    if (c->fault_access == CORE_EXECUTE || lent == NULL || uc_context_alloc(c->uc, &context) != UC_ERR_OK) {
        return c->fault_access == CORE_EXECUTE ? c->pc : c->located;
    }
    uint32_t lent_page = c->until & ~ENGINE_PAGE_MASK; /* under the virtual TLB hooks see physical addresses */
    uint8_t *page = lent->host + (lent_page - lent->base);
    memcpy(kept, page, sizeof kept);
    uc_context_save(c->uc, context);
    if (uc_hook_add(c->uc, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_lent_access, c, lent_page,
                    lent_page + ENGINE_PAGE_MASK) == UC_ERR_OK) {
        c->locating = true;
        uc_ctl_flush_tb(c->uc);
        c->fuel = INT64_MAX;
        uc_emu_start(c->uc, start_address(c), c->until, 0, 1);
        c->locating = false;
        uc_hook_del(c->uc, hook);
    }
    memcpy(page, kept, sizeof kept);
    uc_context_restore(c->uc, context);
    uc_context_free(context);
    uc_ctl_flush_tb(c->uc);
    uc_ctl_flush_tlb(c->uc);
    return c->located;
}
