/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "config/config.h"
#include "run/gc.h"
#include <stdio.h>

static const char *const fates[] = {
	[GC_KEPT] = "kept",
	[GC_IN_USE] = "in use",
	[GC_GONE] = "removed",
	[GC_FAILED] = "failed",
};

struct sums {
	uint64_t all, gone;
	unsigned n_gone, failed;
};

static struct sums sums_of(const struct gc_list *l)
{
	struct sums s = { 0 };
	for (size_t n = 0; n < l->n; n++) {
		const struct gc_item *i = &l->items[n];
		s.all += i->bytes;
		s.gone += i->fate == GC_GONE ? i->bytes : 0;
		s.n_gone += i->fate == GC_GONE;
		s.failed += i->fate == GC_FAILED;
	}
	return s;
}

static json_t *item_json(const struct gc_item *i)
{
	char used[CLOCK_ISO_SIZE];
	return json_pack("{s:s, s:s, s:I, s:s, s:s?, s:s, s:s?}", "kind", gc_kind_name(i->kind),
		"name", i->name, "bytes", (json_int_t)i->bytes, "used", clock_iso(i->used_us, used),
		"user", i->user, "fate", fates[i->fate], "error", i->why);
}

static void print_json(const struct cli *cli, const struct gc_list *l, bool dry)
{
	const struct sums s = sums_of(l);
	json_t *items = json_array();
	for (size_t n = 0; n < l->n; n++)
		json_array_append_new(items, item_json(&l->items[n]));
	cli_print_json(cli, json_pack("{s:b, s:I, s:I, s:o}", "dry_run", dry, "bytes",
				    (json_int_t)(s.all - (dry ? 0 : s.gone)), "removed_bytes",
				    (json_int_t)s.gone, "items", items));
}

/* What goes and what could not; with -v all. */
static void print_items(struct cli *cli, const struct gc_list *l, bool dry)
{
	auto_table struct table *t =
		table_new("", "NAME", ">SIZE", "LAST USED", "USER", dry ? "WOULD BE" : "", NULL);
	for (size_t n = 0; n < l->n; n++) {
		char size[PARSE_SIZE_TEXT];
		char used[CLOCK_ISO_SIZE];
		const struct gc_item *i = &l->items[n];
		if (i->fate <= GC_IN_USE && cli_verbosity(cli) < 1)
			continue;
		table_cell(t, CLI_PLAIN, "%s", gc_kind_name(i->kind));
		table_cell(t, CLI_BOLD, "%s", i->name);
		table_cell(t, CLI_PLAIN, "%s", parse_size_text(i->bytes, size));
		table_cell(t, CLI_PLAIN, "%.10s", clock_iso(i->used_us, used));
		table_cell(t, CLI_PLAIN, "%s", i->user ? i->user : "-");
		table_cell(t, i->fate == GC_FAILED ? CLI_RED : CLI_PLAIN, "%s%s%s", fates[i->fate],
			i->why ? ": " : "", i->why ? i->why : "");
	}
	if (table_rows(t))
		table_print(cli, t);
}

static void print_sum(
	const struct cli *cli, const struct gc_list *l, const struct gc_policy *p, bool dry)
{
	char all[PARSE_SIZE_TEXT];
	char gone[PARSE_SIZE_TEXT];
	char max[PARSE_SIZE_TEXT];
	const struct sums s = sums_of(l);
	parse_size_text(s.all - s.gone, all);
	cli_note(cli, "%s %u, %s; %s %s of at most %s (gc.maxSize).",
		dry ? "Would remove" : "Removed", s.n_gone, parse_size_text(s.gone, gone),
		dry ? "that would leave" : "what is left takes", all,
		parse_size_text(p->max_bytes, max));
	if (s.all - s.gone > p->max_bytes)
		cli_warn(cli, "%s are more than gc.maxSize, %s: the rest is in use", all, max);
}

static int gc(struct cli *cli, int argc, char **argv)
{
	struct err e = { 0 };
	struct config *c = NULL;
	struct gc_list l = { 0 };
	auto_free char *state_dir = NULL;
	bool dry = cli_flag(cli, "dry-run");
	int code = cli_config(cli, &c);
	if (code == CLI_GOOD)
		code = cli_state_dir(cli, c, &state_dir);
	if (code != CLI_GOOD) {
		config_free(c);
		return code;
	}
	const struct gc_policy p = {
		.max_bytes = config_num(c, "gc.maxSize"),
		.max_age_us = config_num(c, "gc.maxAge"),
		.now_us = clock_wall_us(),
	};
	config_free(c);
	if (gc_collect(state_dir, &l, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	gc_choose(&l, &p);
	if (!dry)
		gc_remove(state_dir, &l);
	if (cli_wants_json(cli)) {
		print_json(cli, &l, dry);
	} else {
		print_items(cli, &l, dry);
		print_sum(cli, &l, &p, dry);
	}
	code = sums_of(&l).failed ? CLI_INFRA : CLI_GOOD;
	gc_clear(&l);
	return code;
}

static const struct command_option options[] = {
	{ "dry-run", 'n', NULL, "only say what would be removed", NULL, 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa gc --dry-run", "what would go, and how much that is" },
	{ "fsqa gc -c gc.maxSize=5G", "until all of it takes 5 GiB" },
	{ "fsqa gc -c gc.maxSize=0", "all that nobody uses just now" },
	{ 0 },
};

extern const struct command cmd_gc;
const struct command cmd_gc = {
	.name = "gc",
	.args = "",
	.summary = "make room: remove what can be made again",
	.help = "Removes kernels, the places where they were built, their sources, root images, "
		"built trees of fstests and "
		"saved machines until together they fit gc.maxSize, least recently used first: "
		"what nothing refers to, and only then what results and branches refer to. A "
		"kernel or image is referred to by the runs that were made with it, a kernel also "
		"by a branch whose tip it is, in one of the repositories that sources came from. "
		"What nothing refers to goes once it was not used for gc.maxAge, too.\n\n"
		"What somebody uses just now stays, a build or a run beside it is not disturbed. "
		"Results are never removed. What is needed again is fetched, built or made again. "
		"With -v all is listed, not only what goes.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = gc,
};
