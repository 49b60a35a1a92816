/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "config/values.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What one name has: of a setting without "*" from the start, else when it is first set. */
struct value {
	const struct setting *setting;
	char *name; /* "stage.X.timeout" */
	char *text; /* of a LIST or PATHS: all of them */
	uint64_t num;
	struct strv list;
	char *origin;
	bool set;
	bool own;
};

struct subsection {
	char *section; /* lower case */
	char *name;
};

struct config {
	struct value *values;
	size_t n_values;
	struct subsection *subsections;
	size_t n_subsections;
};

static const char *const no_words[] = { NULL };

static struct value *value_add(struct config *c, const struct setting *s, const char *name)
{
	c->values = xrealloc(c->values, (c->n_values + 1) * sizeof *c->values);
	struct value *v = &c->values[c->n_values++];
	*v = (struct value){ .setting = s, .name = xstrdup(name), .origin = xstrdup("default") };
	return v;
}

/* Names are the same but for letter case outside the subsection. */
static bool same_name(const char *a, const char *b)
{
	if (strcasecmp(a, b) != 0)
		return false;
	const char *dot = strchr(a, '.');
	const char *last = strrchr(a, '.');
	return strncmp(dot, b + (dot - a), (size_t)(last - dot)) == 0;
}

static struct value *value_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_values; i++)
		if (same_name(c->values[i].name, name))
			return &c->values[i];
	return NULL;
}

static int parse_number(const struct setting *s, const char *text, uint64_t *ret, struct err *e)
{
	uint64_t n = 0;
	int rc = s->type == SETTING_SIZE       ? parse_size(text, &n, e)
		 : s->type == SETTING_DURATION ? parse_duration(text, s->bare_us, &n, e)
					       : parse_u64(text, &n, e);
	if (rc < 0)
		return rc;
	auto_free char *low = config_number_text(s, s->min);
	auto_free char *high = config_number_text(s, s->max);
	if (n < s->min)
		return err_set(e, ERANGE, "'%.60s' is less than %s", text, low);
	if (s->max && n > s->max)
		return err_set(e, ERANGE, "'%.60s' is more than %s", text, high);
	*ret = n;
	return 0;
}

static int parse_choice(const struct setting *s, const char *text, struct err *e)
{
	auto_strv struct strv choices = { 0 };
	strv_split(&choices, s->choices, "|");
	if (strv_find(&choices, text) < choices.n)
		return 0;
	return err_set(e, EINVAL, "'%.60s' is not one of %s", text, s->choices);
}

/* Control characters have no use in any setting, and would break lines of logs, the kernel's
 * command line and messages; JSON wants UTF-8. */
static int check_text(const struct setting *s, const char *text, struct err *e)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, EINVAL, "has a control character");
	auto_buf struct buf clean = { 0 };
	utf8_clean(&clean, text, strlen(text));
	if (strcmp(buf_str(&clean), text) != 0)
		return err_set(e, EINVAL, "is not UTF-8");
	int rc = s->check && *text ? s->check(text, e) : 0;
	return rc < 0 ? err_wrap(e, "'%.60s'", text) : rc;
}

static char *resolve_path(const char *text, const char *dir)
{
	const char *home = getenv("HOME");
	if (!*text || *text == '/')
		return xstrdup(text);
	if (strncmp(text, "~/", 2) == 0 && home)
		return path_join(home, text + 2);
	return dir ? path_join(dir, text) : xstrdup(text);
}

/* A word that is no path: where `word` is "://" what git takes for a URL, "*": any without a slash,
 * too. */
static bool stands_for_itself(const struct setting *s, const char *text)
{
	if (!s->word)
		return false;
	bool any = strcmp(s->word, "*") == 0;
	if (!any && strcmp(s->word, "://") != 0)
		return strcmp(text, s->word) == 0;
	const char *slash = strchr(text, '/');
	const char *at = strchr(text, '@');
	const char *colon = at ? strchr(at, ':') : NULL;
	return (any && !slash) || strstr(text, "://") || (colon && (!slash || colon < slash));
}

/* Add the words or the path, or clear where there are none; all as one text, the caller's. */
static char *list_add(struct value *v, const char *text, const char *dir)
{
	size_t before = v->list.n;
	auto_free char *path =
		stands_for_itself(v->setting, text) ? xstrdup(text) : resolve_path(text, dir);
	if (v->setting->type == SETTING_LIST)
		strv_split(&v->list, text, " \t");
	else if (*path)
		strv_add(&v->list, path);
	if (v->list.n == before)
		strv_clear(&v->list);
	return strv_join(&v->list, " ");
}

/* `v` is as it was on failure. */
static int value_set(struct value *v, const char *text, const char *dir, struct err *e)
{
	const struct setting *s = v->setting;
	uint64_t n = 0;
	if (!text)
		return err_set(e, EINVAL, "needs a value");
	int rc = check_text(s, text, e);
	if (rc == 0 && (s->type == SETTING_COUNT || s->type == SETTING_SIZE ||
			       s->type == SETTING_DURATION))
		rc = parse_number(s, text, &n, e);
	if (rc == 0 && s->type == SETTING_CHOICE)
		rc = parse_choice(s, text, e);
	if (rc < 0)
		return rc;
	v->num = n;
	bool list = s->type == SETTING_LIST || s->type == SETTING_PATHS;
	char *whole = list ? list_add(v, text, dir)
		      : s->type == SETTING_PATH && !stands_for_itself(s, text)
			      ? resolve_path(text, dir)
			      : xstrdup(text);
	free(v->text);
	v->text = whole;
	return 0;
}

static void add_subsection(struct config *c, const char *name)
{
	const char *dot = strchr(name, '.');
	const char *last = strrchr(name, '.');
	auto_free char *section = xstrndup(name, (size_t)(dot - name));
	auto_free char *sub = xstrndup(dot + 1, (size_t)(last - dot - 1));
	for (size_t i = 0; i < c->n_subsections; i++)
		if (strcasecmp(c->subsections[i].section, section) == 0 &&
			strcmp(c->subsections[i].name, sub) == 0)
			return;
	c->subsections = xrealloc(c->subsections, (c->n_subsections + 1) * sizeof *c->subsections);
	c->subsections[c->n_subsections++] = (struct subsection){ take(&section), take(&sub) };
}

int config_assign(struct config *c, const struct assignment *a, struct err *e)
{
	const struct setting *s = config_setting(a->name);
	/* "*" alone is the table's own, and no stage's name. */
	if (!s || (strchr(s->name, '*') && strcasecmp(s->name, a->name) == 0)) {
		auto_free char *hint = config_hint(a->name);
		return err_set(e, EINVAL, "%s: unknown setting %.80s%s", a->where, a->name, hint);
	}
	struct value *v = value_find(c, a->name);
	if (!v) {
		v = value_add(c, s, a->name);
		add_subsection(c, a->name);
	}
	int rc = value_set(v, a->value, a->dir, e);
	if (rc < 0)
		return err_wrap(e, "%s: %.80s", a->where, strchr(s->name, '*') ? a->name : s->name);
	free(v->origin);
	v->origin = xstrdup(a->origin);
	v->set = true;
	v->own = a->own;
	return 0;
}

/* Of several paths, each word is one. */
static void set_default(struct value *v, const char *def)
{
	auto_strv struct strv words = { 0 };
	if (v->setting->type == SETTING_PATHS)
		strv_split(&words, def, " ");
	else
		strv_add(&words, def);
	for (size_t i = 0; i < words.n; i++) {
		int rc = value_set(v, words.v[i], NULL, NULL);
		assert(rc == 0); /* a default that its own range refuses */
		(void)rc;
	}
}

struct config *config_new(void)
{
	size_t n = 0;
	struct config *c = xcalloc(1, sizeof *c);
	const struct setting *s = config_settings(&n);
	for (size_t i = 0; i < n; i++) {
		struct value *v = value_add(c, &s[i], s[i].name);
		if (s[i].def)
			set_default(v, s[i].def);
	}
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_values; i++) {
		free(c->values[i].name);
		free(c->values[i].text);
		free(c->values[i].origin);
		strv_clear(&c->values[i].list);
	}
	for (size_t i = 0; i < c->n_subsections; i++) {
		free(c->subsections[i].section);
		free(c->subsections[i].name);
	}
	free(c->values);
	free(c->subsections);
	free(c);
}

/* The value of a name, or the "*" one, which holds the default. */
static const struct value *get(const struct config *c, const char *name)
{
	const struct value *v = value_find(c, name);
	if (v)
		return v;
	const struct setting *s = config_setting(name);
	assert(s); /* a name that is not in the table */
	v = value_find(c, s->name);
	assert(v);
	return v;
}

const char *config_str(const struct config *c, const char *name)
{
	const struct value *v = get(c, name);
	assert(v->setting->type == SETTING_TEXT || v->setting->type == SETTING_PATH ||
		v->setting->type == SETTING_CHOICE);
	/* An empty text takes back what an earlier file said. */
	return v->text && *v->text ? v->text : NULL;
}

uint64_t config_num(const struct config *c, const char *name)
{
	const struct value *v = get(c, name);
	assert(v->setting->type == SETTING_COUNT || v->setting->type == SETTING_SIZE ||
		v->setting->type == SETTING_DURATION);
	return v->num;
}

const char *const *config_list(const struct config *c, const char *name)
{
	const struct value *v = get(c, name);
	assert(v->setting->type == SETTING_LIST || v->setting->type == SETTING_PATHS);
	return v->list.n ? strv_get(&v->list) : no_words;
}

const char *config_text(const struct config *c, const char *name)
{
	const struct value *v = get(c, name);
	return v->text && *v->text ? v->text : NULL;
}

bool config_is_set(const struct config *c, const char *name)
{
	return get(c, name)->set;
}

bool config_is_own(const struct config *c, const char *name)
{
	return get(c, name)->own;
}

const char *config_origin(const struct config *c, const char *name)
{
	return get(c, name)->origin;
}

const char *config_subsection(const struct config *c, const char *section, size_t n)
{
	for (size_t i = 0; i < c->n_subsections; i++)
		if (strcasecmp(c->subsections[i].section, section) == 0 && n-- == 0)
			return c->subsections[i].name;
	return NULL;
}
