/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/repro.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "store/store.h"
#include "suite/fstests_applied.h"
#include "suite/suite.h"
#include "suite/testpath.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void repro_clear(struct repro *p)
{
	free(p->section);
	free(p->name);
	strv_clear(&p->before);
	strv_clear(&p->words);
	strv_clear(&p->doubts);
	*p = (struct repro){ 0 };
}

/* ---- which test ---- */

static bool is_asked(const char *path, const char *asked)
{
	size_t n = strlen(path);
	size_t k = strlen(asked);
	return n >= k && strcmp(path + n - k, asked) == 0 && (n == k || path[n - k - 1] == '.');
}

/* The last that failed, else the last. */
static bool is_better(const struct run_attempt *a, const struct run_attempt *than)
{
	return !than || a->status <= VERDICT_ERROR || than->status > VERDICT_ERROR;
}

static int find_attempt(
	const struct run_info *r, const char *test, const struct run_attempt **ret, struct err *e)
{
	auto_free char *asked = xstrdup(test);
	auto_strv struct strv known = { 0 };
	const struct run_attempt *found = NULL;
	bool exact = false;
	for (char *s = asked; *s; s++)
		if (*s == '/')
			*s = '.';
	for (size_t i = 0; i < r->n_attempts; i++)
		exact |= strcmp(r->attempts[i].test, asked) == 0;
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		const char *name = testpath_below(a->test);
		strv_add(&known, a->test);
		if (name) /* it is asked for by either */
			strv_add(&known, name);
		if (exact ? strcmp(a->test, asked) != 0 : !is_asked(a->test, asked))
			continue;
		if (found && strcmp(found->test, a->test) != 0)
			return err_set(e, ENOTUNIQ, "%s: '%s' may be %s or %s", r->id, test,
				found->test, a->test);
		if (is_better(a, found))
			found = a;
	}
	if (found) {
		*ret = found;
		return 0;
	}
	auto_free char *hint = nearest_hint(asked, strv_get(&known));
	return err_set(e, ENOENT, "%s: no test '%s' ran%s", r->id, test, hint);
}

/* All that its machine did since it came up, by how many calls of check it may be; what is of
 * another section or of scripts cannot be put before it by a command line. */
static void find_before(struct repro *p)
{
	const struct run_attempt *a = p->attempt;
	auto_strv struct strv others = { 0 };
	while (a > p->run->attempts &&
		(strcmp(a->test, "boot") != 0 || a->batch != p->attempt->batch))
		a--;
	for (; a < p->attempt; a++) {
		bool ours = strcmp(a->stage, p->attempt->stage) == 0;
		if (a->batch != p->attempt->batch || strcmp(a->test, "boot") == 0)
			continue;
		if (!ours && run_attempt_is_stage(a))
			strv_add(&others, a->test);
		/* One that was not reached has a record, and did not run. */
		if (!ours || json_i64_or(a->end, "stage_attempt", 0) == 0)
			continue;
		auto_free char *name = testpath_name(a->test);
		if (strv_find(&p->before, name) == p->before.n && strcmp(name, p->name) != 0)
			strv_add(&p->before, name);
	}
	auto_free char *names = strv_join(&others, ", ");
	if (others.n)
		strv_addf(&p->doubts, "before it there ran in its machine, too: %s", names);
}

/* ---- its command ---- */

/* What strv_shell made into one line. */
static void unquote(const char *s, struct strv *ret)
{
	while (*s) {
		auto_buf struct buf word = { 0 };
		bool in = false;
		for (; *s && (in || *s != ' '); s++) {
			if (*s == '\'')
				in = !in;
			else if (!in && s[0] == '\\' && s[1])
				buf_addc(&word, *++s);
			else
				buf_addc(&word, *s);
		}
		strv_add(ret, buf_str(&word));
		s += *s == ' ';
	}
}

/* Options of `fsqa run` that say where, which tests, on which kernels, and what is done with them:
 * others stand in their place. */
static const struct dropped {
	const char *name;
	char letter;
	bool has_value;
} dropped[] = {
	{ "kernel", 'k', true },
	{ "variant", 0, true },
	{ "stage", 's', true },
	{ "from", 0, true },
	{ "test", 0, true },
	{ "group", 'g', true },
	{ "section", 0, true },
	{ "dry-run", 'n', false },
	{ "keep", 0, false },
	{ "json", 0, false },
	{ "failed", 0, true },
	{ "shuffle", 0, true },
	{ "smoke", 0, false },
	{ "loop", 0, true },
	{ "until-fail", 0, false },
	{ "resume", 0, true },
	{ "directory", 'C', true },
};

/* How many words from `w` on are such an option, 0: it is none. */
static size_t is_dropped(const char *w)
{
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
		const struct dropped *d = &dropped[i];
		size_t n = strlen(d->name);
		if (strncmp(w, "--", 2) == 0 && strncmp(w + 2, d->name, n) == 0) {
			if (w[2 + n] == '=')
				return 1;
			if (w[2 + n] == '\0')
				return d->has_value ? 2 : 1;
		}
		if (d->letter && w[0] == '-' && w[1] == d->letter)
			return d->has_value && !w[2] ? 2 : 1;
	}
	return 0;
}

/* The kernel as it can be had again: of a source the commit. */
static void add_kernel(struct repro *p, const char *asked)
{
	const json_t *origin = json_object_get(p->run->first, "kernel_origin");
	const char *from = json_str_or(origin, "origin", "");
	const char *commit = json_str_or(origin, "commit", "");
	const char *variant = json_str_or(p->run->first, "variant", NULL);
	bool changed = json_bool_or(origin, "dirty", false);
	if (*from && *commit && !changed)
		strv_addf(&p->words, "--kernel=%.*s#%s", (int)strcspn(from, "#"), from, commit);
	else if (asked)
		strv_addf(&p->words, "--kernel=%s", asked);
	if (changed)
		strv_addf(&p->doubts, "%s had changes that are in no commit", from);
	else if (!*commit)
		strv_addf(&p->doubts, "the kernel is whatever %s is now",
			asked ? asked : "the profile names");
	if (variant)
		strv_addf(&p->words, "--variant=%s", variant);
}

/* The value of the n-th word where it is an option --kernel. */
static const char *kernel_of(const struct strv *words, size_t i)
{
	const char *w = words->v[i];
	if (strncmp(w, "--kernel=", 9) == 0)
		return w + 9;
	if (strncmp(w, "-k", 2) == 0 && w[2])
		return w + 2;
	bool apart = strcmp(w, "--kernel") == 0 || strcmp(w, "-k") == 0;
	return apart && i + 1 < words->n ? words->v[i + 1] : NULL;
}

static int make_words(struct repro *p, struct err *e)
{
	auto_strv struct strv words = { 0 };
	auto_free char *asked = NULL;
	unsigned n_kernels = 0;
	unquote(json_str_or(p->run->first, "command", ""), &words);
	if (words.n < 2)
		return err_set(
			e, ENODATA, "%s: its record does not say how it was run", p->run->id);
	strv_add(&p->words, words.v[0]);
	const char *cwd = json_str_or(p->run->first, "cwd", NULL);
	if (cwd)
		strv_addl(&p->words, "-C", cwd, NULL);
	for (size_t i = 1; i < words.n; i++) {
		size_t skip = is_dropped(words.v[i]);
		const char *kernel = kernel_of(&words, i);
		if (kernel) {
			free(asked);
			asked = xstrdup(kernel);
			n_kernels++;
		}
		if (skip)
			i += skip - 1;
		else
			strv_add(&p->words, words.v[i]);
	}
	if (json_object_get(p->run->first, "shuffle"))
		strv_addf(&p->doubts, "tests run in order of name, and did not then (--shuffle)");
	if (n_kernels > 1) { /* which of them, only the record of the kernel knows */
		free(asked);
		asked = xstrdup(json_str_or(p->run->first, "kernel_source", "debian"));
	}
	add_kernel(p, asked);
	return 0;
}

int repro_find(const struct run_info *r, const char *test, struct repro *ret, struct err *e)
{
	struct repro p = { .run = r };
	int rc = find_attempt(r, test, &p.attempt, e);
	if (rc < 0)
		return rc;
	p.listed = testpath_is_below(p.attempt->test, suite_fstests.name) &&
		   !run_attempt_is_stage(p.attempt);
	p.section = xstrdup(p.attempt->stage);
	p.name = p.listed ? testpath_name(p.attempt->test) : xstrdup("");
	if (p.listed)
		find_before(&p);
	rc = make_words(&p, e);
	if (rc < 0)
		repro_clear(&p);
	else
		*ret = p;
	return rc;
}

void repro_argv(const struct repro *p, const char *const *before, struct strv *argv)
{
	auto_buf struct buf tests = { 0 };
	for (size_t i = 0; i < p->words.n; i++)
		strv_add(argv, p->words.v[i]);
	if (testpath_is_below(p->attempt->test, suite_script.name))
		strv_addf(argv, "--stage=%s", p->section);
	if (!testpath_is_below(p->attempt->test, suite_fstests.name))
		return;
	/* An empty value takes back what the profile has. */
	strv_addl(argv, "-c", "run.slots=1", "-c", "fstests.sections=", "-c", NULL);
	strv_addf(argv, "fstests.sections=%s", p->section);
	if (!p->listed)
		return;
	for (; before && *before; before++)
		buf_addf(&tests, "%s ", *before);
	strv_addl(argv, "-c", "fstests.groups=", "-c", "fstests.excludeGroups=", "-c",
		"fstests.tests=", "-c", NULL);
	strv_addf(argv, "fstests.tests=%s%s", buf_str(&tests), p->name);
}

/* ---- without fsqa ---- */

static void plain_kernel(const struct repro *p, struct buf *out)
{
	const json_t *first = p->run->first;
	const json_t *origin = json_object_get(first, "kernel_origin");
	const char *from = json_str_or(origin, "origin", "");
	size_t i;
	json_t *patch;
	buf_addf(out, "# 1. The kernel: %s, build id %s\n", json_str_or(first, "kernel", "?"),
		json_str_or(first, "kernel_build_id", "not known"));
	if (!*json_str_or(origin, "commit", "")) {
		buf_addf(out, "#    It was not built from a commit, but taken from %s\n",
			json_str_or(first, "kernel_source", "?"));
		return;
	}
	buf_addf(out, "git clone %.*s linux && git -C linux checkout %s\n", (int)strcspn(from, "#"),
		from, json_str_or(origin, "commit", ""));
	json_array_foreach (json_object_get(origin, "patches"), i, patch)
		buf_addf(out, "git -C linux am %s\n", json_string_value(patch));
	buf_addf(out,
		"#    its configuration: fsqa kernel show %s, or kernels/%s/config of fsqa's "
		"state\n"
		"cp config linux/.config\n"
		"make -C linux olddefconfig && make -C linux -j\"$(nproc)\" bzImage modules\n",
		json_str_or(first, "kernel_key", "KEY"), json_str_or(first, "kernel_key", "KEY"));
}

static void plain_machine(const struct repro *p, struct buf *out)
{
	const json_t *env = json_object_get(p->run->first, "environment");
	int64_t disks = json_i64_or(env, "disks", 0);
	buf_addf(out, "\n# 2. The machine: %s, %s, %" PRId64 " disks of %" PRId64 " bytes\n",
		json_str_or(p->run->first, "image", "some root"),
		json_str_or(env, "arch", "x86_64"), disks, json_i64_or(env, "disk_bytes", 0));
	buf_addf(out,
		"#    root.img: that distribution, with the packages that fstests builds with\n"
		"for i in $(seq %" PRId64 "); do truncate -s %" PRId64 " disk$i.img; done\n"
		"qemu-system-%s -m %" PRId64 "M -smp %" PRId64 " -nographic \\\n"
		"\t-kernel linux/arch/x86/boot/bzImage -append 'root=/dev/vda rw console=ttyS0' "
		"\\\n"
		"\t-drive file=root.img,format=raw,if=virtio",
		disks, json_i64_or(env, "disk_bytes", 0), json_str_or(env, "arch", "x86_64"),
		json_i64_or(env, "memory_bytes", 0) >> 20, json_i64_or(env, "cpus", 1));
	for (int64_t i = 1; i <= disks && i <= 64; i++)
		buf_addf(out, " \\\n\t-drive file=disk%" PRId64 ".img,format=raw,if=virtio", i);
	buf_adds(out, "\n");
}

static void plain_tests(const struct repro *p, const char *const *before, struct buf *out)
{
	const json_t *tree = json_object_get(p->run->first, "fstests");
	const char *config =
		json_str_or(json_object_get(p->run->plan, "sections"), p->section, NULL);
	const char *commit = json_str_or(tree, "commit", "");
	buf_adds(out, "\n# 3. In it (fsqa's first disk is disk1.img: give local.config the names "
		      "that they have there)\n");
	if (!p->listed) {
		buf_addf(out, "#    the profile's stage %s\n", p->section);
		return;
	}
	/* "/src/xfstests#for-next v2026.01.05": where it is, the ref, what git calls it */
	const char *source = json_str_or(tree, "source", "FSTESTS");
	buf_addf(out, "git clone %.*s fstests && cd fstests%s%s && make\n",
		(int)strcspn(source, " #"), source, *commit ? " && git checkout " : "", commit);
	if (config)
		buf_addf(out, "cat >local.config <<'END'\n%sEND\n", config);
	buf_adds(out, "mkdir -p /mnt/test /mnt/scratch\n"
		      "for u in fsgqa fsgqa2 123456-fsgqa; do useradd --badname -m $u; done\n");
	auto_strv struct strv dev = { 0 };
	if (config)
		fstests_test_dev(config, p->section, &dev);
	if (dev.n == 3 && *dev.v[2]) /* FSTYP, MKFS_OPTIONS, TEST_DEV */
		buf_addf(out, "mkfs.%s %s%s%s %s\n", dev.v[0],
			strncmp(dev.v[0], "ext", 3) == 0 ? "-F" : "-f", *dev.v[1] ? " " : "",
			dev.v[1], dev.v[2]);
	buf_addf(out, "./check -s %s%s", p->section,
		json_object_get(p->run->first, "shuffle") ? " --exact-order" : "");
	for (; before && *before; before++)
		buf_addf(out, " %s", *before);
	buf_addf(out, " %s\n", p->name);
}

void repro_plain(const struct repro *p, const char *const *before, struct buf *out)
{
	buf_addf(out, "# %s of run %s: %s\n", p->attempt->test, p->run->id,
		verdict_name(p->attempt->status));
	plain_kernel(p, out);
	plain_machine(p, out);
	plain_tests(p, before, out);
}
