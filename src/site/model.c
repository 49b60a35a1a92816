/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "site/site_priv.h"
#include "suite/testpath.h"

/* What its row is called: its stage, where its path ends with that, else its path. */
static const char *row_name(const struct run_attempt *a)
{
	size_t n = strlen(a->test);
	size_t m = strlen(a->stage);
	bool ends =
		m && n > m && a->test[n - m - 1] == '.' && strcmp(a->test + n - m, a->stage) == 0;
	return ends ? a->stage : a->test;
}

static struct site_stage *add_stage(
	struct site_page *p, const char *test, const char *name, const struct run_attempt *a)
{
	p->stages = xrealloc(p->stages, (p->n_stages + 1) * sizeof *p->stages);
	struct site_stage *s = &p->stages[p->n_stages++];
	*s = (struct site_stage){ .attempt = a };
	s->test = xstrdup(test);
	s->name = xstrdup(name);
	auto_free char *safe = site_safe_name(name);
	s->key = a && a->attempt > 1 ? xasprintf("%s.%jd", safe, (intmax_t)a->attempt)
				     : xstrdup(safe);
	return s;
}

static void add_sub(struct site_stage *s, const struct run_attempt *a)
{
	s->subs = xrealloc(s->subs, (s->n_subs + 1) * sizeof *s->subs);
	s->subs[s->n_subs++] = a;
}

/* The last attempt of the stage that the test lies below, in its batch, for it started after that;
 * NULL: the test is a stage itself. */
static struct site_stage *last_stage(struct site_page *p, const struct run_attempt *sub)
{
	for (size_t i = p->n_stages; i-- > 0;)
		if (p->stages[i].attempt->batch == sub->batch &&
			testpath_is_below(sub->test, p->stages[i].test))
			return &p->stages[i];
	return NULL;
}

static size_t plan_place(const json_t *tests, const char *test)
{
	size_t i;
	json_t *t;
	json_array_foreach (tests, i, t)
		if (json_is_string(t) && strcmp(json_string_value(t), test) == 0)
			return i + 1;
	return SIZE_MAX;
}

/* The kernel's build and its boot first, then as planned; attempts of one test in their order. */
static size_t place_of(const struct site_page *p, const struct site_stage *s)
{
	if (strcmp(s->test, "build") == 0)
		return 0;
	if (strcmp(s->test, "boot") == 0)
		return 1;
	return plan_place(json_object_get(p->run->plan, "tests"), s->test);
}

static void sort_stages(struct site_page *p)
{
	/* Few, and the order of equals must stay: insertion. */
	for (size_t i = 1; i < p->n_stages; i++) {
		struct site_stage s = p->stages[i];
		size_t place = place_of(p, &s);
		size_t k = i;
		for (; k > 0 && place_of(p, &p->stages[k - 1]) > place; k--)
			p->stages[k] = p->stages[k - 1];
		p->stages[k] = s;
	}
}

static void add_unreached(struct site_page *p)
{
	size_t i;
	json_t *t;
	json_array_foreach (json_object_get(p->run->plan, "tests"), i, t) {
		const char *test = json_string_value(t);
		bool known = !test;
		for (size_t k = 0; !known && k < p->n_stages; k++)
			known = strcmp(p->stages[k].test, test) == 0 ||
				testpath_is_below(test, p->stages[k].test);
		const char *dot = test ? strrchr(test, '.') : NULL;
		if (!known)
			add_stage(p, test, dot ? dot + 1 : test, NULL);
	}
}

void site_page_init(struct site_page *p, const struct run_info *run)
{
	*p = (struct site_page){ .run = run };
	for (size_t i = 0; i < run->n_attempts; i++) {
		const struct run_attempt *a = &run->attempts[i];
		struct site_stage *s = last_stage(p, a);
		if (s)
			add_sub(s, a);
		else
			add_stage(p, a->test, row_name(a), a);
	}
	add_unreached(p);
	sort_stages(p);
}

static void cast_clear(struct site_cast *c)
{
	free(c->name);
	free(c->trouble);
	thumb_clear(&c->thumb);
}

void site_file_clear(struct site_file *f)
{
	free(f->name);
	free(f->title);
	free(f->href);
	free(f->path);
	free(f->trouble);
}

void site_page_clear(struct site_page *p)
{
	for (size_t i = 0; i < p->n_stages; i++) {
		struct site_stage *s = &p->stages[i];
		free(s->test);
		free(s->name);
		free(s->key);
		free(s->subs);
		cast_clear(&s->cast);
		for (size_t k = 0; k < s->n_files; k++)
			site_file_clear(&s->files[k]);
		free(s->files);
		stage_rows_free(s->history, s->n_history);
	}
	free(p->stages);
	*p = (struct site_page){ 0 };
}

enum verdict site_stage_status(const struct site_stage *s)
{
	return s->attempt ? s->attempt->status : VERDICT_MISS;
}

const char *site_sub_name(const struct site_stage *s, const struct run_attempt *a)
{
	return testpath_is_below(a->test, s->test) ? a->test + strlen(s->test) + 1 : a->test;
}
