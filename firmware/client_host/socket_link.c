/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client_host/socket_link.h"

#include "protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Messages, as docs/virtual-device.md has them; a host is little-endian, as the device is. */
#define MESSAGE_RING 1u
#define OUTCOME_WAITING 0u
#define STATE_READY 0u
#define STATE_BUSY 1u
#define GREETING_VERSION 1u
#define GREETING_NAME_SIZE 48u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are written in the host's byte order");

struct greeting {
    char magic[4];
    uint16_t version;
    uint16_t state;
    uint32_t window_size;
    uint32_t flags;
    char name[GREETING_NAME_SIZE];
};
_Static_assert(sizeof(struct greeting) == 16 + GREETING_NAME_SIZE, "without padding");

static volatile uint32_t *doorbell(const struct socket_link *link, uint32_t offset)
{
    return (volatile uint32_t *)(void *)(link->window + offset);
}

static bool send_word(int to, uint32_t word)
{
    ssize_t sent;

    do
        sent = send(to, &word, sizeof word, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof word;
}

static bool receive_word(int from, uint32_t *word)
{
    ssize_t received;

    do
        received = recv(from, word, sizeof *word, 0);
    while (received < 0 && errno == EINTR);
    return received == (ssize_t)sizeof *word;
}

/* The value is counted here: nothing of the control page is taken back from the window (IPC-3). */
static bool exchange(void *context)
{
    struct socket_link *const link = context;
    uint32_t outcome;

    link->rung++;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    *doorbell(link, WINDOW_REQUEST_DOORBELL) = link->rung;
    if (!send_word(link->socket, MESSAGE_RING) || !receive_word(link->socket, &outcome) || outcome != OUTCOME_WAITING)
        return false;
    const bool answered = *doorbell(link, WINDOW_RESPONSE_DOORBELL) == link->rung;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return answered;
}

static void wait(void *context, uint32_t microseconds)
{
    struct timespec left = {.tv_sec = (time_t)(microseconds / 1000000u),
                            .tv_nsec = (long)(microseconds % 1000000u) * 1000};

    (void)context;
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* The greeting and the descriptor that came with it, -1 where none did. False: no greeting came. */
static bool receive_greeting(int from, struct greeting *greeting, int *descriptor)
{
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec data = {.iov_base = greeting, .iov_len = sizeof *greeting};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t received;

    *descriptor = -1;
    do
        received = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0)
        return false;
    const struct cmsghdr *const head = CMSG_FIRSTHDR(&message);
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(descriptor, CMSG_DATA(head), sizeof(int));
    return received == (ssize_t)sizeof *greeting && memcmp(greeting->magic, "HILD", 4) == 0 &&
           greeting->version == GREETING_VERSION;
}

static bool connect_to(int from, const char *path)
{
    const struct timeval timeout = {.tv_sec = SOCKET_LINK_TIMEOUT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);

    if (length >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address.sun_path, path, length + 1);
    return setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
           connect(from, (const struct sockaddr *)(const void *)&address, sizeof address) == 0;
}

/* What the server gives, mapped into the link. */
static enum socket_link_result take_device(struct socket_link *link)
{
    struct greeting greeting;
    int descriptor;
    enum socket_link_result result = SOCKET_LINK_MALFORMED;

    if (!receive_greeting(link->socket, &greeting, &descriptor)) {
        result = SOCKET_LINK_MALFORMED;
    } else if (greeting.state != STATE_READY) {
        result = greeting.state == STATE_BUSY ? SOCKET_LINK_BUSY : SOCKET_LINK_FAILED;
    } else if (descriptor >= 0 && greeting.window_size >= WINDOW_SIZE) {
        void *const memory = mmap(NULL, greeting.window_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (memory == MAP_FAILED) {
            result = SOCKET_LINK_FAILED;
        } else {
            link->window = memory;
            link->window_size = greeting.window_size;
            result = SOCKET_LINK_OK;
        }
    }
    if (descriptor >= 0)
        close(descriptor);
    return result;
}

enum socket_link_result socket_link_open(struct socket_link *link, const char *path)
{
    enum socket_link_result result = SOCKET_LINK_NO_SERVER;

    link->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (link->socket < 0)
        return SOCKET_LINK_NO_SERVER;
    if (connect_to(link->socket, path))
        result = take_device(link);
    if (result != SOCKET_LINK_OK) {
        const int reason = errno;
        close(link->socket);
        errno = reason;
        return result;
    }
    link->rung = *doorbell(link, WINDOW_REQUEST_DOORBELL);
    link->transport = (struct client_transport){
        .context = link,
        .request = link->window + WINDOW_REQUEST,
        .response = link->window + WINDOW_RESPONSE,
        .exchange = exchange,
        .wait = wait,
    };
    return SOCKET_LINK_OK;
}

void socket_link_close(struct socket_link *link)
{
    munmap(link->window, link->window_size);
    close(link->socket);
}
