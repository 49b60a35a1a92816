/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: the processes of this machine as /proc shows them (proc(5), stat), and which of them
 * belong to one child of ours. Private to proc/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree_row {
	pid_t pid, ppid, group, session;
	uint64_t start; /* clock ticks after boot: with the pid, this process and no other */
	bool dead;      /* a zombie */
	bool member;
};

struct tree {
	struct tree_row *rows;
	size_t n, cap;
};

struct tree_query {
	const struct tree *known; /* members of an earlier look, who count as long as they live */
	pid_t leader;
	const char *mark; /* of its descendants, spawn.h */
	bool adopting;    /* what lost its parent is re-parented to us */
	bool only;        /* no other child of ours is alive: an unknown orphan is the leader's */
	bool (*is_leader)(pid_t pid); /* of any child of ours */
};

/* Read /proc. What ends meanwhile is left out. */
void tree_read(struct tree *t);
/* Keep in `known` only the members of `t`, for the next look. */
void tree_remember(const struct tree *t, struct tree *known);
/* Set `member` for those that live and belong to the leader (it itself not): of its session or
 * group, its descendants, and orphans that carry its mark. Returns their number. */
size_t tree_find_members(struct tree *t, const struct tree_query *q);
/* Send `sig` to one, unless it has ended and its pid is another's by now. */
void tree_signal(const struct tree_row *row, int sig);
void tree_clear(struct tree *t);
#define auto_tree __attribute__((cleanup(tree_clear)))
