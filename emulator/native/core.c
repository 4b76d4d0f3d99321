/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_internal.h"

#include <stdlib.h>

core *core_new(void *engine, uint32_t until, bool arm)
{
    core *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->uc = engine;
    c->until = until;
    c->waits_at = NOWHERE;
    c->arm = arm;
    /* Hooks come before anything is translated: a block translated earlier would never call them. */
    if (!hook_grants(c) || !hook_run(c)) {
        free(c);
        return NULL;
    }
    return c;
}

void core_free(core *c)
{
    if (c == NULL) {
        return;
    }
    core_revoke_all(c);
    free_checkpoint(c);
    free_watch(c);
    free(c->feedback);
    if (c->context != NULL) {
        uc_context_free(c->context);
    }
    free(c->dirty);
    free(c);
}

/* ---- what the last run left ---- */

uint32_t core_pc(const core *c)
{
    return c->pc;
}

void core_general_registers(const core *c, uint32_t out[CORE_GENERAL_REGISTERS])
{
    for (int i = 0; i < 13; i++) {
        uc_reg_read(c->uc, UC_ARM_REG_R0 + i, &out[i]);
    }
    uc_reg_read(c->uc, UC_ARM_REG_LR, &out[13]);
    uc_reg_read(c->uc, UC_ARM_REG_SP, &out[14]);
}

void core_set_pc(core *c, uint32_t pc)
{
    c->pc = pc & ~1u;
}
uint64_t core_instructions(const core *c)
{
    return c->instructions;
}
uint64_t core_executed(const core *c)
{
    return c->instructions - c->not_run;
}
uint32_t core_fault_page(const core *c)
{
    return c->fault_page;
}
int core_fault_access(const core *c)
{
    return c->fault_access;
}
uint32_t core_exception_number(const core *c)
{
    return c->exception;
}
int core_engine_error(const core *c)
{
    return (int)c->error;
}

size_t core_last_blocks(const core *c, uint32_t *out, size_t n)
{
    size_t have = c->last_count < LAST_BLOCKS ? c->last_count : LAST_BLOCKS;
    size_t count = n < have ? n : have;
    for (size_t i = 0; i < count; i++) {
        out[i] = c->last[(c->last_count - 1u - i) & (LAST_BLOCKS - 1u)];
    }
    return count;
}
