/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A gateway program of the host: has the virtual device encrypt a text and decrypt it again.
 *
 *     device-example SOCKET KEY_ID TEXT
 *
 * Prints nonce, ciphertext and tag. Exit status: 0 if the text came back, 1 if the service refuses, 2 otherwise.
 */
#include "client/client_operations.h"
#include "client_host/socket_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096u

static void print_bytes(const char *name, const uint8_t *bytes, size_t length)
{
    printf("%s ", name);
    for (size_t i = 0; i < length; i++)
        printf("%02x", bytes[i]);
    printf("\n");
}

static int failed(const struct client *client, const char *operation, enum client_result result)
{
    if (result == CLIENT_REFUSED)
        fprintf(stderr, "device-example: %s is refused with status 0x%02x\n", operation, (unsigned)client->status);
    else
        fprintf(stderr, "device-example: %s fails with result %d of client.h\n", operation, (int)result);
    return result == CLIENT_REFUSED ? 1 : 2;
}

static int there_and_back(struct client *client, uint32_t key_id, struct client_bytes text)
{
    static uint8_t sealed[TEXT_MAX];
    static uint8_t opened[TEXT_MAX];
    const struct client_bytes aad = {NULL, 0};
    struct client_encrypted encrypted = {.text = {.data = sealed, .size = sizeof sealed}};
    struct client_buffer plaintext = {.data = opened, .size = sizeof opened};

    enum client_result result = client_aes_encrypt(client, key_id, aad, text, &encrypted);
    if (result != CLIENT_OK)
        return failed(client, "AES_ENCRYPT", result);
    print_bytes("nonce", encrypted.nonce, sizeof encrypted.nonce);
    print_bytes("ciphertext", sealed, encrypted.text.length);
    print_bytes("tag", encrypted.tag, sizeof encrypted.tag);

    const struct client_ciphertext ciphertext = {
        .nonce = encrypted.nonce, .aad = aad, .text = {sealed, encrypted.text.length}, .tag = encrypted.tag};
    result = client_aes_decrypt(client, key_id, &ciphertext, &plaintext);
    if (result != CLIENT_OK)
        return failed(client, "AES_DECRYPT", result);
    if (plaintext.length != text.length || memcmp(opened, text.data, text.length) != 0) {
        fprintf(stderr, "device-example: another text came back\n");
        return 2;
    }
    printf("%zu bytes came back\n", plaintext.length);
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const reasons[] = {
        [SOCKET_LINK_NO_SERVER] = "no server answers; start `hil serve`",
        [SOCKET_LINK_BUSY] = "every device is in use",
        [SOCKET_LINK_FAILED] = "the server could not make a device",
        [SOCKET_LINK_MALFORMED] = "that is no server of devices",
    };
    struct socket_link link;
    char *end = NULL;

    if (argc != 4 || strlen(argv[3]) > TEXT_MAX) {
        fprintf(stderr, "usage: device-example SOCKET KEY_ID TEXT (at most %u bytes)\n", TEXT_MAX);
        return 2;
    }
    const unsigned long key_id = strtoul(argv[2], &end, 0);
    if (*end != '\0' || key_id == 0 || key_id > UINT32_MAX) {
        fprintf(stderr, "device-example: %s is no key id\n", argv[2]);
        return 2;
    }
    const enum socket_link_result opened = socket_link_open(&link, argv[1]);
    if (opened != SOCKET_LINK_OK) {
        fprintf(stderr, "device-example: %s: %s\n", argv[1], reasons[opened]);
        return 2;
    }
    struct client client = {.transport = &link.transport};
    const struct client_bytes text = {(const uint8_t *)argv[3], strlen(argv[3])};
    const int status = there_and_back(&client, (uint32_t)key_id, text);
    socket_link_close(&link);
    return status;
}
