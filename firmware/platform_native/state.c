/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * All variables of the library lie in its one writable segment, behind the part that the loader makes read-only once
 * it has relocated it. The program headers say where both are.
 */
/* ftruncate() */
#define _XOPEN_SOURCE 700

#include "platform_native/native.h"

#include <link.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_SIZE 4096u

/* Where the linker has put this library's own header. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static uintptr_t page_of(uintptr_t address)
{
    return address & ~(uintptr_t)(PAGE_SIZE - 1);
}

struct native_state native_state(void)
{
    const uintptr_t base = (uintptr_t)&__ehdr_start;
    const ElfW(Phdr) *const headers = (const ElfW(Phdr) *)(base + __ehdr_start.e_phoff);
    uintptr_t begin = 0;
    uintptr_t end = 0;
    uintptr_t relocated_end = 0;

    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        const ElfW(Phdr) *const header = &headers[i];
        if (header->p_type == PT_LOAD && (header->p_flags & PF_W) != 0) {
            begin = page_of(base + header->p_vaddr);
            end = page_of(base + header->p_vaddr + header->p_memsz + PAGE_SIZE - 1);
        } else if (header->p_type == PT_GNU_RELRO) {
            relocated_end = page_of(base + header->p_vaddr + header->p_memsz + PAGE_SIZE - 1);
        }
    }
    if (begin < relocated_end)
        begin = relocated_end;
    return (struct native_state){(uint8_t *)begin, end - begin};
}

/* The address sanitizer has forbidden borders between variables; volatile keeps it from being told by a memcpy. */
__attribute__((no_sanitize("address", "undefined"))) static void copy(volatile uint64_t *to,
                                                                      const volatile uint64_t *from, size_t size)
{
    for (size_t i = 0; i < size / sizeof *to; i++)
        to[i] = from[i];
}

_Bool native_share(int file)
{
    const struct native_state state = native_state();

    if (ftruncate(file, (off_t)state.size) != 0)
        return false;
    void *const shared = mmap(NULL, state.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED)
        return false;
    copy(shared, (const volatile uint64_t *)(uintptr_t)state.begin, state.size);
    (void)munmap(shared, state.size);
    return mmap(state.begin, state.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == state.begin;
}
