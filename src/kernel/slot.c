/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/slot.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "kernel/git.h"
#include "kernel/source.h"
#include <errno.h>
#include <fts.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS   64u
#define LOCK_US (6 * 3600 * 1000000ull)
#define LEFT_US (30 * 1000000ull)
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

void slot_clear(struct slot *s)
{
	free(s->dir);
	free(s->src);
	free(s->obj);
	free(s->index);
	free(s->log);
	free(s->tree);
	close_fd(&s->lock);
}

static char *state_file(const struct slot *s)
{
	return path_join(s->dir, "state.json");
}

static const char *const obj_names[] = {
	[SLOT_WHOLE] = "whole",
	[SLOT_CHANGING] = "changing",
	[SLOT_NEW] = "new",
};

static bool is_older(const struct stat *a, const struct stat *than)
{
	const struct timespec *x = &a->st_mtim, *y = &than->st_mtim;
	return x->tv_sec != y->tv_sec ? x->tv_sec < y->tv_sec : x->tv_nsec < y->tv_nsec;
}

/* Remove what lies in obj and is not older than the note: an object that was written in part is
 * newer than its source, and its command is that of before, so that make takes it for whole. */
static int remove_newer(const struct slot *s, const char *note)
{
	struct stat st;
	char *const paths[] = { s->obj, NULL };
	FTS *tree = stat(note, &st) < 0 ? NULL : fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	int rc = 0;
	const FTSENT *f;
	errno = 0;
	while (rc == 0 && (f = fts_read(tree))) {
		bool file = f->fts_info == FTS_F || f->fts_info == FTS_SL;
		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS)
			rc = -f->fts_errno;
		else if (file && !is_older(f->fts_statp, &st))
			rc = unlink(f->fts_path) < 0 ? -errno : 0;
	}
	rc = rc == 0 ? -errno : rc;
	(void)fts_close(tree); /* only read from */
	return rc;
}

/* The clock was set back since: what make made is newer than any source of now, and it would take
 * all of it for up to date. */
static bool is_of_the_future(const char *note)
{
	struct stat st;
	return stat(note, &st) == 0 && file_mtime_us(&st) > clock_wall_us();
}

static void read_state(struct slot *s)
{
	auto_json json_t *j = NULL;
	auto_free char *path = state_file(s);
	if (json_read_object(path, &j, NULL) < 0)
		return;
	s->steps = (unsigned)json_i64_or(j, "steps", 0);
	const char *tree = json_str_or(j, "tree", "");
	const char *obj = json_str_or(j, "obj", "");
	if (is_of_the_future(path))
		return;
	bool whole = strcmp(obj, obj_names[SLOT_WHOLE]) == 0;
	bool changing = strcmp(obj, obj_names[SLOT_CHANGING]) == 0;
	if (*tree && (whole || (changing && remove_newer(s, path) == 0)))
		s->tree = xstrdup(tree);
}

/* Whom to wait for: where the one that built was killed, what it had started comes to its end soon,
 * and holds the lock until then. To go elsewhere would be to begin from nothing. */
static uint64_t patience_us(const char *lock, unsigned n)
{
	pid_t holder = file_lock_holder(lock);
	bool left = holder > 0 && kill(holder, 0) < 0 && errno == ESRCH;
	return n + 1 == SLOTS ? LOCK_US : left ? LEFT_US : 0;
}

int slot_take(const char *state_dir, const char *hash, struct slot *ret, struct err *e)
{
	auto_free char *dir = path_join(state_dir, "builds");
	auto_slot struct slot s = { .lock = -1 };
	int rc = file_mkdirs(dir, 0755, e);
	if (rc < 0)
		return rc;
	for (unsigned n = 0; s.lock < 0; n++) {
		auto_free char *path = xasprintf("%s/%s-%u.lock", dir, hash, n);
		s.lock = file_lock(path, patience_us(path, n), e);
		if (s.lock < 0 && (s.lock != -EWOULDBLOCK || n + 1 >= SLOTS))
			return s.lock;
		if (s.lock >= 0)
			s.dir = xasprintf("%s/%s-%u", dir, hash, n);
	}
	s.src = path_join(s.dir, "src");
	s.obj = path_join(s.dir, "obj");
	s.index = path_join(s.dir, "index");
	s.log = path_join(s.dir, "build.log");
	rc = file_mkdirs(s.dir, 0755, e);
	if (rc < 0)
		return rc;
	read_state(&s);
	*ret = s;
	s = (struct slot){ .lock = -1 };
	return 0;
}

/* What `whole` says when src is all of `tree`; the caller's. */
static char *whole_line(const char *tree)
{
	auto_buf struct buf boot = { 0 };
	(void)file_read(BOOT_ID, 64, &boot, NULL); /* without it the tree is looked through */
	return boot.len ? xasprintf("%s %s", tree, buf_str(&boot)) : NULL;
}

/* The tree that src is known to hold; NULL: it is to be looked through. */
static char *known_tree(const char *whole)
{
	auto_buf struct buf held = { 0 };
	if (file_read(whole, 256, &held, NULL) < 0)
		return NULL;
	auto_free char *tree = xstrndup(buf_str(&held), strcspn(buf_str(&held), " "));
	auto_free char *line = whole_line(tree);
	return line && strcmp(buf_str(&held), line) == 0 ? take(&tree) : NULL;
}

static int check_out(struct slot *s, const struct source *source, const char *from, struct err *e)
{
	int rc = source_checkout(source, from, s->src, s->index, NULL);
	if (rc < 0 && from)
		rc = source_checkout(source, NULL, s->src, s->index, NULL);
	if (rc == 0)
		return 0;
	rc = slot_forget(s, e);
	if (rc == 0)
		rc = file_remove_tree(s->src, e);
	if (rc == 0)
		rc = file_remove_tree(s->index, e);
	return rc < 0 ? rc : source_checkout(source, NULL, s->src, s->index, e);
}

int slot_checkout(struct slot *s, const struct source *source, struct err *e)
{
	auto_free char *lock = xasprintf("%s.lock", s->index);
	auto_free char *whole = path_join(s->dir, "whole");
	auto_free char *from = known_tree(whole);
	auto_free char *line = whole_line(source->tree);
	(void)unlink(lock); /* git's own, of one that was killed: nobody else is here */
	if (unlink(whole) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", whole);
	int rc = check_out(s, source, from, e);
	return rc < 0 || !line ? rc : file_replace(whole, line, strlen(line), 0644, e);
}

int slot_note(const struct slot *s, const char *tree, enum slot_obj obj, struct err *e)
{
	auto_free char *path = state_file(s);
	auto_json json_t *j = json_pack(
		"{s:s, s:i, s:s}", "tree", tree, "steps", (int)s->steps, "obj", obj_names[obj]);
	auto_free char *text = json_line(j);
	return file_replace(path, text, strlen(text), 0644, e);
}

int slot_forget(struct slot *s, struct err *e)
{
	free(take(&s->tree));
	return file_remove_tree(s->obj, e);
}

bool slot_reconfigures(const struct slot *s, const struct source *source)
{
	const struct git g = { .dir = source->mirror };
	auto_free char *config = path_join(s->obj, ".config");
	auto_buf struct buf names = { 0 };
	if (!s->tree || access(config, F_OK) < 0)
		return true;
	if (strcmp(s->tree, source->tree) == 0)
		return false;
	if (git_run(&g, &names, NULL, "diff-tree", "-r", "--name-only", s->tree, source->tree,
		    NULL) < 0)
		return true;
	static const char *const parts[] = { "Kconfig", "scripts/", "Makefile", "configs/" };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(buf_str(&names), parts[i]))
			return true;
	return false;
}
