/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.h: an EXEC as the handler wants it, and its start. */
#pragma once
#include "base/strv.h"
#include "guest/tree.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
struct err;

struct request {
	struct strv argv;
	struct strv env; /* what the host adds */
	char *cwd;
	char *user; /* NULL: whom we are */
	bool pty, stdin_open;
	unsigned cols, rows;
	uint64_t deadline_us, grace_us; /* deadline 0: none */
};

/* -EINVAL: no argv, or a member of another type. */
int request_parse(const void *json, size_t n, struct request *ret, struct err *e);
void request_clear(struct request *r);
#define auto_request __attribute__((cleanup(request_clear)))

/* The parent's ends, non-blocking, -1 where there is none. With a terminal `in` and `out` are
 * two descriptors of its master. */
struct started {
	pid_t pid;
	int in, out, err;
	int status; /* EOF: exec succeeded; else one line, why it did not */
};

/* Fork the command into `t`. What can hang or fail by its files is done in the child. */
int request_start(const struct request *r, const struct tree *t, const char *agent_socket,
	struct started *ret, struct err *e);
void request_set_winsize(int fd, unsigned cols, unsigned rows);
