/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.h: SHA-256 (nettle) for content addresses, CRC-32 (zlib) for journal lines. */
#pragma once
#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>
struct err;

#define HASH_HEX_SIZE 65

struct hash {
	struct sha256_ctx ctx;
};

void hash_init(struct hash *h);
void hash_add(struct hash *h, const void *p, size_t n);
/* A string with its terminating NUL, so that "ab","c" and "a","bc" differ. */
void hash_add_str(struct hash *h, const char *s);
/* 64 hex digits and NUL; the hash is used up. */
const char *hash_hex(struct hash *h, char out[HASH_HEX_SIZE]);
/* Of a whole file, streamed. */
int hash_file(const char *path, char out[HASH_HEX_SIZE], struct err *e);
uint32_t hash_crc32(const void *p, size_t n);
