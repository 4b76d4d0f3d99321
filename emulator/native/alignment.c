/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unaligned accesses that hardware traps and the engine does not: on ARMv7-M and later those of several words, whatever
 * the configuration says; on A profile without memory management unit all of them. A hook of every access is slow, so
 * this is for runs that ask for it.
 */
#include "core_internal.h"

/* As the engine numbers it on the cores where it traps by itself. */
#define DATA_ABORT 4u

/* LDM, STM, LDRD, STRD, exclusive and coprocessor accesses (ARMv7-M ARM, A3.2.1, by the encodings of A5). */
static bool takes_several_words(uint32_t first)
{
    return (first & 0xF000u) == 0xC000u || (first & 0xFE00u) == 0xE800u || (first & 0xFE00u) == 0xEC00u;
}

static bool traps(core *c, uint32_t pc)
{
    if (c->arm) {
        return true;
    }
    const struct grant *g = find_grant(c, pc);
    if (g == NULL || g->host == NULL) {
        return false;
    }
    const uint8_t *code = g->host + (pc - g->base);
    return takes_several_words((uint32_t)(code[0] | code[1] << 8));
}

static void on_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    core *c = user;
    uint32_t pc = 0;
    (void)type;
    (void)value;
    if (((uint32_t)address & ((uint32_t)size - 1u)) != 0 && !c->locating) {
        uc_reg_read(uc, UC_ARM_REG_PC, &pc);
        pc &= ~1u;
        if (traps(c, pc)) {
            c->exception = DATA_ABORT;
            c->unaligned = (uint32_t)address;
            c->pc = pc;
            stop_with(c, CORE_EXCEPTION);
        }
    }
    leave_if_then_block(uc);
}

uint32_t core_unaligned_address(const core *c)
{
    return c->unaligned;
}

bool core_check_alignment(core *c)
{
    if (c->checks_alignment) {
        return true;
    }
    if (uc_hook_add(c->uc, &c->alignment, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_access, c, 1, 0) !=
        UC_ERR_OK) {
        return false;
    }
    c->checks_alignment = true;
    core_forget_translations(c); /* code translated before would not call the hook */
    return true;
}
