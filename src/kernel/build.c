/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "kernel/arch_names.h"
#include "kernel/debug_parts.h"
#include "kernel/entry.h"
#include "kernel/make.h"
#include "kernel/recipe.h"
#include "kernel/shelf.h"
#include "kernel/slot.h"
#include "kernel/source.h"
#include "kernel/warnings.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUILD_RECIPE 2 /* of how we build; another number builds all anew */
#define CONFIG_LIMIT (4u << 20)

struct build {
	struct shelf shelf;
	const char *state_dir;
	const struct kernel_recipe *recipe;
	struct source *source;
	struct asked asked;
	char *compiler, *linker;
	struct slot slot;
	struct make make; /* of the slot */
	bool ended;       /* make left nothing half made */
	bool skewed;      /* make could not tell what is old */
	bool believed;    /* the error is the source's, whatever obj had before */
	struct kernel_story *story;
	json_t *manifest;
};

static void build_clear(struct build *b)
{
	shelf_close(&b->shelf);
	source_free(b->source);
	asked_clear(&b->asked);
	free(b->compiler);
	free(b->linker);
	slot_clear(&b->slot);
	json_decref(b->manifest);
}

/* ---- what is to be built ---- */

static void hash_common(const struct build *b, struct hash *h)
{
	auto_free char *head = xasprintf(
		"build %d arch %u llvm %d", BUILD_RECIPE, b->shelf.arch->machine, b->recipe->llvm);
	hash_init(h);
	hash_add_str(h, head);
	hash_add_str(h, b->asked.sha256);
	hash_add_str(h, b->compiler);
	hash_add_str(h, b->linker);
}

static char *store_key(const struct build *b)
{
	char hex[HASH_HEX_SIZE];
	struct hash h;
	hash_common(b, &h);
	hash_add_str(&h, b->source->tree);
	hash_add_str(&h, b->source->commit ? b->source->commit : "");
	return xasprintf("build-%.16s_r%d", hash_hex(&h, hex), ENTRY_RECIPE);
}

static int take_slot(struct build *b, struct err *e)
{
	char hex[HASH_HEX_SIZE];
	struct hash h;
	hash_common(b, &h);
	hash_add_str(&h, b->source->mirror);
	auto_free char *name = xstrndup(hash_hex(&h, hex), 16);
	int rc = slot_take(b->state_dir, name, &b->slot, e);
	if (rc < 0)
		return rc;
	b->make = (struct make){
		.source = b->slot.src,
		.objects = b->slot.obj,
		.log = b->slot.log,
		.held = b->slot.lock,
		.recipe = b->recipe,
		.arch = b->shelf.arch,
		.cache = b->state_dir,
		.date_s = b->source->date_s,
		.progress = b->shelf.progress,
		.ctx = b->shelf.ctx,
	};
	return 0;
}

/* ---- make ---- */

static char *image_file(const struct build *b)
{
	const struct arch_names *names = arch_names(b->shelf.arch);
	return xasprintf("%s/arch/%s/boot/%s", b->slot.obj, names->folder, names->image);
}

static int config_of(const struct build *b, const char *option, char **ret, struct err *e)
{
	auto_free char *path = path_join(b->slot.obj, ".config");
	auto_buf struct buf config = { 0 };
	int rc = file_read(path, CONFIG_LIMIT, &config, e);
	if (rc == 0)
		*ret = config_value(buf_str(&config), option);
	return rc;
}

/* A compiler says so of a file that is as the source has it: no other objects would help. */
static bool is_sources_error(const struct build *b, const struct make_log *l)
{
	if (!l->error_file)
		return false;
	size_t n = strlen(b->slot.src);
	if (*l->error_file == '/')
		return strncmp(l->error_file, b->slot.src, n) == 0 && l->error_file[n] == '/';
	auto_free char *path = path_join(b->slot.src, l->error_file);
	return access(path, F_OK) == 0;
}

/* Once, in obj as it is. `configure`: its .config is to be made. */
static int run_make(struct build *b, bool configure, struct err *e)
{
	auto_free char *modules = NULL;
	auto_free char *gdb = NULL;
	auto_make_log struct make_log l = { 0 };
	b->ended = b->believed = b->skewed = false;
	int rc = file_replace(b->slot.log, "", 0, 0644, e);
	if (rc == 0)
		rc = slot_note(&b->slot, b->source->tree, configure ? SLOT_NEW : SLOT_CHANGING, e);
	if (rc == 0)
		rc = file_mkdirs(b->slot.obj, 0755, e);
	if (rc == 0 && configure)
		rc = asked_configure(&b->asked, &b->make, e);
	if (rc == 0)
		rc = config_of(b, "MODULES", &modules, e);
	if (rc == 0)
		rc = config_of(b, "GDB_SCRIPTS", &gdb, e);
	if (rc < 0)
		return rc;
	const char *targets[] = { arch_names(b->shelf.arch)->image, NULL, NULL, NULL };
	size_t n = 1;
	if (strcmp(modules, "y") == 0)
		targets[n++] = "modules";
	if (strcmp(gdb, "y") == 0)
		targets[n++] = "scripts_gdb";
	shelf_say(&b->shelf, "building");
	rc = make_run(&b->make, targets, &l, e);
	if (rc == -EBADMSG && l.context.len) {
		shelf_say(&b->shelf, buf_str(&l.context));
		free(b->story->excerpt);
		b->story->excerpt = buf_take(&l.context);
	}
	b->ended = l.ended;
	b->skewed = l.skewed;
	b->believed = is_sources_error(b, &l);
	int noted = warnings_note(&b->slot, l.made, !b->slot.tree,
		rc == 0 ? b->source->describe : NULL, b->manifest, rc == 0 ? e : NULL);
	rc = rc == 0 ? noted : rc;
	b->story->warnings = (unsigned)json_i64_or(b->manifest, "warnings", 0);
	if (rc == 0 && (!b->slot.tree || l.steps > b->slot.steps))
		b->slot.steps = l.steps;
	/* make may have asked itself again, of Kconfig files that we took for the same. */
	return rc < 0 ? rc : asked_check(&b->asked, &b->make, e);
}

/* From what the slot has; when that fails for what those objects can be to blame for, from nothing.
 */
static int make_kernel(struct build *b, struct err *e)
{
	struct err why = { 0 };
	uint64_t start = clock_mono_us();
	int rc = slot_checkout(&b->slot, b->source, e);
	if (rc == 0 && !b->slot.tree)
		rc = slot_forget(&b->slot, e);
	if (rc < 0)
		return rc;
	bool fresh = !b->slot.tree;
	b->story->tried = true;
	b->make.expected = fresh ? b->slot.steps : 0;
	rc = run_make(b, slot_reconfigures(&b->slot, b->source), &why);
	bool doubtful = (rc == -EBADMSG && !b->believed) || rc == -EINVAL || (rc == 0 && b->skewed);
	if (!fresh && doubtful) {
		shelf_say(&b->shelf, rc == 0 ? "the clock was set back: once more from nothing"
					     : "failed on top of what was built before: once more "
					       "from nothing");
		b->make.expected = b->slot.steps;
		rc = slot_forget(&b->slot, &why);
		if (rc == 0)
			rc = run_make(b, true, &why);
	}
	b->story->took_us = clock_mono_us() - start;
	/* The next build in this place begins a log of its own. */
	b->story->log = fopen(b->slot.log, "re");
	if (b->ended && rc != -EINVAL &&
		slot_note(&b->slot, b->source->tree, SLOT_WHOLE, &why) < 0 && rc == 0)
		rc = why.code;
	if (rc < 0)
		b->story->error = xstrdup(why.msg);
	if (rc == -EBADMSG)
		return err_set(e, rc, "%s does not build: %s (all of it: %s)", b->source->describe,
			why.msg, b->slot.log);
	return rc < 0 ? err_set(e, rc, "%s", why.msg) : 0;
}

/* ---- the entry ---- */

static int keep_file(const char *from, const char *dir, const char *name, struct err *e)
{
	auto_free char *to = path_join(dir, name);
	return file_copy(from, to, 0644, e);
}

/* Nothing is a module: modprobe is to know what is built in all the same. */
static int list_builtin(const struct build *b, const char *dir, struct err *e)
{
	static const char *const names[] = { "modules.builtin", "modules.builtin.modinfo" };
	auto_free char *order = path_join(dir, "modules.order");
	int rc = file_mkdirs(dir, 0755, e);
	if (rc == 0)
		rc = file_replace(order, "", 0, 0644, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(names); i++) {
		auto_free char *from = path_join(b->slot.obj, names[i]);
		rc = keep_file(from, dir, names[i], e);
	}
	return rc;
}

/* /lib/modules/RELEASE, below a folder in `tmp`. */
static int install_modules(struct build *b, const char *tmp, char **ret, struct err *e)
{
	auto_free char *root = path_join(tmp, "root");
	auto_free char *option = xasprintf("INSTALL_MOD_PATH=%s", root);
	auto_free char *kernel = path_join(b->slot.obj, "vmlinux");
	auto_free char *release = NULL;
	auto_free char *modular = NULL;
	uint16_t machine;
	const char *const targets[] = { "modules_install", option, "INSTALL_MOD_STRIP=1", NULL };
	auto_make_log struct make_log l = { 0 };
	int rc = entry_look(kernel, &release, &machine, e);
	if (rc == 0)
		rc = config_of(b, "MODULES", &modular, e);
	if (rc < 0)
		return rc;
	auto_free char *dir = xasprintf("%s/lib/modules/%s", root, release);
	rc = strcmp(modular, "y") == 0 ? make_run(&b->make, targets, &l, e)
				       : list_builtin(b, dir, e);
	if (rc == 0)
		rc = entry_depmod(root, release, e);
	if (rc == 0)
		*ret = take(&dir);
	return rc;
}

static void set_text(json_t *m, const char *name, const char *text)
{
	json_object_set_new(m, name, text ? json_string(text) : json_null());
}

static json_t *words(const struct strv *v)
{
	json_t *j = json_array();
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(j, json_string(v->v[i]));
	return j;
}

/* Where it is from, to who asks now. */
static json_t *origin_of(const struct build *b)
{
	const struct source *s = b->source;
	json_t *j = json_object();
	auto_free char *text = source_text(s);
	set_text(j, "source", text);
	set_text(j, "origin", s->origin);
	set_text(j, "describe", s->describe);
	json_object_set_new(j, "dirty", json_boolean(s->dirty));
	json_object_set_new(j, "patches", words(&s->patches));
	set_text(j, "commit", s->commit);
	set_text(j, "tree", s->tree);
	set_text(j, "base", b->recipe->base);
	json_object_set_new(j, "fragments", words(&b->asked.names));
	return j;
}

/* What the key stands for; but "first", who it was built for first. */
static void describe(struct build *b)
{
	const struct source *s = b->source;
	auto_free char *text = xasprintf("tree %.12s%s%.12s", s->tree,
		s->commit ? " of commit " : "", s->commit ? s->commit : "");
	auto_strv struct strv flags = { 0 };
	json_t *m = b->manifest;
	make_variables(&b->make, &flags);
	set_text(m, "source", text);
	set_text(m, "commit", s->commit);
	set_text(m, "tree", s->tree);
	json_object_set(m, "first", b->story->origin);
	set_text(m, "compiler", b->compiler);
	set_text(m, "linker", b->linker);
	json_object_set_new(m, "flags", words(&flags));
	json_object_set_new(m, "build_s", json_real((double)b->story->took_us / 1e6));
}

static int fill_entry(struct build *b, const char *tmp, struct err *e)
{
	bool flat = arch_names(b->shelf.arch)->flat;
	auto_free char *image = image_file(b);
	auto_free char *vmlinux = path_join(b->slot.obj, "vmlinux");
	auto_free char *config = path_join(b->slot.obj, ".config");
	auto_free char *root = path_join(tmp, "root");
	auto_free char *modules = NULL;
	int rc = install_modules(b, tmp, &modules, e);
	/* vmlinux as the linker made it: it boots, and gdb reads it. */
	const struct entry_parts parts = { flat ? image : vmlinux, modules, config };
	if (rc == 0) /* before: which of both it enters is seen there */
		rc = flat ? keep_file(vmlinux, tmp, "vmlinux", e)
			  : keep_file(image, tmp, "bzImage", e);
	if (rc == 0)
		rc = entry_make(tmp, &parts, b->shelf.progress, b->shelf.ctx, b->manifest, e);
	if (rc == 0)
		rc = file_remove_tree(root, e);
	if (rc == 0 && flat)
		rc = entry_build_id(vmlinux, false, b->manifest, e);
	if (rc == 0)
		rc = debug_parts(b->slot.obj, tmp, e);
	return rc < 0 ? rc : keep_file(b->slot.log, tmp, "build.log", e);
}

static int make_entry(struct build *b, const char *key, struct kernel **ret, struct err *e)
{
	auto_depot_build struct depot_build d = DEPOT_BUILD_NONE;
	int rc = shelf_begin(&b->shelf, key, &d, ret, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = take_slot(b, e);
	if (rc == 0)
		rc = make_kernel(b, e);
	if (rc == 0) {
		describe(b);
		rc = fill_entry(b, d.tmp, e);
	}
	return rc < 0 ? shelf_full(&b->shelf, rc, e)
		      : shelf_publish(&b->shelf, &d, b->manifest, key, ret, e);
}

static int build(struct build *b, struct kernel **ret, struct err *e)
{
	const struct kernel_recipe *r = b->recipe;
	int rc = asked_read(r, b->shelf.arch, &b->asked, e);
	if (rc == 0)
		rc = source_get(b->state_dir, r->source, &source_kernel, b->shelf.progress,
			b->shelf.ctx, &b->source, e);
	if (rc == 0)
		rc = source_patch(
			b->state_dir, b->source, r->patches, b->shelf.progress, b->shelf.ctx, e);
	if (rc == 0)
		rc = make_toolchain(r, b->shelf.arch, &b->compiler, &b->linker, e);
	if (rc < 0)
		return rc;
	auto_free char *key = store_key(b);
	b->story->origin = origin_of(b);
	*ret = shelf_load(&b->shelf, key);
	if (!*ret)
		rc = make_entry(b, key, ret, e);
	if (rc < 0)
		return rc;
	b->story->stored = !b->story->tried;
	free((*ret)->source); /* the same tree may have come from elsewhere before */
	(*ret)->source = source_text(b->source);
	return 0;
}

void kernel_story_clear(struct kernel_story *s)
{
	json_decref(s->origin);
	free(s->error);
	free(s->excerpt);
	if (s->log)
		(void)fclose(s->log); /* only read */
	*s = (struct kernel_story){ 0 };
}

int kernel_build(const char *state_dir, const struct kernel_recipe *r,
	const struct kernel_arch *arch, kernel_progress *progress, void *ctx,
	struct kernel_story *story, struct kernel **ret, struct err *e)
{
	struct err why = { 0 };
	struct kernel *k = NULL;
	auto_free char *whole = realpath(state_dir, NULL); /* make is run elsewhere */
	struct build b = {
		.state_dir = whole ? whole : state_dir,
		.recipe = r,
		.story = story,
		.slot = { .lock = -1 },
		.manifest = json_object(),
	};
	shelf_open(&b.shelf, b.state_dir, arch, progress, ctx);
	int rc = build(&b, &k, &why);
	build_clear(&b);
	if (rc < 0 && story->tried && !story->error) /* it is built, and could not be kept */
		story->error = xstrdup(why.msg);
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	*ret = k;
	return 0;
}
