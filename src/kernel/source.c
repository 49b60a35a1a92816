/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/source.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "kernel/git.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_US (6 * 3600 * 1000000ull)

static const char *const kernel_files[] = { "Makefile", "Kconfig", NULL };
const struct source_kind source_kernel = {
	.name = "kernel",
	.files = kernel_files,
	.built = "*.o\n*.a\n*.ko\n.*.cmd\n/.config*\n/vmlinux*\n/include/config/\n"
		 "/include/generated/\n/arch/*/include/generated/\n",
};

/* What source_get works on. */
struct job {
	const struct source_kind *kind;
	char *dir; /* STATE/sources */
	kernel_progress *progress;
	void *ctx;
};

static void say(const struct job *j, const char *text)
{
	if (j->progress)
		j->progress(j->ctx, text);
}

void source_free(struct source *s)
{
	if (!s)
		return;
	free(s->mirror);
	close_fd(&s->use);
	free(s->tree);
	free(s->commit);
	free(s->describe);
	free(s->origin);
	strv_clear(&s->patches);
	free(s);
}

char *source_text(const struct source *s)
{
	auto_buf struct buf b = { 0 };
	buf_adds(&b, s->origin);
	if (s->commit)
		buf_addf(&b, " %s", s->describe);
	if (s->dirty)
		buf_adds(&b, " with changes");
	if (s->patches.n)
		buf_addf(&b, " and %zu patch%s", s->patches.n, s->patches.n == 1 ? "" : "es");
	return buf_take(&b);
}

/* ---- what a word means ---- */

static bool is_url(const char *spec)
{
	const char *colon = strchr(spec, ':');
	if (!colon || access(spec, F_OK) == 0)
		return false;
	if (strncmp(colon, "://", 3) == 0)
		return true;
	/* As ssh has it: user@host:path */
	const char *at = strchr(spec, '@');
	const char *slash = strchr(spec, '/');
	return at && at < colon && (!slash || slash > colon);
}

static bool is_archive(const char *path)
{
	static const char *const tails[] = { ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz",
		".tar.zst", ".tar.bz2", ".zip" };
	size_t n = strlen(path);
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		size_t tail = strlen(tails[i]);
		if (n > tail && strcasecmp(path + n - tail, tails[i]) == 0)
			return true;
	}
	return false;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Cut "PLACE#REF"; *ret_ref NULL where there is no ref. Both the caller's. */
static char *cut(const char *spec, char **ret_ref)
{
	const char *hash = strrchr(spec, '#');
	if (!hash || access(spec, F_OK) == 0) {
		*ret_ref = NULL;
		return xstrdup(spec);
	}
	*ret_ref = hash[1] ? xstrdup(hash + 1) : NULL;
	return xstrndup(spec, (size_t)(hash - spec));
}

bool source_is(const char *spec)
{
	auto_free char *ref = NULL;
	auto_free char *place = cut(spec, &ref);
	return is_url(spec) || is_archive(place) || is_folder(place);
}

/* ---- repositories of ours ---- */

/* An empty repository. It is begun under a name of its own, since git locks what it writes by files
 * that outlive it when it is killed, and turns away who comes second. With a dot before it, so that
 * gc does not list it, and removes it when its process is gone. */
static int init_mirror(const char *path, struct err *e)
{
	const char *name = path_base(path);
	auto_free char *begun =
		xasprintf("%.*s.%s.%d.tmp", (int)(name - path), path, name, (int)getpid());
	const struct git g = { .dir = begun };
	int rc = file_remove_tree(begun, e);
	if (rc == 0)
		rc = git_run(&g, NULL, e, "init", "--bare", "--quiet", NULL);
	if (rc < 0 || rename(begun, path) == 0)
		return rc;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return err_sys(e, "make %s", path);
	return file_remove_tree(begun, e); /* somebody else did at the same time */
}

static int make_mirror_at(const struct job *j, const char *path, struct source *s, struct err *e)
{
	auto_free char *lock = xasprintf("%s.lock", path);
	int rc = file_mkdirs(j->dir, 0755, e);
	if (rc == 0)
		rc = s->use = file_lock_shared(lock, e);
	if (rc < 0)
		return rc;
	(void)futimens(s->use, NULL); /* when it was used: only a hint */
	s->mirror = xstrdup(path);
	return is_folder(path) ? 0 : init_mirror(path, e);
}

static int make_mirror(const struct job *j, const char *what, struct source *s, struct err *e)
{
	char hex[HASH_HEX_SIZE];
	struct hash h;
	hash_init(&h);
	hash_add_str(&h, what);
	auto_free char *path = xasprintf("%s/%.16s.git", j->dir, hash_hex(&h, hex));
	return make_mirror_at(j, path, s, e);
}

/* A lock that is not the repository's own. */
static int lock_mirror(const struct job *j, const char *mirror, struct err *e)
{
	auto_free char *path = xasprintf("%s/fsqa.lock", mirror);
	struct err why = { 0 };
	int fd = file_lock(path, 0, &why);
	if (fd == -EWOULDBLOCK) {
		auto_free char *text = xasprintf("waiting for %s: %s", mirror, why.msg);
		say(j, text);
		return file_lock(path, LOCK_US, e);
	}
	return fd < 0 ? err_set(e, fd, "%s", why.msg) : fd;
}

/* Git's own lock of a file, of one that was killed. Only where nobody else can be at it. */
static void unlock(const char *file)
{
	auto_free char *lock = xasprintf("%s.lock", file);
	(void)unlink(lock); /* most have none */
}

static int put_file(const char *mirror, const char *name, const char *text, struct err *e)
{
	auto_free char *path = path_join(mirror, name);
	auto_free char *parent = xstrndup(path, (size_t)(path_base(path) - path));
	int rc = file_mkdirs(parent, 0755, e);
	return rc < 0 ? rc : file_replace(path, text, strlen(text), 0644, e);
}

/* tree and date of s->commit */
static int of_commit(struct source *s, struct err *e)
{
	const struct git g = { .dir = s->mirror };
	auto_free char *name = xasprintf("%s^{tree}", s->commit);
	auto_free char *date = NULL;
	int rc = git_line(&g, &s->tree, e, "rev-parse", "--verify", name, NULL);
	if (rc == 0)
		rc = git_line(&g, &date, e, "log", "-1", "--format=%ct", s->commit, NULL);
	if (rc == 0)
		s->date_s = strtoll(date, NULL, 10);
	return rc;
}

static int check_kind(const struct source *s, const struct source_kind *k, struct err *e)
{
	const struct git g = { .dir = s->mirror };
	for (const char *const *file = k->files; *file; file++) {
		auto_free char *name = xasprintf("%s:%s", s->tree, *file);
		if (git_run(&g, NULL, NULL, "cat-file", "-e", name, NULL) < 0)
			return err_set(e, EINVAL, "%s: no %s tree: it has no %s", s->origin,
				k->name, *file);
	}
	return 0;
}

/* ---- a URL ---- */

static bool is_commit_id(const char *ref)
{
	size_t n = strspn(ref, "0123456789abcdef");
	return !ref[n] && (n == 40 || n == 64);
}

/* -ENOENT: the server is there, but not this. -EOPNOTSUPP: not in this way. */
static int fetch_error(const char *url, const char *ref, const char *why, struct err *e)
{
	if (strncmp(why, "git: ", 5) == 0)
		why += 5;
	static const char *const absent[] = { "couldn't find remote ref", "not our ref",
		"Server does not allow request for unadvertised object" };
	static const char *const way[] = { "shallow", "--depth" };
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		if (strstr(why, absent[i]))
			return err_set(e, ENOENT, "%s has no branch, tag or commit %s", url, ref);
	for (size_t i = 0; i < ARRAY_LEN(way); i++)
		if (strstr(why, way[i]))
			return err_set(e, EOPNOTSUPP, "%s: %s", url, why);
	auto_free char *again = xasprintf("unable to access '%s/': ", url);
	size_t n = strlen(again);
	return err_set(
		e, EIO, "cannot reach %s: %s", url, strncmp(why, again, n) == 0 ? why + n : why);
}

/* fetch WORDS, with what it failed for told. */
static int try_fetch(
	const struct git *g, const char *url, const char *ref, bool shallow, struct err *e)
{
	struct err why = { 0 };
	auto_free char *cut = path_join(g->dir, "shallow");
	/* What was fetched without its history has none later, unless it is asked for. git refuses
	 * the option where nothing lacks any. */
	const char *depth = access(cut, F_OK) == 0 ? "--unshallow" : "--no-tags";
	int rc = shallow ? git_run(g, NULL, &why, "fetch", "--quiet", "--no-tags", "--depth=1",
				   "--", url, ref, NULL)
			 : git_run(g, NULL, &why, "fetch", "--quiet", "--no-tags", depth, "--", url,
				   "+refs/heads/*:refs/remotes/url/*", "+refs/tags/*:refs/tags/*",
				   NULL);
	return rc == -EIO ? fetch_error(url, ref, why.msg, e)
	       : rc < 0   ? err_set(e, rc, "%s", why.msg)
			  : 0;
}

/* One ref alone and without its history; where the server allows neither, all of it. */
static int fetch(const struct git *g, const char *url, const char *ref, char **ret, struct err *e)
{
	const char *const places[] = { "refs/remotes/url/", "refs/tags/", "" };
	bool hex = strlen(ref) >= 7 && !ref[strspn(ref, "0123456789abcdef")];
	int rc = try_fetch(g, url, ref, true, e);
	if (rc == 0) {
		auto_free char *fetched = xasprintf("refs/fetched/%s", ref);
		(void)git_run(
			g, NULL, NULL, "update-ref", fetched, "FETCH_HEAD", NULL); /* for gc */
		return git_line(g, ret, e, "rev-parse", "--verify", "FETCH_HEAD^{commit}", NULL);
	}
	if (rc == -EOPNOTSUPP || (rc == -ENOENT && hex))
		rc = try_fetch(g, url, ref, false, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(places); i++) {
		auto_free char *name = xasprintf("%s%s^{commit}", places[i], ref);
		if (git_line(g, ret, NULL, "rev-parse", "--quiet", "--verify", name, NULL) == 0)
			return 0;
	}
	return rc < 0 ? rc : err_set(e, ENOENT, "%s has no branch, tag or commit %s", url, ref);
}

/* https://me:secret@host/, https://token@host/: it would stand in command lines, manifests and on
 * pages. A name alone is a name elsewhere, as in ssh://git@host/. */
static bool has_secret(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url;
	size_t n = strcspn(host, "/?");
	const char *at = memchr(host, '@', n);
	bool http = strncasecmp(url, "http", 4) == 0; /* and https */
	return scheme && at && (http || memchr(host, ':', (size_t)(at - host)));
}

static int from_url(
	const struct job *j, const char *url, const char *ref, struct source *s, struct err *e)
{
	if (has_secret(url))
		return err_set(e, EINVAL,
			"a URL with a password or token in it: leave it, and the user's name, to "
			"git's credential helpers, or to ~/.netrc");
	int rc = make_mirror(j, url, s, e);
	if (rc < 0)
		return rc;
	const struct git g = { .dir = s->mirror };
	auto_close int lock = lock_mirror(j, s->mirror, e);
	if (lock < 0)
		return lock;
	auto_free char *shallow = path_join(s->mirror, "shallow");
	unlock(shallow);
	auto_free char *object = xasprintf("%s^{tree}", ref ? ref : "");
	if (ref && is_commit_id(ref) &&
		git_run(&g, NULL, NULL, "cat-file", "-e", object, NULL) == 0) {
		s->commit = xstrdup(ref);
	} else {
		auto_free char *text =
			xasprintf("fetching %s%s%s", url, ref ? " " : "", ref ? ref : "");
		say(j, text);
		rc = fetch(&g, url, ref ? ref : "HEAD", &s->commit, e);
		if (rc < 0)
			return rc;
	}
	s->describe = xasprintf("%.12s", s->commit);
	return of_commit(s, e);
}

/* ---- a local repository ---- */

/* Its objects serve ours; what it does not want to see, we do not. */
static int borrow(const struct git *theirs, const char *mirror, struct err *e)
{
	auto_free char *objects = NULL;
	auto_free char *exclude = NULL;
	auto_buf struct buf text = { 0 };
	int rc = git_line(theirs, &objects, e, "rev-parse", "--path-format=absolute", "--git-path",
		"objects", NULL);
	if (rc == 0)
		rc = git_line(theirs, &exclude, e, "rev-parse", "--path-format=absolute",
			"--git-path", "info/exclude", NULL);
	if (rc < 0)
		return rc;
	auto_free char *line = xasprintf("%s\n", objects);
	rc = put_file(mirror, "objects/info/alternates", line, e);
	(void)file_read(exclude, 1 << 20, &text, NULL); /* most have none */
	return rc < 0 ? rc : put_file(mirror, "info/exclude", buf_str(&text), e);
}

/* With its time: a file of that time or later may have changed after the index was written, within
 * the same second and at the same size, and git reads such files. Of a later time than theirs the
 * copy would hide them. */
static int copy_index(const char *theirs, const char *to)
{
	struct stat st;
	if (stat(theirs, &st) < 0) /* before: should they write it now, its time is too early */
		return -errno;
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	int rc = file_copy(theirs, to, 0600, NULL);
	return rc == 0 && utimensat(AT_FDCWD, to, times, 0) < 0 ? -errno : rc;
}

/* The work tree's content as a tree. Their index spares git from reading what did not change. */
static int snapshot(const struct git *theirs, const struct job *j, const char *work,
	struct source *s, struct err *e)
{
	auto_free char *index = xasprintf("%s/index-%d", s->mirror, (int)getpid());
	auto_free char *their_index = NULL;
	const struct git g = { .dir = s->mirror, .work = work, .index = index, .cwd = work };
	int rc = git_line(theirs, &their_index, e, "rev-parse", "--path-format=absolute",
		"--git-path", "index", NULL);
	if (rc < 0)
		return rc;
	say(j, "looking for changes in the tree");
	(void)unlink(index); /* of one that was killed and had our number */
	unlock(index);
	rc = copy_index(their_index, index) == 0 ? git_run(&g, NULL, NULL, "add", "-A", NULL)
						 : -ENOENT;
	if (rc < 0) { /* one of a form that only serves in its own place */
		(void)unlink(index);
		rc = git_run(&g, NULL, e, "read-tree", s->commit, NULL);
		if (rc == 0)
			rc = git_run(&g, NULL, e, "add", "-A", NULL);
	}
	auto_free char *tree = NULL;
	if (rc == 0)
		rc = git_line(&g, &tree, e, "write-tree", NULL);
	(void)unlink(index);
	if (rc < 0)
		return err_wrap(e, "%s", work);
	s->dirty = strcmp(tree, s->tree) != 0;
	free(s->tree);
	s->tree = take(&tree);
	return 0;
}

static int from_repository(const struct job *j, const char *path, const char *ref, bool bare,
	struct source *s, struct err *e)
{
	const struct git theirs = { .cwd = path };
	auto_free char *common = NULL;
	auto_free char *name = xasprintf("%s^{commit}", ref ? ref : "HEAD");
	if (git_line(&theirs, &s->commit, NULL, "rev-parse", "--quiet", "--verify", name, NULL) < 0)
		return err_set(
			e, ENOENT, "%s has no branch, tag or commit %s", path, ref ? ref : "HEAD");
	int rc = git_line(&theirs, &common, e, "rev-parse", "--path-format=absolute",
		"--git-common-dir", NULL);
	if (rc == 0)
		rc = make_mirror(j, common, s, e);
	if (rc == 0)
		rc = borrow(&theirs, s->mirror, e);
	if (rc == 0)
		rc = of_commit(s, e);
	if (rc == 0 && git_line(&theirs, &s->describe, NULL, "describe", "--tags", "--always",
			       "--abbrev=12", s->commit, NULL) < 0)
		s->describe = xasprintf("%.12s", s->commit);
	return rc < 0 || bare || ref ? rc : snapshot(&theirs, j, path, s, e);
}

/* ---- a folder without git ---- */

static int from_plain(const struct job *j, const char *path, struct source *s, struct err *e)
{
	const char *built = j->kind->built ? j->kind->built : "";
	auto_free char *what = xasprintf("folder %s", path);
	int rc = make_mirror(j, what, s, e);
	if (rc < 0)
		return rc;
	auto_close int lock = lock_mirror(j, s->mirror, e);
	if (lock < 0)
		return lock;
	auto_free char *index = path_join(s->mirror, "index");
	const struct git g = { .dir = s->mirror, .work = path, .index = index, .cwd = path };
	unlock(index);
	say(j, "reading the tree");
	rc = put_file(s->mirror, "info/exclude", built, e);
	if (rc == 0)
		rc = git_run(&g, NULL, e, "-c", "core.looseCompression=1", "add", "-A", NULL);
	if (rc == 0)
		rc = git_line(&g, &s->tree, e, "write-tree", NULL);
	if (rc == 0)
		s->describe = xstrdup(path_base(path));
	return rc;
}

/* The top of a repository, a bare one, or a folder in none (or somewhere inside one). */
static int from_folder(
	const struct job *j, const char *path, const char *ref, struct source *s, struct err *e)
{
	const struct git g = { .cwd = path };
	struct err why = { 0 };
	auto_free char *top = NULL;
	auto_free char *bare = NULL;
	int rc = git_line(&g, &top, &why, "rev-parse", "--show-toplevel", NULL);
	if (rc == -ENOENT || strstr(why.msg, "ownership"))
		return err_set(e, rc == -EIO ? -EACCES : rc, "%s: %s", path, why.msg);
	if (rc == 0 && strcmp(top, path) == 0)
		return from_repository(j, path, ref, false, s, e);
	auto_free char *head = path_join(path, "HEAD");
	if (rc < 0 && access(head, F_OK) == 0 &&
		git_line(&g, &bare, NULL, "rev-parse", "--is-bare-repository", NULL) == 0 &&
		strcmp(bare, "true") == 0)
		return from_repository(j, path, ref, true, s, e);
	if (ref)
		return err_set(e, EINVAL, "%s#%s: the folder is no git repository", path, ref);
	return from_plain(j, path, s, e);
}

/* ---- an archive ---- */

static int from_archive(const struct job *j, const char *path, struct source *s, struct err *e)
{
	char sha256[HASH_HEX_SIZE];
	int rc = hash_file(path, sha256, e);
	if (rc < 0)
		return rc;
	auto_free char *mirror = path_join(j->dir, "archives.git");
	s->describe = xstrdup(path_base(path));
	rc = make_mirror_at(j, mirror, s, e);
	if (rc < 0)
		return rc;
	const struct git g = { .dir = s->mirror };
	auto_close int lock = lock_mirror(j, s->mirror, e);
	if (lock < 0)
		return lock;
	auto_free char *ref = xasprintf("refs/archives/%s", sha256);
	if (git_line(&g, &s->tree, NULL, "rev-parse", "--quiet", "--verify", ref, NULL) == 0)
		return 0;
	auto_free char *text = xasprintf("reading %s", path);
	say(j, text);
	rc = source_archive(s->mirror, path, sha256, &s->tree, e);
	return rc < 0 ? err_wrap(e, "%s", path)
		      : git_run(&g, NULL, e, "update-ref", ref, s->tree, NULL);
}

/* ---- */

static int get(const struct job *j, const char *spec, struct source *s, struct err *e)
{
	auto_free char *ref = NULL;
	auto_free char *place = cut(spec, &ref);
	if (ref && ref[0] == '-')
		return err_set(e, EINVAL, "%s: no name of a branch", spec);
	if (is_url(spec)) {
		s->origin = xstrdup(spec);
		return from_url(j, place, ref, s, e);
	}
	auto_free char *path = realpath(place, NULL);
	if (!path)
		return err_sys(e, "%s source %s", j->kind->name, place);
	s->origin = ref ? xasprintf("%s#%s", path, ref) : xstrdup(path);
	if (is_folder(path))
		return from_folder(j, path, ref, s, e);
	if (ref)
		return err_set(e, EINVAL, "%s: an archive has no branches", spec);
	return from_archive(j, path, s, e);
}

int source_get(const char *state_dir, const char *spec, const struct source_kind *kind,
	kernel_progress *progress, void *ctx, struct source **ret, struct err *e)
{
	struct err why = { 0 };
	auto_source struct source *s = xcalloc(1, sizeof *s);
	s->use = -1;
	auto_free char *dir = path_join(state_dir, "sources");
	const struct job j = { kind, dir, progress, ctx };
	int rc = get(&j, spec, s, &why);
	if (rc == 0)
		rc = check_kind(s, kind, &why);
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	*ret = take(&s);
	return 0;
}

int source_checkout(const struct source *s, const char *from, const char *work, const char *index,
	struct err *e)
{
	const struct git g = { .dir = s->mirror, .work = work, .index = index, .cwd = work };
	int rc = file_mkdirs(work, 0755, e);
	if (rc == 0 && from)
		return git_run(&g, NULL, e, "read-tree", "-u", "--reset", from, s->tree, NULL);
	if (rc == 0)
		rc = git_run(&g, NULL, e, "read-tree", "-u", "--reset", s->tree, NULL);
	return rc < 0 ? rc : git_run(&g, NULL, e, "clean", "-ffdxq", NULL);
}
