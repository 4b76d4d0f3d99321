/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single steps without stopping: an engine that is stopped inside an If-Then block forgets what it was to skip, so the
 * guest runs on and each instruction leaves a row of registers behind.
 */
#include "core_internal.h"

#include <stdlib.h>

#define ROW_PC 15
#define ROW_XPSR 16

struct core_steps {
    core *c;
    uc_hook hook;
    size_t count;
    size_t capacity;
    uint32_t (*rows)[CORE_STEP_REGISTERS];
};

static void read_row(const core *c, uint32_t pc, uint32_t row[CORE_STEP_REGISTERS])
{
    for (int i = 0; i < 13; i++) {
        uc_reg_read(c->uc, UC_ARM_REG_R0 + i, &row[i]);
    }
    uc_reg_read(c->uc, UC_ARM_REG_SP, &row[13]);
    uc_reg_read(c->uc, UC_ARM_REG_LR, &row[14]);
    row[ROW_PC] = pc;
    uc_reg_read(c->uc, UC_ARM_REG_CPSR, &row[ROW_XPSR]);
}

static void on_instruction(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    core_steps *s = user;
    (void)uc;
    (void)size;
    if (s->count < s->capacity) {
        read_row(s->c, (uint32_t)address, s->rows[s->count++]);
    }
}

core_steps *core_steps_new(core *c, size_t capacity)
{
    core_steps *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->c = c;
    s->capacity = capacity;
    s->rows = calloc(capacity, sizeof *s->rows);
    if (s->rows == NULL || uc_hook_add(c->uc, &s->hook, UC_HOOK_CODE, (void *)on_instruction, s, 1, 0) != UC_ERR_OK) {
        free(s->rows);
        free(s);
        return NULL;
    }
    core_forget_translations(c); /* code translated before would not call the hook */
    return s;
}

void core_steps_free(core_steps *s)
{
    if (s != NULL) {
        uc_hook_del(s->c->uc, s->hook);
        core_forget_translations(s->c);
        free(s->rows);
        free(s);
    }
}

enum core_stop core_steps_run(core_steps *s, uint64_t budget)
{
    s->count = 0;
    return core_run(s->c, budget < s->capacity ? budget : s->capacity);
}

size_t core_steps_rows(const core_steps *s, uint32_t **rows)
{
    *rows = &s->rows[0][0];
    return s->count;
}

void core_step_registers(const core *c, uint32_t row[CORE_STEP_REGISTERS])
{
    read_row(c, c->pc, row);
}
