/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/warnings.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "kernel/slot.h"
#include <stdlib.h>
#include <string.h>

/* Without where the slot lies: "fs/btrfs/inode.c:12:3: warning: ...". */
static const char *in_tree(const struct slot *s, const char *text)
{
	size_t n = strlen(s->src);
	if (strncmp(text, s->src, n) == 0 && text[n] == '/')
		return text + n + 1;
	return strncmp(text, "../", 3) == 0 ? text + 3 : text;
}

/* What stays the same when lines are added above it: "fs/btrfs/inode.c: warning: ..."; the
 * caller's. */
static char *sense(const char *text)
{
	size_t n = strcspn(text, ":");
	const char *at = text + n;
	while (*at == ':' && strspn(at + 1, "0123456789"))
		at += 1 + strspn(at + 1, "0123456789");
	return xasprintf("%.*s%s", (int)n, text, at);
}

static json_t *member(json_t *j, const char *name)
{
	json_t *object = json_object_get(j, name);
	if (!json_is_object(object)) {
		object = json_object();
		json_object_set_new(j, name, object);
	}
	return object;
}

static void merge(const struct slot *s, json_t *objects, const json_t *made)
{
	const char *name;
	json_t *lines;
	json_object_foreach ((json_t *)made, name, lines) {
		size_t i;
		json_t *line;
		auto_json json_t *clean = json_array();
		json_array_foreach (lines, i, line)
			json_array_append_new(
				clean, json_string(in_tree(s, json_string_value(line))));
		if (json_array_size(clean))
			json_object_set(objects, name, clean);
		else
			(void)json_object_del(objects, name); /* it may have had none */
	}
}

/* How many `objects` have; `are` gets them, `new` those that `were` lacks. */
static json_int_t compare(json_t *objects, json_t *were, json_t *are, json_t *new)
{
	const char *name;
	json_t *lines;
	json_int_t n = 0;
	json_object_foreach (objects, name, lines) {
		size_t i;
		json_t *line;
		json_array_foreach (lines, i, line) {
			const char *text = json_string_value(line);
			auto_free char *key = sense(text ? text : "");
			n++;
			/* One of a header is said for each object. */
			if (!json_object_get(were, key) && !json_object_get(are, key))
				json_array_append(new, line);
			json_object_set_new(are, key, json_true());
		}
	}
	return n;
}

int warnings_note(const struct slot *s, const json_t *made, bool fresh, const char *built,
	json_t *manifest, struct err *e)
{
	auto_json json_t *j = NULL;
	auto_free char *path = path_join(s->dir, "warnings.json");
	if (json_read_object(path, &j, NULL) < 0)
		j = json_object();
	json_t *objects = member(j, "objects");
	if (fresh)
		json_object_clear(objects);
	merge(s, objects, made);
	if (built) {
		const char *before = json_str_or(j, "of", NULL);
		auto_json json_t *were = json_incref(member(j, "were"));
		auto_json json_t *new = json_array();
		json_t *are = json_object();
		json_object_set_new(
			manifest, "warnings", json_integer(compare(objects, were, are, new)));
		if (before) {
			json_object_set_new(manifest, "warnings_before", json_string(before));
			json_object_set(manifest, "new_warnings", new);
		}
		json_object_set_new(j, "of", json_string(built));
		json_object_set_new(j, "were", are);
	}
	auto_free char *text = json_line(j);
	return file_replace(path, text, strlen(text), 0644, e);
}
