/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts of a run of fstests, for bench/fstests-verdicts: judge_fstests LIST STDOUT FOLDER
 * prints how many of each there are. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/fstests_results.h"
#include "suite/fstests_xunit_apart.h"
#include <fcntl.h>

static void on_event(void *ctx, const struct fstests_event *ev)
{
	fstests_results_event(ctx, ev);
}

static int judge(struct fstests_results *r, const struct strv *names, const char *printed,
	const char *folder, struct err *e)
{
	struct fstests_check_spec spec = {
		.order = strv_get(names), .on_event = on_event, .ctx = r
	};
	auto_fstests_check struct fstests_check *c = fstests_check_new(&spec);
	auto_close int in = open(printed, O_RDONLY | O_CLOEXEC);
	auto_close int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in < 0 || dir < 0)
		return err_sys(e, "%s", in < 0 ? printed : folder);
	char piece[65536];
	ssize_t n;
	while ((n = read(in, piece, sizeof piece)) > 0)
		fstests_check_add(c, piece, (size_t)n);
	fstests_check_end(c);
	int rc = fstests_results_read(r, dir, fstests_xunit_read_apart, e);
	fstests_results_judge(r);
	return rc;
}

int main(int argc, char **argv)
{
	auto_buf struct buf list = { 0 };
	auto_strv struct strv names = { 0 };
	struct err e = { 0 };
	if (argc != 4 || file_read(argv[1], 1u << 30, &list, &e) < 0) {
		fprintf(stderr, "%s\n", argc == 4 ? e.msg : "judge_fstests LIST STDOUT FOLDER");
		return 2;
	}
	strv_split(&names, buf_str(&list), "\n");
	auto_free struct fstests_wanted *wanted = xcalloc(names.n + 1, sizeof *wanted);
	for (size_t i = 0; i < names.n; i++)
		wanted[i].name = names.v[i];
	auto_fstests_results struct fstests_results *r = fstests_results_new(wanted, names.n, "");
	if (judge(r, &names, argv[2], argv[3], &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 2;
	}
	size_t count[VERDICT_COUNT] = { 0 };
	for (size_t i = 0; i < fstests_results_count(r); i++) {
		struct fstests_verdict v;
		fstests_results_verdict(r, i, &v);
		count[v.verdict]++;
	}
	for (int v = 0; v < VERDICT_COUNT; v++)
		printf("%s %zu\n", verdict_name((enum verdict)v), count[v]);
	return 0;
}
