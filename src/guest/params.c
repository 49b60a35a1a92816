/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/params.h"
#include "base/err.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* A piece of the command line, not terminated. */
struct span {
	const char *s;
	size_t n;
};

/* What may stand in a serial number, a link's or a host's name: they end up in paths and in a
 * udev rule, where a quote would end the word. */
static bool is_word(struct span w)
{
	for (size_t i = 0; i < w.n; i++)
		if (!isalnum((unsigned char)w.s[i]) && !strchr("_.-", w.s[i]))
			return false;
	return w.n > 0 && w.s[0] != '.' && w.s[0] != '-';
}

static int copy_word(struct span w, char *out, size_t size, const char *what, struct err *e)
{
	if (!is_word(w))
		return err_set(
			e, EINVAL, "%s \"%.*s\": want letters, digits, _ . -", what, (int)w.n, w.s);
	if (w.n >= size)
		return err_set(e, EINVAL, "%s \"%.*s\" has more than %zu characters", what,
			(int)w.n, w.s, size - 1);
	memcpy(out, w.s, w.n);
	out[w.n] = '\0';
	return 0;
}

/* Cut `*rest` at the first `c`; false: there is none, *head is all of it. */
static bool cut(struct span *rest, char c, struct span *head)
{
	const char *at = memchr(rest->s, c, rest->n);
	size_t n = at ? (size_t)(at - rest->s) : rest->n;
	*head = (struct span){ rest->s, n };
	rest->s += at ? n + 1 : n;
	rest->n -= at ? n + 1 : n;
	return at != NULL;
}

static int set_root(struct params *p, struct span v, struct err *e)
{
	struct span serial;
	if (!cut(&v, ':', &serial))
		return err_set(e, EINVAL, "want fsqa.root=SERIAL:FSTYPE");
	int rc = copy_word(serial, p->root, sizeof p->root, "root disk", e);
	if (rc < 0)
		return rc;
	return copy_word(v, p->root_fstype, sizeof p->root_fstype, "root filesystem", e);
}

static int set_state(struct params *p, struct span v, struct err *e)
{
	return copy_word(v, p->state, sizeof p->state, "state disk", e);
}

static int set_modules(struct params *p, struct span v, struct err *e)
{
	return copy_word(v, p->modules, sizeof p->modules, "modules disk", e);
}

/* Paths below the modules' folder. */
static int set_load(struct params *p, struct span v, struct err *e)
{
	if (v.n >= sizeof p->load)
		return err_set(
			e, E2BIG, "fsqa.load has more than %zu characters", sizeof p->load - 1);
	struct span rest = v;
	while (rest.n) {
		struct span path;
		struct span part;
		(void)cut(&rest, ',', &path); /* the last one has no comma behind it */
		do {
			(void)cut(&path, '/', &part);
			if (!is_word(part))
				return err_set(
					e, EINVAL, "module \"%.*s\": no path", (int)v.n, v.s);
		} while (path.n);
	}
	memcpy(p->load, v.s, v.n);
	p->load[v.n] = '\0';
	return 0;
}

static int set_hostname(struct params *p, struct span v, struct err *e)
{
	return copy_word(v, p->hostname, sizeof p->hostname, "host name", e);
}

static int set_links(struct params *p, struct span v, struct err *e)
{
	while (v.n) {
		struct span link;
		struct span serial;
		(void)cut(&v, ',', &link); /* the last one has no comma behind it */
		if (p->n_links == PARAMS_LINKS)
			return err_set(e, E2BIG, "more than %d links", PARAMS_LINKS);
		struct params_link *l = &p->links[p->n_links];
		if (!cut(&link, '=', &serial))
			return err_set(e, EINVAL, "want fsqa.links=SERIAL=NAME,...");
		int rc = copy_word(serial, l->serial, sizeof l->serial, "linked disk", e);
		if (rc == 0)
			rc = copy_word(link, l->name, sizeof l->name, "link", e);
		if (rc < 0)
			return rc;
		p->n_links++;
	}
	return 0;
}

/* Behind fsqa.links, which has the disks. */
static int set_rotational(struct params *p, struct span v, struct err *e)
{
	while (v.n) {
		struct span value;
		struct span serial;
		size_t i = 0;
		(void)cut(&v, ',', &value); /* the last one has no comma behind it */
		if (!cut(&value, '=', &serial) || value.n != 1 || !strchr("01", value.s[0]))
			return err_set(e, EINVAL, "want fsqa.rotational=SERIAL=0,...");
		while (i < p->n_links && (strlen(p->links[i].serial) != serial.n ||
						 memcmp(p->links[i].serial, serial.s, serial.n)))
			i++;
		if (i == p->n_links)
			return err_set(e, EINVAL, "fsqa.rotational: no link of disk \"%.*s\"",
				(int)serial.n, serial.s);
		p->links[i].rotational = value.s[0];
	}
	return 0;
}

static int set_shares(struct params *p, struct span v, struct err *e)
{
	while (v.n) {
		struct span name;
		struct span fstype;
		struct span serial;
		(void)cut(&v, ',', &name); /* the last one has no comma behind it */
		if (p->n_shares == PARAMS_SHARES)
			return err_set(e, E2BIG, "more than %d shares", PARAMS_SHARES);
		struct params_share *s = &p->shares[p->n_shares];
		if (!cut(&name, '=', &fstype) || !cut(&fstype, ':', &serial))
			return err_set(e, EINVAL, "want fsqa.shares=SERIAL:FSTYPE=NAME,...");
		int rc = copy_word(serial, s->serial, sizeof s->serial, "shared disk", e);
		if (rc == 0)
			rc = copy_word(fstype, s->fstype, sizeof s->fstype, "its filesystem", e);
		if (rc == 0)
			rc = copy_word(name, s->name, sizeof s->name, "share", e);
		if (rc < 0)
			return rc;
		p->n_shares++;
	}
	return 0;
}

static int set_init(struct params *p, struct span v, struct err *e)
{
	p->own_init = v.n == 6 && memcmp(v.s, "system", 6) == 0;
	return p->own_init ? 0 : err_set(e, EINVAL, "want fsqa.init=system, or none");
}

static int set_users(struct params *p, struct span v, struct err *e)
{
	while (v.n) {
		struct span name;
		(void)cut(&v, ',', &name); /* the last one has no comma behind it */
		if (p->n_users == PARAMS_USERS)
			return err_set(e, E2BIG, "more than %d users", PARAMS_USERS);
		int rc = copy_word(name, p->users[p->n_users], sizeof p->users[0], "user", e);
		if (rc < 0)
			return rc;
		p->n_users++;
	}
	return 0;
}

static bool address(struct span v, uint32_t *ret)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr in;
	if (v.n >= sizeof text)
		return false;
	memcpy(text, v.s, v.n);
	text[v.n] = '\0';
	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*ret = in.s_addr;
	return true;
}

/* 1 to 30, else 0. */
static unsigned bits(struct span v)
{
	unsigned n = 0;
	for (size_t i = 0; i < v.n; i++) {
		if (!isdigit((unsigned char)v.s[i]) || v.n > 2)
			return 0;
		n = 10 * n + (unsigned)(v.s[i] - '0');
	}
	return n <= 30 ? n : 0;
}

static int set_net(struct params *p, struct span v, struct err *e)
{
	struct span whole = v;
	struct span own;
	struct span gateway;
	struct span host;
	bool good = cut(&v, ',', &own) && cut(&v, ',', &gateway) && cut(&own, '/', &host);
	unsigned n = good ? bits(own) : 0;
	good = n && address(host, &p->net.address) && address(gateway, &p->net.gateway) &&
	       address(v, &p->net.dns);
	if (!good)
		return err_set(e, EINVAL, "network \"%.*s\": want ADDRESS/BITS,GATEWAY,DNS",
			(int)whole.n, whole.s);
	p->net.mask = htonl(UINT32_MAX << (32 - n));
	p->net.used = true;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct params *p, struct span v, struct err *e);
} keys[] = {
	{ "fsqa.init", set_init },
	{ "fsqa.root", set_root },
	{ "fsqa.state", set_state },
	{ "fsqa.modules", set_modules },
	{ "fsqa.load", set_load },
	{ "fsqa.hostname", set_hostname },
	{ "fsqa.links", set_links },
	{ "fsqa.rotational", set_rotational },
	{ "fsqa.net", set_net },
	{ "fsqa.shares", set_shares },
	{ "fsqa.users", set_users },
};

static int set_one(struct params *p, struct span word, struct err *e)
{
	struct span key;
	struct span value = word;
	if (cut(&value, '=', &key))
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (key.n == strlen(keys[i].key) && !memcmp(key.s, keys[i].key, key.n))
				return keys[i].set(p, value, e);
	return err_set(e, EINVAL, "unknown parameter \"%.*s\"", (int)word.n, word.s);
}

int params_parse(const char *cmdline, struct params *ret, struct err *e)
{
	*ret = (struct params){ .hostname = "fsqa" };
	const char *s = cmdline;
	for (;;) {
		s += strspn(s, " \n");
		size_t n = strcspn(s, " \n");
		if (n == 0)
			break;
		if (n > 5 && memcmp(s, "fsqa.", 5) == 0) {
			int rc = set_one(ret, (struct span){ s, n }, e);
			if (rc < 0)
				return rc;
		}
		s += n;
	}
	if (!ret->root[0])
		return err_set(e, EINVAL, "no fsqa.root=SERIAL:FSTYPE on the command line");
	return 0;
}
