/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * All variables of the library lie in its one writable segment, behind the part that the loader makes read-only once
 * it has relocated it. The program headers say where both are.
 */
#include "platform_native/native.h"

#include <link.h>

#define PAGE_SIZE 4096u

struct range {
    volatile uint64_t *words;
    size_t count;
};

/* Where the linker has put this library's own header. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static struct range variables(void)
{
    const uintptr_t base = (uintptr_t)&__ehdr_start;
    const ElfW(Phdr) *const headers = (const ElfW(Phdr) *)(base + __ehdr_start.e_phoff);
    uintptr_t begin = 0;
    uintptr_t end = 0;
    uintptr_t relocated_end = 0;

    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        const ElfW(Phdr) *const header = &headers[i];
        if (header->p_type == PT_LOAD && (header->p_flags & PF_W) != 0) {
            begin = base + header->p_vaddr;
            end = begin + header->p_memsz;
        } else if (header->p_type == PT_GNU_RELRO) {
            relocated_end = (base + header->p_vaddr + header->p_memsz + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);
        }
    }
    if (begin < relocated_end)
        begin = relocated_end;
    /* Whole words; what is added at either end lies in the same pages. */
    begin -= begin % sizeof(uint64_t);
    return (struct range){(volatile uint64_t *)begin, (end - begin + sizeof(uint64_t) - 1) / sizeof(uint64_t)};
}

size_t native_state_size(void)
{
    return variables().count * sizeof(uint64_t);
}

/* The address sanitizer has forbidden borders between variables; volatile keeps it from being told by a memcpy. */
__attribute__((no_sanitize("address", "undefined"))) void native_save(uint64_t *state)
{
    const struct range range = variables();

    for (size_t i = 0; i < range.count; i++)
        state[i] = range.words[i];
}

__attribute__((no_sanitize("address", "undefined"))) void native_restore(const uint64_t *state)
{
    const struct range range = variables();

    for (size_t i = 0; i < range.count; i++)
        range.words[i] = state[i];
}
