/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The process in which the host lets the service's library run, so that a crash ends this one alone:
 *
 *     runner LIBRARY FILE SECONDS
 *
 * It puts the library's variables into the file, an open descriptor, says where the host finds them there (struct
 * places on standard output), then does what each byte on standard input says and repeats it on standard output when it
 * is done. A command that takes more seconds of processor time than that is ended by SIGPROF. End of input ends it.
 *
 * With sanitizers it is built as the library is, and brings their runtimes along.
 */
/* ftruncate() and setitimer(). */
#define _XOPEN_SOURCE 700

#include "platform.h"
#include "platform_native/native.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { UNUSABLE = 2 };

#define COMMAND_BOOT 'b'
#define COMMAND_EXCHANGE 'x'

/* Offsets in the file. */
struct places {
    uint64_t size;
    uint64_t kernel_page;
    uint64_t entropy_page;
    uint64_t key_storage;
    uint64_t window;
};

struct service {
    void (*boot)(void);
    void (*exchange)(void);
    const uint8_t *window;
};

/* Asked by the runtimes; the environment may say otherwise. What is allocated here is needed to the end. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define MEMORY_SANITIZER
#endif
#endif

#ifdef MEMORY_SANITIZER
void __msan_check_mem_is_initialized(const volatile void *begin, size_t size);

/* What the client reads has to have been written. Bytes behind the response are those of an earlier one, or zero. */
static void check_response(const uint8_t *window)
{
    __msan_check_mem_is_initialized(window + WINDOW_RESPONSE, IPC_AREA_SIZE);
}
#else
static void check_response(const uint8_t *window)
{
    (void)window;
}
#endif

static void *find(void *library, const char *name)
{
    void *const symbol = dlsym(library, name);

    if (symbol == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        exit(UNUSABLE);
    }
    return symbol;
}

static struct service open_service(const char *path, int file)
{
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        exit(UNUSABLE);
    }
    _Bool (*const share)(int) = (_Bool (*)(int))find(library, "native_share");
    struct native_state (*const state)(void) = (struct native_state (*)(void))find(library, "native_state");
    const uint8_t *const begin = state().begin;
    const uint8_t *const window = find(library, "native_window");
    const struct places places = {
        .size = state().size,
        .kernel_page = (uint64_t)((const uint8_t *)find(library, "native_kernel_page") - begin),
        .entropy_page = (uint64_t)((const uint8_t *)find(library, "native_entropy_page") - begin),
        .key_storage = (uint64_t)((const uint8_t *)find(library, "native_key_storage") - begin),
        .window = (uint64_t)(window - begin),
    };

    if (!share(file)) {
        perror("sharing the variables");
        exit(UNUSABLE);
    }
    if (write(STDOUT_FILENO, &places, sizeof places) != (ssize_t)sizeof places)
        exit(UNUSABLE);
    return (struct service){(void (*)(void))find(library, "native_boot"),
                            (void (*)(void))find(library, "native_exchange"), window};
}

/* Counts the time of this process alone, whatever else the machine does. */
static void set_limit(long seconds)
{
    const struct itimerval limit = {.it_value = {.tv_sec = seconds}};

    (void)setitimer(ITIMER_PROF, &limit, NULL);
}

int main(int count, char **arguments)
{
    if (count != 4) {
        (void)fprintf(stderr, "usage: runner LIBRARY FILE SECONDS\n");
        return UNUSABLE;
    }
    const struct rlimit no_core = {0, 0};
    const struct service service = open_service(arguments[1], (int)strtol(arguments[2], NULL, 10));
    const long seconds = strtol(arguments[3], NULL, 10);
    char command;

    (void)setrlimit(RLIMIT_CORE, &no_core);
    while (read(STDIN_FILENO, &command, 1) == 1) {
        set_limit(seconds);
        if (command == COMMAND_BOOT)
            service.boot();
        else if (command == COMMAND_EXCHANGE)
            service.exchange();
        check_response(service.window);
        if (write(STDOUT_FILENO, &command, 1) != 1)
            break;
    }
    return 0;
}
