/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_xunit.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE     (64u << 10)
#define TEXT_MAX  512
#define DEPTH_MAX 8 /* it has four levels */

struct reader {
	void (*on_case)(void *ctx, const struct fstests_case *c);
	void *ctx;
	struct fstests_xunit *out;
	xmlParserCtxtPtr parser;
	unsigned depth; /* of open elements */
	bool in_case;
	struct fstests_case now;
	char section[TEXT_MAX], name[TEXT_MAX], message[TEXT_MAX];
	const char *fault; /* ours */
	int code;
	int line;
	char why[128]; /* libxml2's */
	size_t cdata;  /* how much of "<![CDATA[", then of "]]>" was seen */
	bool in_cdata;
	int dropped_lines;
};

static void stop(struct reader *r, int code, const char *fault)
{
	if (!r->fault) {
		r->fault = fault;
		r->code = code;
		r->line = r->parser->input ? r->parser->input->line : 0;
	}
	xmlStopParser(r->parser);
}

/* Attributes come as (name, prefix, URI, value, end) each. Copies the value, cut to `size`; an
 * absent one is "". */
static void attribute(const xmlChar **attributes, int n, const char *name, char *ret, size_t size)
{
	ret[0] = '\0';
	for (int i = 0; i < n; i++, attributes += 5) {
		if (strcmp((const char *)attributes[0], name) != 0 || attributes[1])
			continue;
		size_t len = (size_t)(attributes[4] - attributes[3]);
		if (len >= size)
			len = size - 1;
		memcpy(ret, attributes[3], len);
		ret[len] = '\0';
		/* A character reference may have brought some. */
		for (char *p = ret; *p; p++) {
			if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
				*p = *p == '\n' || *p == '\t' ? ' ' : '?';
		}
		return;
	}
}

/* A whole number of at most nine digits; anything else is 0. */
static uint64_t number(const xmlChar **attributes, int n, const char *name, bool *ret_is_set)
{
	char text[16];
	attribute(attributes, n, name, text, sizeof text);
	size_t digits = strspn(text, "0123456789");
	*ret_is_set = digits > 0 && digits <= 9 && text[digits] == '\0';
	return *ret_is_set ? strtoull(text, NULL, 10) : 0;
}

static void begin_case(struct reader *r, const xmlChar **attributes, int n)
{
	static const char prefix[] = "xfstests.";
	char class[TEXT_MAX];
	bool is_set;
	attribute(attributes, n, "classname", class, sizeof class);
	attribute(attributes, n, "name", r->name, sizeof r->name);
	const char *section =
		strncmp(class, prefix, strlen(prefix)) == 0 ? class + strlen(prefix) : class;
	if (strcmp(section, "global") == 0)
		section = "";
	memcpy(r->section, section, strlen(section) + 1);
	r->message[0] = '\0';
	r->now = (struct fstests_case){
		.section = r->section,
		.name = r->name,
		.message = r->message,
		.seconds = number(attributes, n, "time", &is_set),
	};
	r->in_case = true;
}

static void begin_element(void *ctx, const xmlChar *element, const xmlChar *prefix,
	const xmlChar *uri, int n_spaces, const xmlChar **spaces, int n, int n_defaulted,
	const xmlChar **attributes)
{
	struct reader *r = ctx;
	const char *name = (const char *)element;
	bool is_set;
	if (++r->depth > DEPTH_MAX) {
		stop(r, EBADMSG, "too deeply nested");
	} else if (r->depth == 1 && strcmp(name, "testsuite") != 0) {
		stop(r, EBADMSG, "not <testsuite>");
	} else if (r->depth == 1) {
		r->out->n_tests = number(attributes, n, "tests", &is_set);
		r->out->n_failures = number(attributes, n, "failures", &is_set);
		r->out->n_skipped = number(attributes, n, "skipped", &is_set);
		(void)number(attributes, n, "time", &r->out->complete); /* only whether it is set */
	} else if (r->depth == 2 && strcmp(name, "testcase") == 0) {
		begin_case(r, attributes, n);
	} else if (r->depth == 3 && r->in_case) {
		bool failure = strcmp(name, "failure") == 0 || strcmp(name, "error") == 0;
		if (!failure && strcmp(name, "skipped") != 0)
			return;
		if (failure || r->now.status == FSTESTS_CASE_PASS)
			r->now.status = failure ? FSTESTS_CASE_FAILED : FSTESTS_CASE_SKIPPED;
		attribute(attributes, n, "message", r->message, sizeof r->message);
	}
}

static void end_element(
	void *ctx, const xmlChar *element, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *r = ctx;
	if (r->depth-- != 2 || !r->in_case)
		return;
	r->in_case = false;
	if (r->out->n_cases == FSTESTS_CASES_MAX) {
		stop(r, E2BIG, "too many cases");
		return;
	}
	r->out->n_cases++;
	r->on_case(r->ctx, &r->now);
}

static void refuse_doctype(
	void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *id)
{
	stop(ctx, EBADMSG, "it has a document type, which check never writes");
}

static void on_error(void *ctx, xmlErrorPtr error)
{
	struct reader *r = ctx;
	if (r->fault || r->why[0] || !error || error->level < XML_ERR_ERROR)
		return;
	const char *text = error->message ? error->message : "not well-formed";
	r->line = error->line;
	(void)snprintf(r->why, sizeof r->why, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Whether the byte is of the inside of a CDATA section: a test's own output. libxml2's push parser
 * would heap that up, and take 300 bytes of it with each piece. */
static bool is_inside(struct reader *r, char b)
{
	static const char open[] = "<![CDATA[";
	if (!r->in_cdata) {
		r->cdata = b == open[r->cdata] ? r->cdata + 1 : b == open[0];
		if (open[r->cdata] == '\0') {
			r->in_cdata = true;
			r->cdata = 0;
		}
		return false;
	}
	if (b == ']') {
		/* It is given the end alone: of "]]]]>" the last three. */
		r->cdata += r->cdata < 2;
		return true;
	}
	r->in_cdata = b != '>' || r->cdata < 2;
	r->cdata = 0;
	r->dropped_lines += r->in_cdata && b == '\n';
	return r->in_cdata;
}

/* What the parser is to see of a piece. check leaves form feeds and their like in it, which XML has
 * no place for. */
static void clean(struct reader *r, const char *p, size_t n, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < n; i++) {
		unsigned char b = (unsigned char)p[i];
		bool was_inside = r->in_cdata;
		if (is_inside(r, p[i]))
			continue;
		if (was_inside)
			buf_adds(out, "]]>");
		else if ((b < 0x20 && b != '\n' && b != '\t' && b != '\r') || b >= 0x7f)
			buf_addc(out, '?');
		else
			buf_addc(out, p[i]);
	}
}

static int feed(struct reader *r, int fd, struct err *e)
{
	auto_free char *piece = xmalloc(PIECE);
	auto_buf struct buf text = { 0 };
	uint64_t total = 0;
	for (;;) {
		ssize_t n = read(fd, piece, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read result.xml");
		total += (uint64_t)n;
		if (total > FSTESTS_XUNIT_MAX)
			return err_set(
				e, EFBIG, "result.xml: more than %llu bytes", FSTESTS_XUNIT_MAX);
		clean(r, piece, (size_t)n, &text);
		int rc = xmlParseChunk(r->parser, buf_str(&text), (int)text.len, n == 0);
		if (r->fault)
			return err_set(e, r->code, "result.xml:%d: %s", r->line + r->dropped_lines,
				r->fault);
		if (rc != 0 && !r->parser->wellFormed)
			return err_set(e, EBADMSG, "result.xml:%d: %s", r->line + r->dropped_lines,
				r->why[0] ? r->why : "not well-formed");
		if (n == 0)
			return 0;
	}
}

int fstests_xunit_read(int fd, void (*on_case)(void *ctx, const struct fstests_case *c), void *ctx,
	struct fstests_xunit *ret, struct err *e)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = begin_element,
		.endElementNs = end_element,
		.internalSubset = refuse_doctype,
		.serror = on_error,
	};
	struct reader r = { .on_case = on_case, .ctx = ctx, .out = ret };
	*ret = (struct fstests_xunit){ 0 };
	r.parser = xmlCreatePushParserCtxt(&sax, &r, NULL, 0, NULL);
	if (!r.parser)
		return err_set(e, ENOMEM, "libxml2: no parser");
	/* No network; ASCII whatever it calls itself, for clean() has seen to that; "&amp;" becomes
	 * '&', and other entities there are none. */
	int rc = xmlCtxtUseOptions(
		r.parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOENT);
	rc = rc == 0 ? feed(&r, fd, e) : err_set(e, ENOTSUP, "libxml2: no such options");
	xmlFreeParserCtxt(r.parser);
	return rc;
}
