/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.h: whether the kernel under test has a commit that fixes something: by the history of the
 * repository that it was built from, where that is a folder of this host. Nothing is fetched. A fix
 * that was picked to another branch is found by its subject. */
#pragma once

/* All borrowed, NULL: not known. */
struct history {
	const char *origin;  /* FOLDER or FOLDER#REF, as kernel.source had it */
	const char *commit;  /* that the kernel was built of */
	const char *release; /* "6.1.0-42-amd64" */
};

enum history_answer {
	HISTORY_UNKNOWN,
	HISTORY_HAS,
	HISTORY_LACKS,
};

/* `commit`: at least 7 hex digits. Where it has it under another id, *ret_as (may be NULL) is that,
 * the caller's; else untouched. */
enum history_answer history_has(
	const struct history *h, const char *commit, const char *subject, char **ret_as);
/* Whether it is of version "v4.14" or later, by its release. */
enum history_answer history_is_since(const struct history *h, const char *version);
