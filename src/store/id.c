/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/id.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "store/journal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NAME_MAX_LEN 40
#define NEWEST_LIMIT 1024
#define FEW          3

int run_ids(const char *state_dir, struct strv *ret, struct err *e)
{
	auto_free char *runs = path_join(state_dir, "runs");
	DIR *d = opendir(runs);
	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_sys(e, "%s", runs);
	struct dirent *ent;
	while (errno = 0, (ent = readdir(d))) {
		auto_free char *journal = xasprintf("%s/journal", ent->d_name);
		struct stat st;
		if (ent->d_name[0] != '.' && fstatat(dirfd(d), journal, &st, 0) == 0 &&
			S_ISREG(st.st_mode))
			strv_add(ret, ent->d_name);
		errno = 0;
	}
	int rc = errno ? err_sys(e, "%s", runs) : 0;
	(void)closedir(d); /* was only read */
	if (rc == 0)
		strv_sort(ret);
	return rc;
}

static int none_like(const char *state_dir, const char *text, const struct strv *ids, struct err *e)
{
	if (ids->n == 0)
		return err_set(e, ENOENT, "no runs yet in %s", state_dir);
	const char *near = nearest(text, strv_get(ids));
	if (near)
		return err_set(e, ENOENT, "no run \"%s\" (did you mean %s?)", text, near);
	return err_set(e, ENOENT, "no run \"%s\"; the last is %s (see fsqa runs)", text,
		ids->v[ids->n - 1]);
}

static int several(const char *text, const struct strv *ids, size_t first, size_t n, struct err *e)
{
	auto_buf struct buf b = { 0 };
	for (size_t i = 0; i < n && i < FEW; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", ids->v[first + i]);
	if (n > FEW)
		buf_adds(&b, ", ...");
	return err_set(e, ENOTUNIQ, "%zu runs start with \"%s\": %s", n, text, buf_str(&b));
}

/* The usual case, without a look at all the others. */
static bool is_whole_id(const char *state_dir, const char *text)
{
	auto_free char *journal = xasprintf("%s/runs/%s/journal", state_dir, text);
	struct stat st;
	return *text && *text != '.' && !strchr(text, '/') && stat(journal, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

int run_id_find(const char *state_dir, const char *text, char **ret, struct err *e)
{
	auto_strv struct strv ids = { 0 };
	if (is_whole_id(state_dir, text)) {
		*ret = xstrdup(text);
		return 0;
	}
	int rc = run_ids(state_dir, &ids, e);
	if (rc < 0)
		return rc;
	if (strcmp(text, "latest") == 0) {
		char *id = run_id_newest(state_dir, NULL);
		if (!id)
			return none_like(state_dir, text, &ids, e);
		*ret = id;
		return 0;
	}
	size_t first = 0;
	size_t n = 0;
	for (size_t i = 0; i < ids.n; i++) {
		if (strncmp(ids.v[i], text, strlen(text)) != 0)
			continue;
		if (n++ == 0)
			first = i;
	}
	if (n == 0 || !*text)
		return none_like(state_dir, text, &ids, e);
	if (n > 1)
		return several(text, &ids, first, n, e);
	*ret = xstrdup(ids.v[first]);
	return 0;
}

char *run_id_make(const char *profile, int64_t wall_us, unsigned n)
{
	auto_buf struct buf b = { 0 };
	struct tm tm = { 0 };
	time_t t = (time_t)(wall_us / 1000000);
	char date[32] = "00000000-000000";
	if (gmtime_r(&t, &tm))
		(void)strftime(date, sizeof date, "%Y%m%d-%H%M%S", &tm); /* else the zeros stand */
	buf_addf(&b, "%s-", date);
	/* Not path_base: "demo/" is "demo". */
	const char *end = profile + strlen(profile);
	while (end > profile && end[-1] == '/')
		end--;
	const char *s = end;
	while (s > profile && s[-1] != '/')
		s--;
	size_t len = (size_t)(end - s);
	if (len == 0 || (len <= 2 && s[0] == '.'))
		buf_adds(&b, "run");
	for (size_t i = 0; i < len && i < NAME_MAX_LEN && !(len <= 2 && s[0] == '.'); i++) {
		char c = s[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '_' || c == '.';
		buf_addc(&b, plain ? c : '-');
	}
	if (n > 1)
		buf_addf(&b, "-%u", n);
	return buf_take(&b);
}

static int keep_order(void *ctx, const json_t *rec, struct err *e)
{
	*(int64_t *)ctx = json_i64_or(rec, "order_us", json_i64_or(rec, "wall_us", 0));
	return -ECANCELED; /* the first record is all we want */
}

/* Look at every run: only where .newest is missing or names a run that is gone. */
static char *newest_by_looking(const char *state_dir, int64_t *ret_order)
{
	auto_strv struct strv ids = { 0 };
	if (run_ids(state_dir, &ids, NULL) < 0)
		return NULL;
	char *id = NULL;
	for (size_t i = 0; i < ids.n; i++) {
		auto_free char *path = xasprintf("%s/runs/%s/journal", state_dir, ids.v[i]);
		auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct journal_scan s;
		int64_t order = 0;
		if (fd < 0 || journal_scan(fd, keep_order, &order, &s, NULL) < 0)
			continue;
		if (!id || order >= *ret_order) {
			free(id);
			id = xstrdup(ids.v[i]);
			*ret_order = order;
		}
	}
	return id;
}

char *run_id_newest(const char *state_dir, int64_t *ret_order)
{
	int64_t order = 0;
	int64_t *to = ret_order ? ret_order : &order;
	*to = 0;
	auto_free char *path = path_join(state_dir, "runs/.newest");
	auto_buf struct buf b = { 0 };
	char id[256];
	struct stat st;
	if (file_read(path, NEWEST_LIMIT, &b, NULL) == 0 &&
		sscanf(buf_str(&b), "%" SCNd64 " %255[^/\n]", to, id) == 2 && id[0] != '.') {
		auto_free char *journal = xasprintf("%s/runs/%s/journal", state_dir, id);
		if (stat(journal, &st) == 0)
			return xstrdup(id);
	}
	int64_t told = *to;
	char *found = newest_by_looking(state_dir, to);
	if (told > *to)
		*to = told;
	return found;
}

int run_id_set_newest(const char *state_dir, const char *id, int64_t order, struct err *e)
{
	auto_free char *path = path_join(state_dir, "runs/.newest");
	auto_free char *text = xasprintf("%" PRId64 " %s\n", order, id);
	return file_replace(path, text, strlen(text), 0644, e);
}
