/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/recipe.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "image/rootfs.h"
#include "image/sources.h"
#include "proc/proc.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define BUILD_US       (3600ull * 1000 * 1000)
#define LOG_LIMIT      (16u << 20)
#define STATUS_LIMIT   (64u << 20)
#define PACKAGES_LIMIT 1000

/* What every suite's scripts may count on. */
static const char *const own_packages[] = { "acl", "attr", "bash", "coreutils", "e2fsprogs",
	"findutils", "gawk", "grep", "hostname", "kmod", "libc-bin", "mount", "passwd", "procps",
	"psmisc", "sed", "sudo", "udev", "util-linux", NULL };

/* Documentation and translations that no test reads. The fsyncs of dpkg would guard a system
 * that survives a power cut; this one is thrown away. */
static const char *const dpkg_options[] = { "path-exclude=/usr/share/man/*",
	"path-exclude=/usr/share/info/*", "path-exclude=/usr/share/locale/*",
	"path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
	"force-unsafe-io" };

/* Run by mmdebstrap with the new root as $1. The users are those that fstests wants. */
static const char customize[] =
	"set -e; cd \"$1\"; echo fsqa >etc/hostname; "
	"printf '127.0.0.1 localhost\\n127.0.1.1 fsqa\\n::1 localhost\\n' >etc/hosts; "
	": >etc/fstab; : >etc/machine-id; : >etc/resolv.conf; chmod 644 etc/resolv.conf; "
	"for u in fsgqa fsgqa2 123456-fsgqa; do chroot . useradd -m -s /bin/bash $u; done; "
	"rm -f etc/apt/apt.conf.d/99mmdebstrap etc/apt/sources.list";

/* In the mount namespace that the build has for itself: so what was downloaded stays also when it
 * is killed, and a part of a package, too, is gone on with. mmdebstrap cleans its cache at the end.
 */
static const char use_cache[] =
	"set -e; mkdir -p \"$1/var/cache/apt/archives\"; "
	"mount --bind \"$FSQA_PACKAGE_CACHE\" \"$1/var/cache/apt/archives\"";
static const char leave_cache[] = "umount \"$1/var/cache/apt/archives\"";

static bool is_package(const char *s)
{
	size_t n = strlen(s);
	if (n < 2 || n > 128 || !isalnum((unsigned char)s[0]))
		return false;
	for (; *s; s++)
		if (!isascii(*s) || isupper((unsigned char)*s) ||
			(!isalnum((unsigned char)*s) && !strchr("+-.", *s)))
			return false;
	return true;
}

int recipe_packages(const char *const *asked, bool init, struct strv *packages, struct err *e)
{
	auto_strv struct strv all = { 0 };
	for (size_t i = 0; own_packages[i]; i++)
		strv_add(&all, own_packages[i]);
	if (init)
		strv_addl(&all, "systemd-sysv", "dbus", NULL);
	for (size_t i = 0; asked && asked[i]; i++) {
		if (!is_package(asked[i]))
			return err_set(
				e, EINVAL, "\"%s\" is no name of a Debian package", asked[i]);
		if (i == PACKAGES_LIMIT)
			return err_set(e, EINVAL, "more than %d packages", PACKAGES_LIMIT);
		strv_add(&all, asked[i]);
	}
	strv_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0)
			strv_add(packages, all.v[i]);
	return 0;
}

const char *recipe_progress_line(const char *line)
{
	static const char *const steps[][2] = {
		{ "running apt-get update", "root image: fetching Debian's package lists" },
		{ "downloading packages", "root image: downloading packages" },
		{ "extracting archives", "root image: unpacking the base system" },
		{ "installing essential packages", "root image: installing the base system" },
		{ "installing remaining packages", "root image: installing packages" },
		{ "cleaning package lists", "root image: cleaning up" },
	};
	if (strncmp(line, "I: ", 3) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (strncmp(line + 3, steps[i][0], strlen(steps[i][0])) == 0)
			return steps[i][1];
	return NULL;
}

unsigned recipe_list_packages(const char *status, struct buf *out)
{
	static const char *const keys[] = { "Package: ", "Version: ", "Architecture: " };
	unsigned n = 0;
	while (*status) {
		char *v[ARRAY_LEN(keys)] = { NULL };
		bool installed = false;
		for (; *status && *status != '\n'; status += *status == '\n') {
			size_t len = strcspn(status, "\n");
			for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
				size_t key = strlen(keys[i]);
				if (!v[i] && strncmp(status, keys[i], key) == 0)
					v[i] = xstrndup(status + key, len - key);
			}
			if (strncmp(status, "Status: install ok installed", 28) == 0)
				installed = true;
			status += len;
		}
		if (installed && v[0] && v[1] && v[2]) {
			buf_addf(out, "%s %s %s\n", v[0], v[1], v[2]);
			n++;
		}
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			free(v[i]);
		status += *status == '\n';
	}
	return n;
}

/* ---- mmdebstrap and what it says ---- */

struct watch {
	const struct recipe *r;
	struct proc *proc;
	struct buf line;
	struct buf log;
	char *complaint; /* the first "E:" line: the later ones are of what fell over it */
	bool full;
	struct proc_end end;
};

static void take_line(struct watch *w, const char *line)
{
	const char *text = recipe_progress_line(line);
	if (text && w->r->progress)
		w->r->progress(w->r->ctx, text);
	const char *bad = strncmp(line, "E: ", 3) == 0 ? line + 3 : NULL;
	if (bad && !w->complaint)
		w->complaint = xstrdup(bad);
	if (strstr(line, "No space left on device"))
		w->full = true;
}

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct watch *w = ctx;
	if (w->log.len < LOG_LIMIT)
		buf_add(&w->log, data, n);
	for (const char *p = data; n; p++, n--) {
		if (*p != '\n' && *p != '\r') {
			if (w->line.len < 4096)
				buf_addc(&w->line, *p);
			continue;
		}
		take_line(w, buf_str(&w->line));
		buf_reset(&w->line);
	}
}

static void on_end(void *ctx, const struct proc_end *end)
{
	struct watch *w = ctx;
	w->end = *end;
	proc_free(take(&w->proc));
}

/* Our environment with another TMPDIR; the moment is for mmdebstrap and useradd. */
static void environment(const struct recipe *r, struct strv *env)
{
	for (char **p = environ; *p; p++)
		if (strncmp(*p, "TMPDIR=", 7) != 0 && strncmp(*p, "SOURCE_DATE_EPOCH=", 18) != 0)
			strv_add(env, *p);
	strv_addf(env, "TMPDIR=%s", r->dir);
	if (r->snapshot)
		strv_addf(env, "SOURCE_DATE_EPOCH=%" PRId64, r->moment_s);
	if (r->cache)
		strv_addf(env, "FSQA_PACKAGE_CACHE=%s", r->cache);
}

static int run_watched(struct watch *w, const char *const *argv, struct err *e)
{
	auto_strv struct strv env = { 0 };
	environment(w->r, &env);
	const struct proc_fd lock = { w->r->lock, 3 };
	const struct proc_spec spec = {
		.argv = argv,
		.env = strv_get(&env),
		.fds = &lock,
		.n_fds = 1,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_OUT,
		.deadline_us = BUILD_US,
		.on_output = on_output,
		.on_end = on_end,
		.ctx = w,
	};
	uv_loop_t loop;
	int rc = uv_loop_init(&loop);
	if (rc < 0)
		return err_code(e, rc, "event loop");
	rc = proc_spawn(&loop, &spec, &w->proc, e);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until nothing is left in it */
	(void)uv_loop_close(&loop);          /* nothing is */
	return rc;
}

static const char *sudo(void)
{
	return geteuid() == 0 ? "" : "sudo ";
}

/* What went wrong, of a run that did. */
static int complain(struct watch *w, struct err *e)
{
	auto_free char *how = proc_end_text(&w->end);
	if (w->full)
		return err_set(
			e, ENOSPC, "no room left while the root image was made in %s", w->r->dir);
	const char *what = w->complaint ? w->complaint : how;
	/* Its words of an architecture that the kernel was not told how to run. */
	if (strstr(what, "can neither be executed natively"))
		return err_set(e, ENOENT,
			"this host cannot run programs of %s: %sapt-get install qemu-user-static "
			"binfmt-support, or where they are: %supdate-binfmts --enable",
			w->r->arch, sudo(), sudo());
	bool unknown = strstr(what, "Unable to locate package") != NULL;
	return err_set(
		e, unknown ? ENOENT : EIO, "mmdebstrap: %s (all it said: %s)", what, w->r->log);
}

static int run_mmdebstrap(const struct recipe *r, const char *const *argv, struct err *e)
{
	struct watch w = { .r = r };
	int rc = run_watched(&w, argv, e);
	if (rc == 0 && (w.end.how != PROC_EXITED || w.end.value != 0)) {
		/* The file is for people; the message stands without it. */
		(void)file_replace(r->log, buf_str(&w.log), w.log.len, 0644, NULL);
		rc = complain(&w, e);
	}
	buf_clear(&w.line);
	buf_clear(&w.log);
	free(w.complaint);
	return rc;
}

static int write_options(const char *path, const struct strv *options, struct err *e)
{
	auto_buf struct buf b = { 0 };
	for (size_t i = 0; i < options->n; i++)
		buf_addf(&b, "%s\n", options->v[i]);
	return file_replace(path, buf_str(&b), b.len, 0644, e);
}

/* "a,b,c" */
static char *joined(const struct strv *v)
{
	auto_buf struct buf b = { 0 };
	for (size_t i = 0; i < v->n; i++)
		buf_addf(&b, "%s%s", i ? "," : "", v->v[i]);
	return buf_take(&b);
}

/* "deb URL bookworm main"; of a day that is past, so its validity is over. */
static void own_sources(const struct recipe *r, struct strv *lines)
{
	for (const char *const *s = r->sources; *s; s++) {
		auto_buf struct buf url = { 0 };
		for (const char *c = *s; *c; c++)
			if (*c == '%')
				buf_adds(&url, r->snapshot);
			else
				buf_addc(&url, *c);
		strv_addf(lines, "deb [check-valid-until=no] %s %s%s main", buf_str(&url), r->suite,
			strstr(*s, "security") ? "-security" : "");
	}
}

static int bootstrap(const struct recipe *r, const char *to, struct err *e)
{
	auto_strv struct strv lines = { 0 };
	auto_strv struct strv options = { 0 };
	/* A repository of Debian's has all architectures. */
	int rc = sources_of_host(r->suite, r->host_arch, &lines, &options, e);
	bool own = r->sources && *r->sources;
	if (own) { /* of the host's only how they are reached */
		strv_clear(&lines);
		own_sources(r, &lines);
	}
	if (rc < 0 && !own)
		return rc;
	auto_free char *apt = path_join(r->dir, "apt.conf");
	auto_free char *include = joined(r->packages);
	auto_strv struct strv argv = { 0 };
	if (geteuid() == 0)
		strv_add(&argv, "unshare");
	rootfs_as_root(&argv);
	/* mmdebstrap mounts things and has many children, none tied to us. In spaces of their own
	 * they are gone when the first process is, and that one is killed with us. */
	strv_addl(&argv, "--pid", "--fork", "--kill-child", "--mount-proc", NULL);
	strv_addl(&argv, "mmdebstrap", "--variant=essential", "--mode=root", "--format=directory",
		NULL);
	strv_addf(&argv, "--architectures=%s", r->arch);
	strv_addf(&argv, "--include=%s", include);
	for (size_t i = 0; i < ARRAY_LEN(dpkg_options); i++)
		strv_addf(&argv, "--dpkgopt=%s", dpkg_options[i]);
	if (options.n) { /* as a file: a proxy's address may hold a password */
		rc = write_options(apt, &options, e);
		if (rc < 0)
			return rc;
		strv_addf(&argv, "--aptopt=%s", apt);
	}
	if (r->cache) {
		strv_add(&argv, "--skip=essential/unlink");
		strv_addf(&argv, "--setup-hook=%s", use_cache);
		strv_addf(&argv, "--customize-hook=%s", leave_cache);
	}
	strv_addf(&argv, "--customize-hook=%s", customize);
	if (r->hook)
		strv_addf(&argv, "--customize-hook=%s", r->hook);
	strv_addl(&argv, r->suite, to, NULL);
	for (size_t i = 0; i < lines.n; i++)
		strv_add(&argv, lines.v[i]);
	rc = run_mmdebstrap(r, strv_get(&argv), e);
	(void)unlink(apt); /* goes with the folder anyway */
	return rc;
}

static int mmdebstrap_check(struct err *e)
{
	struct err why = { 0 };
	int rc = rootfs_program_check("mmdebstrap", "--version", "mmdebstrap", &why);
	if (rc == -ENOENT)
		return err_set(e, rc,
			"%s; or bring a root from elsewhere: --root FILE, a disk image or a tar "
			"(of mmdebstrap, debootstrap, docker export ...)",
			why.msg);
	return rc < 0 ? err_set(e, rc, "%s", why.msg) : 0;
}

/* What must be there, before the long work: behind unshare an absent program would only be an
 * exit code. */
static int check_programs(const struct recipe *r, struct err *e)
{
	int rc = rootfs_check(r->fstype, e);
	if (rc == 0)
		rc = rootfs_as_root_check(e);
	if (rc == 0)
		rc = mmdebstrap_check(e);
	if (rc == 0)
		rc = rootfs_program_check("unshare", "--version", "util-linux", e);
	if (rc == 0 && strcmp(r->arch, r->host_arch) != 0)
		rc = rootfs_program_check("arch-test", "-h", "arch-test", e);
	return rc;
}

static int list_packages(const char *root, const char *list, unsigned *ret_n, struct err *e)
{
	auto_buf struct buf status = { 0 };
	auto_buf struct buf text = { 0 };
	auto_free char *path = path_join(root, "var/lib/dpkg/status");
	int rc = file_read(path, STATUS_LIMIT, &status, e);
	if (rc < 0)
		return rc;
	*ret_n = recipe_list_packages(buf_str(&status), &text);
	return file_replace(list, buf_str(&text), text.len, 0644, e);
}

int recipe_make(const struct recipe *r, unsigned *ret_n, struct err *e)
{
	unsigned n = 0;
	auto_free char *root = path_join(r->dir, "root");
	auto_free char *image = xasprintf("%s/root.%s", r->dir, r->fstype);
	auto_free char *list = path_join(r->dir, "packages.txt");
	int rc = check_programs(r, e);
	if (rc == 0)
		rc = bootstrap(r, root, e);
	if (rc == 0)
		rc = list_packages(root, list, &n, e);
	if (rc < 0)
		return rc;
	auto_free char *say = xasprintf("root image: %u packages, writing %s", n, r->fstype);
	if (r->progress)
		r->progress(r->ctx, say);
	rc = rootfs_make(root, r->fstype, r->snapshot ? &r->moment_s : NULL, image, e);
	if (rc == 0)
		rc = rootfs_remove(root, e);
	if (rc == 0)
		*ret_n = n;
	return rc;
}
