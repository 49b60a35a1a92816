/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/made_kernel.h"
#include "base/mem.h"
#include "run/build_record.h"
#include <errno.h>

#define NO_KERNEL "not run: its kernel was not built"

void made_kernel_clear(struct made_kernel *m)
{
	kernel_free(m->kernel);
	kernel_story_clear(&m->story);
	*m = (struct made_kernel){ 0 };
}

void made_kernel_judge(struct made_kernel *m, int rc)
{
	static const int hosts[] = { -ENOMEM, -ETIMEDOUT, -EINTR, -ENOSPC, -EDQUOT, -EROFS };
	bool host = false;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		host = host || (m->story.tried && rc == hosts[i]);
	m->judged = m->story.origin && (rc == 0 || rc == -EBADMSG || host);
	m->verdict = rc == 0 ? VERDICT_PASS : host ? VERDICT_MISS : VERDICT_FAIL;
}

int made_kernel_record(const struct made_kernel *m, const json_t *plan,
	const struct build_teller *t, struct err *e)
{
	static const char *const done[] = { BUILD_TEST, NULL };
	const struct kernel_story *s = &m->story;
	const struct build_record r = {
		.test = BUILD_TEST,
		.verdict = m->verdict,
		.reason = s->error    ? s->error
			  : s->stored ? "from the store"
				      : "",
		.took_us = s->took_us,
		.warnings = s->warnings,
		.excerpt = s->excerpt,
		.log = s->log,
	};
	int rc = m->judged ? build_record_put(t, &r, e) : 0;
	return rc < 0 || m->kernel ? rc : build_record_miss(t, plan, done, NO_KERNEL, e);
}
