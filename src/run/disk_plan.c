/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/disk_plan.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/strv.h"
#include "config/config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* '%' in the pattern is its letters, b for the first, and as the kernel counts on: z, aa, ab. */
char *disk_plan_name(const struct config *c, unsigned i)
{
	const char *pattern = config_str(c, "disk.names");
	const char *percent = strchr(pattern, '%'); /* the table checks that there is one */
	char letters[3] = { 0 };
	unsigned n = i + 1;
	if (n < 26)
		letters[0] = (char)('a' + n);
	else /* fits: 60 disks at most */
		(void)snprintf(letters, sizeof letters, "%c%c", 'a' + n / 26 - 1, 'a' + n % 26);
	return xasprintf("%.*s%s%s", (int)(percent - pattern), pattern, letters, percent + 1);
}

/* The setting of this disk, else of all; the caller's. */
static char *key_of(const struct config *c, const char *disk, const char *key)
{
	char *own = xasprintf("disk.%s.%s", disk, key);
	if (config_is_set(c, own))
		return own;
	free(own);
	return xasprintf("disk.%s", key);
}

static bool is_choice(const struct config *c, const char *disk, const char *key, const char *choice)
{
	auto_free char *name = key_of(c, disk, key);
	return strcmp(config_str(c, name), choice) == 0;
}

static void set_number(json_t *j, const char *key, uint64_t v)
{
	json_object_set_new(j, key, json_integer((json_int_t)v));
}

static uint64_t number_of(const char *text)
{
	return strtoul(text, NULL, 10); /* a choice: it is a number */
}

static int check_zones(
	const struct config *c, const char *disk, uint64_t size, uint64_t zone, struct err *e)
{
	char text[PARSE_SIZE_TEXT];
	char zone_text[PARSE_SIZE_TEXT];
	auto_free char *key = key_of(c, disk, "size");
	if (zone & (zone - 1))
		return err_set(e, EINVAL, "disk.zoneSize (%s) is %s: want a power of two",
			config_origin(c, "disk.zoneSize"), parse_size_text(zone, text));
	if (size % zone)
		return err_set(e, EINVAL,
			"%s (%s) of zoned disk %s is %s: want a multiple of disk.zoneSize, %s", key,
			config_origin(c, key), disk, parse_size_text(size, text),
			parse_size_text(zone, zone_text));
	return 0;
}

static int add_disk(
	const struct config *c, const char *name, json_t *all, bool *ret_zoned, struct err *e)
{
	auto_free char *size_key = key_of(c, name, "size");
	uint64_t size = config_num(c, size_key);
	uint64_t zone = config_num(c, "disk.zoneSize");
	bool zoned = is_choice(c, name, "zoned", "host-managed");
	int rc = zoned ? check_zones(c, name, size, zone, e) : 0;
	if (rc < 0)
		return rc;
	json_t *d = json_pack("{s:s, s:s, s:s, s:b, s:b}", "serial", name, "link", name, "cache",
		config_str(c, "disk.cache"), "discard",
		strcmp(config_str(c, "disk.discard"), "true") == 0, "rotational",
		is_choice(c, name, "rotational", "true"));
	set_number(d, "size_bytes", size);
	set_number(d, "block_bytes", number_of(config_str(c, "disk.blockSize")));
	set_number(d, "physical_bytes", number_of(config_str(c, "disk.physicalBlockSize")));
	if (zoned)
		set_number(d, "zone_bytes", zone);
	*ret_zoned |= zoned;
	json_array_append_new(all, d);
	return 0;
}

/* [disk "NAME"] of none. */
static int check_names(const struct config *c, const struct strv *names, struct err *e)
{
	const char *sub;
	for (size_t i = 0; (sub = config_subsection(c, "disk", i)); i++) {
		if (strv_find(names, sub) < names->n)
			continue;
		auto_free char *hint = nearest_hint(sub, strv_get(names));
		return err_set(e, EINVAL,
			"[disk \"%.40s\"]: there is no such scratch disk%s: "
			"disk.count and disk.names say which there are",
			sub, hint);
	}
	return 0;
}

int disk_plan(const struct config *c, json_t **ret, bool *ret_zoned, struct err *e)
{
	auto_json json_t *all = json_array();
	auto_strv struct strv names = { 0 };
	bool zoned = false;
	int rc = 0;
	for (unsigned i = 0; i < config_num(c, "disk.count"); i++) {
		auto_free char *name = disk_plan_name(c, i);
		strv_add(&names, name);
	}
	rc = check_names(c, &names, e);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = add_disk(c, names.v[i], all, &zoned, e);
	if (rc < 0)
		return rc;
	*ret = json_incref(all);
	*ret_zoned = zoned;
	return 0;
}
