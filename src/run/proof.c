/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/proof.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include <string.h>

int proof_parse(const json_t *j, struct proof *ret, struct err *e)
{
	const char *release = NULL;
	int rc = json_get_str(j, "release", &release, e);
	if (rc < 0)
		return rc;
	*ret = (struct proof){
		.release = release,
		.build_id = json_str_or(j, "build_id", NULL),
		.config_crc = (uint32_t)json_i64_or(j, "config_crc", 0),
		.config_bytes = (uint32_t)json_i64_or(j, "config_bytes", 0),
	};
	return 0;
}

char *proof_check(const struct proof *p, const json_t *hello)
{
	const char *release = json_str_or(hello, "release", "");
	const char *id = json_str_or(hello, "build_id", "");
	const char *asked = p->build_id ? p->build_id : "";
	int64_t bytes = json_i64_or(hello, "config_bytes", 0);
	/* A kernel that tells none where that one has one is another, too. */
	if (strcmp(release, p->release) != 0 || (p->build_id && strcmp(id, asked) != 0))
		return xasprintf(
			"the machine runs another kernel: %.64s, build id %.64s; asked was "
			"%.64s, build id %.64s",
			*release ? release : "?", *id ? id : "none", p->release,
			*asked ? asked : "none");
	/* A kernel need not carry it, and that of the other may not be known. */
	if (bytes && p->config_bytes &&
		(bytes != p->config_bytes || json_i64_or(hello, "config_crc", 0) != p->config_crc))
		return xasprintf("the machine runs another kernel: %.64s, build id %.64s as asked, "
				 "but its /proc/config.gz is not the configuration that the store "
				 "has of it",
			release, *id ? id : "none");
	return NULL;
}
