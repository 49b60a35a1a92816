/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "site/html.h"
#include "site/site_priv.h"

#define FACT_MAX         500u /* bytes of one value */
#define KERNEL_LINES_MAX 40u  /* messages quoted under one test */
#define LOG_TAIL_LINES   30u
#define NOTES_SHOWN      3u

/* A value of the run record as text. */
static char *fact_text(const json_t *j)
{
	auto_buf struct buf b = { 0 };
	if (json_is_string(j)) {
		buf_adds(&b, json_string_value(j));
	} else if (json_is_number(j) || json_is_boolean(j)) {
		char *s = json_dumps(j, JSON_ENCODE_ANY);
		buf_adds(&b, s ? s : "");
		free(s);
	}
	if (b.len > FACT_MAX) {
		b.len = FACT_MAX;
		b.s[b.len] = '\0';
		buf_adds(&b, "...");
	}
	return buf_take(&b);
}

static void fact(struct buf *b, const char *label, const json_t *value)
{
	auto_free char *text = fact_text(value);
	if (*text)
		html_add(b, "<div><dt>", TEXT(label), "</dt><dd>", TEXT(text), "</dd></div>\n",
			NULL);
}

/* Its name, and why it is that one. */
static void accelerator(struct buf *b, const struct run_info *r)
{
	const char *why;
	const char *name = run_info_accel(r, &why);
	if (!*name)
		return;
	html_add(b, "<div><dt>Accelerator</dt><dd>", NULL);
	if (strcmp(name, "tcg") == 0)
		buf_adds(b, "TCG (emulated, slow)");
	else
		html_text(b, strcmp(name, "kvm") == 0 ? "KVM" : name);
	html_add(b, *why ? ": " : "", TEXT(why), "</dd></div>\n", NULL);
}

/* A member of the record's environment under the name that people have for it. */
static void environment_fact(struct buf *b, const char *key, const json_t *value)
{
	static const struct {
		const char *key, *label;
	} known[] = { { "arch", "Architecture" }, { "cpus", "CPUs" }, { "disk_bytes", "Disk size" },
		{ "disks", "Disks" }, { "host_kernel", "Host's kernel" },
		{ "memory_bytes", "Memory" }, { "qemu", "QEMU" } };
	if (strcmp(key, "accel_reason") == 0)
		return;
	const char *label = key;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].key, key) == 0)
			label = known[i].label;
	size_t n = strlen(key);
	if (n > 6 && strcmp(key + n - 6, "_bytes") == 0 && json_is_integer(value) &&
		json_integer_value(value) >= 0) {
		char text[PARSE_SIZE_TEXT];
		auto_json json_t *size =
			json_string(parse_size_text((uint64_t)json_integer_value(value), text));
		fact(b, label, size);
	} else {
		fact(b, label, value);
	}
}

/* What the kernel was built of, beside its source in one line. */
static void origin_facts(struct buf *b, const json_t *origin)
{
	size_t i;
	json_t *patch;
	auto_buf struct buf names = { 0 };
	json_array_foreach (json_object_get(origin, "patches"), i, patch)
		buf_addf(&names, "%s%s", i ? ", " : "", json_string_value(patch));
	auto_json json_t *patches = json_bytes(buf_str(&names), names.len);
	fact(b, "Commit", json_object_get(origin, "commit"));
	fact(b, "Tree", json_object_get(origin, "tree"));
	fact(b, "Patches", patches);
}

/* Of runs that were made together, all side by side. */
static void compare_fact(struct buf *b, const struct run_info *r, const char *site_dir)
{
	const char *group = json_str_or(r->first, "group", r->id);
	if (site_has_compare(site_dir, group))
		html_add(b, "<div><dt>Side by side</dt><dd><a href=\"../../compare/", URL(group),
			".html\">with the other kernels</a></dd></div>\n", NULL);
}

static void facts(struct buf *b, const struct run_info *r, const char *site_dir)
{
	const json_t *kernel = json_object_get(r->first, "kernel_source");
	buf_adds(b, "<dl class=\"facts\">\n");
	fact(b, "Booted kernel", json_object_get(r->target, "release"));
	fact(b, "Variant", json_object_get(r->first, "variant"));
	fact(b, "Kernel", kernel ? kernel : json_object_get(r->first, "kernel"));
	origin_facts(b, json_object_get(r->first, "kernel_origin"));
	fact(b, "Build id", json_object_get(r->first, "kernel_build_id"));
	const char *baseline = json_str_or(r->first, "baseline", NULL);
	if (baseline)
		html_add(b, "<div><dt>Baseline</dt><dd><a href=\"../", URL(baseline),
			"/index.html\">", TEXT(baseline), "</a></dd></div>\n", NULL);
	compare_fact(b, r, site_dir);
	accelerator(b, r);
	fact(b, "Host", json_object_get(r->first, "host"));
	fact(b, "Root image", json_object_get(r->first, "image"));
	buf_adds(b, "<div><dt>Started</dt><dd>");
	html_time(b, json_i64_or(r->first, "wall_us", 0));
	buf_adds(b, "</dd></div>\n<div><dt>Duration</dt><dd>");
	site_duration(b, r->duration_us);
	buf_adds(b, "</dd></div>\n");
	fact(b, "fsqa", json_object_get(r->first, "fsqa"));
	const char *key;
	json_t *value;
	json_t *environment = json_object_get(r->first, "environment");
	json_object_foreach (environment, key, value)
		environment_fact(b, key, value);
	buf_adds(b, "</dl>\n");
}

static void alert(struct buf *b, const char *class, const char *lead, const char *text)
{
	html_add(b, "<p class=\"alert ", class, "\"><strong>", lead, "</strong> ", TEXT(text),
		"</p>\n", NULL);
}

static int note_rank(const json_t *note)
{
	const char *level = json_str_or(note, "level", "");
	return strcmp(level, "error") == 0 ? 0 : strcmp(level, "warning") == 0 ? 1 : 2;
}

/* The weightiest first; more than a few are folded. */
static void notes(struct buf *b, const json_t *all)
{
	static const char *const leads[] = { "Error:", "Warning:", "Note:" };
	size_t n = json_array_size(all);
	size_t shown = 0;
	bool folds = n > NOTES_SHOWN + 1;
	for (int rank = 0; rank < 3; rank++) {
		size_t i;
		json_t *note;
		json_array_foreach (all, i, note) {
			if (note_rank(note) != rank)
				continue;
			if (folds && shown++ == NOTES_SHOWN) {
				buf_adds(b, "<details class=\"notes\"><summary>");
				html_number(b, n - NOTES_SHOWN);
				buf_adds(b, " more notes</summary>\n");
			}
			alert(b, rank == 0 ? "bad" : "note", leads[rank],
				json_str_or(note, "text", ""));
		}
	}
	if (folds)
		buf_adds(b, "</details>\n");
}

static void alerts(struct buf *b, const struct run_info *r)
{
	if (r->damage) {
		auto_free char *text = xasprintf("%s. What stands before it is shown; what came "
						 "behind it is not known.",
			r->damage);
		alert(b, "bad", "The record of this run is damaged:", text);
	}
	if (r->live)
		alert(b, "note",
			"Under way:", "this page shows what was known when it was written.");
	else if (!r->damage && (r->interrupted || !r->last))
		alert(b, "bad", "Interrupted:", "fsqa was stopped before this run had ended.");
	notes(b, r->notes);
}

static void reproduce(struct buf *b, const struct run_info *r)
{
	const char *command = json_str_or(r->first, "command", "");
	if (!*command)
		return;
	html_add(b,
		"<div class=\"reproduce\"><h3>Run it again</h3>\n"
		"<div class=\"command\"><pre tabindex=\"0\"><code id=\"command\">",
		TEXT(command),
		"</code></pre><button type=\"button\" data-copy=\"command\" hidden>Copy</button>"
		"</div></div>\n",
		NULL);
}

static void screencast(struct buf *b, const struct site_stage *s)
{
	const struct site_cast *c = &s->cast;
	if (!c->name) {
		buf_adds(b, "<span class=\"aside\">none</span>");
		return;
	}
	if (c->trouble && !c->has_picture) {
		html_add(b, "<span class=\"trouble\">", TEXT(c->trouble), "</span>", NULL);
		return;
	}
	if (c->thumb.duration_us == 0 && !*c->thumb.last_line) {
		buf_adds(b, "<span class=\"aside\">nothing was printed</span>");
		return;
	}
	char at[CLOCK_HUMAN_SIZE];
	char length[CLOCK_HUMAN_SIZE];
	html_add(b, "<a class=\"cast\" href=\"casts/", c->name, ".cast\" data-cast=\"", c->name,
		"\" data-title=\"", ATTR(s->name), "\"><img src=\"casts/", c->name,
		".svg\" loading=\"lazy\" width=\"", NULL);
	html_number(b, c->thumb.width);
	buf_adds(b, "\" height=\"");
	html_number(b, c->thumb.height);
	html_add(b, "\" alt=\"Terminal of ", ATTR(s->name), " at ",
		ATTR(clock_human(c->thumb.at_us, at)),
		"; its last line: ", ATTR(*c->thumb.last_line ? c->thumb.last_line : "blank"),
		"\"><span class=\"play\"><span aria-hidden=\"true\">\xe2\x96\xb6</span> ",
		TEXT(clock_human(c->thumb.duration_us, length)), c->cut ? ", cut" : "",
		"</span></a>", NULL);
}

static void file_link(struct buf *b, const struct site_file *f)
{
	char size[PARSE_SIZE_TEXT];
	if (!f->href) {
		html_add(b, "<li>", TEXT(f->title), " <span class=\"trouble\">", TEXT(f->trouble),
			"</span></li>\n", NULL);
		return;
	}
	html_add(b, "<li><a href=\"", ATTR(f->href), "\">", TEXT(f->title),
		"</a> <span class=\"aside\">", TEXT(parse_size_text(f->size, size)),
		f->cut ? ", cut" : "", "</span></li>\n", NULL);
}

static void logs(struct buf *b, const struct site_stage *s, const char *run)
{
	static const size_t shown = 4;
	if (s->n_files == 0) {
		buf_adds(b, "<span class=\"aside\">none</span>");
		return;
	}
	buf_adds(b, "<ul class=\"files\">\n");
	for (size_t i = 0; i < s->n_files && (i < shown || s->n_files == shown + 1); i++)
		file_link(b, &s->files[i]);
	buf_adds(b, "</ul>");
	if (s->n_files <= shown + 1)
		return;
	buf_adds(b, "<details class=\"more\"><summary>");
	html_number(b, s->n_files - shown + s->more_files);
	buf_adds(b, " more</summary><ul class=\"files\">\n");
	for (size_t i = shown; i < s->n_files; i++)
		file_link(b, &s->files[i]);
	buf_adds(b, "</ul>");
	if (s->more_files) {
		buf_adds(b, "<p>And ");
		html_number(b, s->more_files);
		html_add(b, " that are not laid out here: <code>fsqa logs ", TEXT(run), " ",
			TEXT(s->test), "</code></p>", NULL);
	}
	buf_adds(b, "</details>");
}

/* `lines`: texts, or records that have one; `all` of them there were. */
static void lines_quote(struct buf *b, const char *caption, const json_t *lines, int64_t all)
{
	if (json_array_size(lines) == 0)
		return;
	html_add(b, "<figure class=\"quote\"><figcaption>", caption,
		"</figcaption><pre tabindex=\"0\">", NULL);
	size_t i;
	json_t *line;
	json_array_foreach (lines, i, line) {
		if (i == KERNEL_LINES_MAX)
			break;
		const char *text = json_is_string(line) ? json_string_value(line)
							: json_str_or(line, "text", "");
		html_add(b, TEXT(text), "\n", NULL);
	}
	if (all > (int64_t)i) {
		buf_adds(b, "... and ");
		html_number(b, (uint64_t)all - i);
		buf_adds(b, " more\n");
	}
	buf_adds(b, "</pre></figure>\n");
}

/* What was done to the test's disks on purpose, what the kernel said that judged it, and of its
 * build the first error. */
static void kernel_quote(struct buf *b, const struct run_attempt *a)
{
	const json_t *said = json_object_get(a->end, "kernel_log");
	lines_quote(b, "Faults of disks that this test injected", a->faults,
		(int64_t)json_array_size(a->faults));
	lines_quote(b, "The kernel's log during this test", said,
		json_i64_or(a->end, "kernel_messages", (int64_t)json_array_size(said)));
	const json_t *error = json_object_get(a->end, "build_log");
	lines_quote(b, "The first error of the build", error, (int64_t)json_array_size(error));
}

/* Why it failed, in order, what is known of it, and what it printed against what was expected. */
static void output_differs(struct buf *b, const struct run_attempt *a)
{
	const json_t *causes = json_object_get(a->end, "causes");
	const char *diff = json_str_or(a->witness, "diff", "");
	const json_t *hints = json_object_get(a->witness, "hints");
	if (json_array_size(causes) > 1)
		lines_quote(b, "Why it failed, in order", causes, (int64_t)json_array_size(causes));
	lines_quote(b, "What the test says of it", hints, (int64_t)json_array_size(hints));
	if (*diff)
		html_add(b,
			"<figure class=\"quote\"><figcaption>Expected (-) and actual (+) output"
			"</figcaption><pre tabindex=\"0\">",
			TEXT(diff), json_bool_or(a->witness, "diff_cut", false) ? "..." : "",
			"</pre></figure>\n", NULL);
}

static void output_quote(struct buf *b, const struct run_info *run, const struct run_attempt *a)
{
	auto_buf struct buf text = { 0 };
	site_excerpt(run, a, SITE_EXCERPT_MAX, &text);
	if (text.len)
		html_add(b,
			"<figure class=\"quote\"><figcaption>The end of what it printed"
			"</figcaption><pre tabindex=\"0\">",
			TEXT(buf_str(&text)), "</pre></figure>\n", NULL);
}

/* The row below a test's own. */
static void evidence(
	struct buf *b, const struct run_info *run, const struct run_attempt *a, bool quote)
{
	size_t before = b->len;
	buf_adds(b, "<tr class=\"evidence\"><td colspan=\"4\">");
	size_t empty = b->len;
	kernel_quote(b, a);
	output_differs(b, a);
	if (quote)
		output_quote(b, run, a);
	if (b->len == empty) {
		b->len = before;
		b->s[before] = '\0';
		return;
	}
	buf_adds(b, "</td></tr>\n");
}

static void sub_line(struct buf *b, const struct site_stage *s, const struct run_attempt *a)
{
	html_add(b, "<tr class=\"", site_class(a->status), a->superseded ? " old" : "",
		"\"><th scope=\"row\" data-label=\"Test\">", TEXT(site_sub_name(s, a)), NULL);
	if (a->attempt > 1 || a->superseded) {
		buf_adds(b, " <span class=\"aside\">attempt ");
		html_number(b, (uint64_t)a->attempt);
		buf_adds(b, "</span>");
	}
	if (a->reason && *a->reason)
		html_add(b, "<span class=\"reason\">", TEXT(a->reason), "</span>", NULL);
	buf_adds(b, "</th><td data-label=\"Status\">");
	site_badge(b, a->status);
	buf_adds(b, "</td><td class=\"num\" data-label=\"Recording\">");
	if (s->cast.has_picture) {
		html_add(b, "<a class=\"jump\" href=\"casts/", s->cast.name, ".cast\" data-cast=\"",
			s->cast.name, "\" data-title=\"", ATTR(s->name), "\" data-status=\"",
			verdict_name(a->status), "\" data-at=\"", NULL);
		html_seconds(b, a->marker_us);
		buf_adds(b, "\"><span class=\"unseen\">in the recording </span>at ");
		site_duration(b, a->marker_us);
		buf_adds(b, "</a>");
	}
	buf_adds(b, "</td><td class=\"num\" data-label=\"Duration\">");
	site_duration(b, a->duration_us);
	buf_adds(b, "</td></tr>\n");
}

/* The row below a stage's own: what judged it, and its subtests folded. */
static void stage_details(struct buf *b, const struct run_info *run, const struct site_stage *s)
{
	size_t before = b->len;
	buf_adds(b, "<tr class=\"below\"><td colspan=\"5\">");
	size_t empty = b->len;
	if (s->attempt)
		kernel_quote(b, s->attempt);
	if (s->attempt && site_is_bad(s->attempt->status) && s->n_subs == 0)
		output_quote(b, run, s->attempt);
	if (s->n_subs) {
		unsigned counts[VERDICT_COUNT] = { 0 };
		bool bad = false;
		for (size_t i = 0; i < s->n_subs; i++) {
			counts[s->subs[i]->status]++;
			bad |= site_is_bad(s->subs[i]->status);
		}
		html_add(b, "<details", bad ? " open" : "", "><summary>", NULL);
		html_number(b, s->n_subs);
		html_add(b, s->n_subs == 1 ? " test: " : " tests: ", NULL);
		site_counts(b, counts);
		html_add(b,
			"</summary>\n<table class=\"cards subs\"><caption class=\"unseen\">Tests "
			"of ",
			TEXT(s->name),
			"</caption>\n<thead><tr><th scope=\"col\">Test</th>"
			"<th scope=\"col\">Status</th><th scope=\"col\" class=\"num\">Recording"
			"</th><th scope=\"col\" "
			"class=\"num\">Duration</th></tr></thead>\n<tbody>\n",
			NULL);
		unsigned quoted = 0;
		for (size_t i = 0; i < s->n_subs; i++) {
			sub_line(b, s, s->subs[i]);
			evidence(b, run, s->subs[i],
				site_is_bad(s->subs[i]->status) && quoted++ < SITE_EXCERPTS);
		}
		buf_adds(b, "</tbody></table></details>\n");
	}
	if (b->len == empty) {
		b->len = before;
		b->s[before] = '\0';
		return;
	}
	buf_adds(b, "</td></tr>\n");
}

static void stage_history(
	struct buf *b, const struct site_stage *s, const char *current, const char *site_dir)
{
	struct site_square squares[SITE_HISTORY];
	size_t n = 0;
	for (; n < s->n_history && n < SITE_HISTORY; n++)
		squares[n] = (struct site_square){ s->history[n].run, s->history[n].status,
			s->history[n].duration_us, false,
			site_has_page(site_dir, s->history[n].run) };
	if (n < 2)
		return;
	auto_free char *label = xasprintf("%s in the last %zu runs, oldest first", s->name, n);
	site_strip(b, "../../", label, current, squares, n);
}

static void stage_row(
	struct buf *b, const struct site_page *p, const struct site_stage *s, const char *site_dir)
{
	const struct run_attempt *a = s->attempt;
	html_add(b, "<tbody id=\"stage-", s->key, "\"", a && a->superseded ? " class=\"old\"" : "",
		">\n<tr><th scope=\"row\" data-label=\"Script\"><span class=\"name\">",
		TEXT(s->name), "</span>", NULL);
	if (a && (a->attempt > 1 || a->superseded)) {
		buf_adds(b, " <span class=\"aside\">attempt ");
		html_number(b, (uint64_t)a->attempt);
		if (a->batch) {
			buf_adds(b, ", batch ");
			html_number(b, (uint64_t)a->batch);
		}
		buf_adds(b, "</span>");
	}
	if (!a || !a->superseded)
		stage_history(b, s, p->run->id, site_dir);
	buf_adds(b, "</th>\n<td data-label=\"Status\">");
	if (a && !a->ended && p->run->live)
		site_run_badge(b, a->status, true, false);
	else
		site_badge(b, site_stage_status(s));
	const char *reason = a ? a->reason : "never reached";
	if (reason && *reason)
		html_add(b, "<span class=\"reason\">", TEXT(reason), "</span>", NULL);
	buf_adds(b, "</td>\n<td data-label=\"Screencast\">");
	screencast(b, s);
	buf_adds(b, "</td>\n<td data-label=\"Logs\">");
	logs(b, s, p->run->id);
	buf_adds(b, "</td>\n<td class=\"num\" data-label=\"Duration\">");
	if (a)
		site_duration(b, a->duration_us);
	buf_adds(b, "</td></tr>\n");
	stage_details(b, p->run, s);
	buf_adds(b, "</tbody>\n");
}

/* The serial console and the kernel's log, of each boot. */
static void kernel_section(struct buf *b, const struct site_page *p)
{
	bool any = false;
	for (size_t i = 0; i < p->n_stages; i++) {
		const struct site_stage *s = &p->stages[i];
		if (strcmp(s->test, "boot") != 0 || (!s->cast.name && s->n_files == 0))
			continue;
		if (!any)
			buf_adds(b, "<section aria-labelledby=\"h-console\"><h2 id=\"h-console\">"
				    "Console and kernel log</h2>\n");
		any = true;
		buf_adds(b, "<div class=\"console\">");
		screencast(b, s);
		buf_adds(b, "<ul class=\"files\">\n");
		for (size_t k = 0; k < s->n_files; k++)
			file_link(b, &s->files[k]);
		buf_adds(b, "</ul></div>\n");
		for (size_t k = 0; k < s->n_files; k++) {
			auto_buf struct buf tail = { 0 };
			if (strcmp(s->files[k].name, "kernel.log") == 0)
				site_excerpt_file(s->files[k].path, LOG_TAIL_LINES, &tail);
			if (tail.len)
				html_add(b,
					"<details><summary>End of the kernel's log</summary>"
					"<pre class=\"log\" tabindex=\"0\">",
					TEXT(buf_str(&tail)), "</pre></details>\n", NULL);
		}
	}
	if (any)
		buf_adds(b, "</section>\n");
}

static void title(struct buf *b, const struct run_info *r)
{
	const char *profile = json_str_or(r->first, "profile", "unknown profile");
	auto_free char *release = fact_text(json_object_get(r->target, "release"));
	auto_free char *text = xasprintf("%s %s: %s",
		r->live ? "RUNNING" : verdict_name(run_info_status(r)), profile, r->id);
	site_head(b, "../../", text);
	buf_adds(b, "<div class=\"title\"><h1>");
	site_run_badge(b, run_info_status(r), r->live, false);
	html_add(b, " <span class=\"profile\">", TEXT(profile), "</span>", NULL);
	if (*release)
		html_add(b, " <span class=\"on\">on ", TEXT(release), "</span>", NULL);
	html_add(b, "</h1>\n<p class=\"lead\">Run ", TEXT(r->id), ": ", NULL);
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	site_counts(b, counts);
	buf_adds(b, "</p></div>\n");
}

void site_page_run(struct buf *b, const struct site_page *p, const char *site_dir)
{
	title(b, p->run);
	alerts(b, p->run);
	buf_adds(b, "<section aria-labelledby=\"h-run\"><h2 id=\"h-run\" class=\"unseen\">This run"
		    "</h2>\n");
	facts(b, p->run, site_dir);
	reproduce(b, p->run);
	buf_adds(b,
		"</section>\n<section aria-labelledby=\"h-results\"><h2 id=\"h-results\">Results"
		"</h2>\n"
		"<table class=\"cards results\"><caption class=\"unseen\">Each script with its "
		"status, recording, logs and duration; its tests folded below it</caption>\n"
		"<thead><tr><th scope=\"col\">Script</th><th scope=\"col\">Status</th>"
		"<th scope=\"col\">Screencast</th><th scope=\"col\">Logs</th>"
		"<th scope=\"col\" class=\"num\">Duration</th></tr></thead>\n");
	for (size_t i = 0; i < p->n_stages; i++)
		stage_row(b, p, &p->stages[i], site_dir);
	if (p->n_stages == 0)
		buf_adds(
			b, "<tbody><tr><td colspan=\"5\">No test was started.</td></tr></tbody>\n");
	buf_adds(b, "</table></section>\n");
	kernel_section(b, p);
	site_foot(b, "../../");
}
