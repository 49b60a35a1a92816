/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "wire/session_priv.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int job_new(struct session *s, enum job_kind kind, struct session_job **ret, struct err *e)
{
	if (!s->link || s->closed)
		return err_set(e, ENOTCONN, "the guest is gone");
	/* SYNC takes no room in the guest, but a bound is a bound. */
	if (s->n_jobs >= AGENT_STREAMS)
		return err_set(e, EAGAIN, "%d commands and transfers at once", AGENT_STREAMS);
	struct session_job *j = xcalloc(1, sizeof *j);
	j->s = s;
	j->kind = kind;
	j->stream = s->next_stream;
	j->may_send = AGENT_WINDOW;
	j->may_come = AGENT_WINDOW;
	j->active_us = clock_mono_us();
	j->file.fd = -1;
	s->next_stream += 2;
	s->n_jobs++;
	j->next = s->jobs;
	s->jobs = j;
	*ret = j;
	return 0;
}

struct session_job *job_find(struct session *s, uint32_t stream)
{
	struct session_job *j = s->jobs;
	while (j && j->stream != stream)
		j = j->next;
	return j;
}

void job_free(struct session_job *j)
{
	buf_clear(&j->input);
	put_free(j->put);
	get_free(j);
	free(j);
}

static void job_unlist(struct session_job *j)
{
	for (struct session_job **at = &j->s->jobs; *at; at = &(*at)->next)
		if (*at == j) {
			*at = j->next;
			j->s->n_jobs--;
			return;
		}
}

void job_drop(struct session_job *j)
{
	job_unlist(j);
	job_free(j);
}

static void job_tell(struct session_job *j, const struct session_exit *x)
{
	if (j->dead)
		return;
	j->dead = true;
	if (j->kind == JOB_SYNC)
		j->on_done(j->ctx);
	else if (j->on_exit)
		j->on_exit(j->ctx, x);
}

void job_end(struct session_job *j, const struct session_exit *x)
{
	session_enter(j->s);
	struct session *s = j->s;
	job_unlist(j);
	job_tell(j, x);
	job_free(j);
	session_leave(s);
}

void job_send_signal(struct session_job *j, int sig)
{
	json_t *o = json_pack("{s:i}", "signal", sig);
	(void)session_send_json(j->s, AGENT_SIGNAL, j->stream, o, NULL); /* short: cannot fail */
}

void job_give_up(struct session_job *j, uint64_t silent_us)
{
	char human[CLOCK_HUMAN_SIZE];
	struct session_exit x = { .code = -1 };
	(void)snprintf(x.error, sizeof x.error, "the guest did nothing for %s",
		clock_human(silent_us, human)); /* fits */
	job_send_signal(j, SIGKILL);
	close_fd(&j->file.fd);
	job_tell(j, &x);
}

static void give_credit(struct session_job *j)
{
	uint32_t v = (uint32_t)j->owed;
	uint8_t le[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };
	j->may_come += j->owed;
	j->owed = 0;
	session_send(j->s, AGENT_CREDIT, j->stream, le, sizeof le);
}

void job_consumed(struct session_job *j, size_t n)
{
	j->owed += n;
	/* In large pieces: the guest still has the greater part of its window meanwhile. */
	if (!j->paused && j->owed >= AGENT_WINDOW / 4)
		give_credit(j);
}

void session_job_pause(struct session_job *j, bool paused)
{
	j->paused = paused;
	if (!paused && j->owed && !j->dead)
		give_credit(j);
}

/* Send what there is and what credit allows. */
static void push_input(struct session_job *j)
{
	while (j->input.len && j->may_send) {
		size_t n = j->input.len < FRAME_MAX_PAYLOAD ? j->input.len : FRAME_MAX_PAYLOAD;
		n = n < j->may_send ? n : j->may_send;
		session_send(j->s, AGENT_STDIN, j->stream, j->input.s, n);
		j->may_send -= n;
		buf_consume(&j->input, n);
		if (j->on_input && !j->dead)
			j->on_input(j->ctx, n);
	}
	if (j->eof && !j->eof_sent && !j->input.len) {
		session_send(j->s, AGENT_EOF, j->stream, NULL, 0);
		j->eof_sent = true;
	}
}

static void take_credit(struct session_job *j, const struct frame *f)
{
	const uint8_t *p = f->payload;
	uint32_t n = 0;
	for (int i = 0; f->length == 4 && i < 4; i++)
		n |= (uint32_t)p[i] << (8 * i);
	bool takes = j->kind == JOB_EXEC || j->kind == JOB_PUT;
	if (!takes || n == 0 || n > AGENT_WINDOW - j->may_send) {
		session_broke(j->s, "credit of %u bytes", n);
		return;
	}
	j->may_send += n;
	if (j->kind == JOB_PUT)
		put_push(j);
	else
		push_input(j);
}

static void take_exit(struct session_job *j, const struct frame *f)
{
	auto_json json_t *o = NULL;
	struct err e = { 0 };
	if (f->length > AGENT_JSON_MAX || j->kind == JOB_SYNC ||
		json_parse_object((const char *)f->payload, f->length, &o, &e) < 0) {
		session_broke(j->s, "EXIT of stream %u: %s", j->stream, e.msg);
		return;
	}
	struct session *s = j->s;
	const char *error = json_str_or(o, "error", "");
	int64_t sig = json_i64_or(o, "signal", 0);
	int64_t code = json_i64_or(o, "code", -1);
	int64_t skipped = json_i64_or(o, "skipped", 0);
	struct session_exit x = {
		.timed_out = json_bool_or(o, "timed_out", false),
		.oom = json_bool_or(o, "oom", false),
		.signal = sig > 0 && sig < 128 ? (int)sig : 0,
		.code = code >= 0 && code < 256 && sig == 0 ? (int)code : -1,
	};
	auto_buf struct buf clean = { 0 };
	auto_buf struct buf warning = { 0 };
	const char *warned = json_str_or(o, "warning", "");
	printable(&clean, error, strlen(error));
	printable(&warning, warned, strlen(warned));
	if (j->kind == JOB_GET && !j->dead)
		get_end(j, skipped > 0 ? (uint64_t)skipped : 0);
	if (s->closed)
		return;
	(void)snprintf(x.error, sizeof x.error, "%.159s", /* cut where it is too long */
		j->own.code ? j->own.msg : buf_str(&clean));
	(void)snprintf(x.warning, sizeof x.warning, "%.255s", buf_str(&warning)); /* the same */
	job_end(j, &x);
}

static void take_output(struct session_job *j, const struct frame *f)
{
	struct session *s = j->s;
	if (f->length > j->may_come) {
		session_broke(s, "%u bytes where %zu were allowed", f->length, j->may_come);
		return;
	}
	j->may_come -= f->length;
	if (j->dead)
		return;
	if (j->kind == JOB_GET)
		get_data(j, f);
	else if (j->on_output && f->length)
		j->on_output(j->ctx, f->type == AGENT_STDOUT ? 1 : 2, f->payload, f->length);
	/* A job ends only by a frame of its own, so it is still there if the session is. */
	if (s->link && !s->closed)
		job_consumed(j, f->length);
}

void job_frame(struct session_job *j, const struct frame *f)
{
	j->active_us = clock_mono_us();
	bool output = f->type == AGENT_STDOUT || f->type == AGENT_STDERR;
	if (output && j->kind == JOB_EXEC)
		take_output(j, f);
	else if (f->type == AGENT_DATA && j->kind == JOB_GET)
		take_output(j, f);
	else if (f->type == AGENT_ENTRY && j->kind == JOB_GET)
		get_entry(j, f);
	else if (f->type == AGENT_HOLE && j->kind == JOB_GET && j->get.whole)
		get_hole(j, f);
	else if (f->type == AGENT_CREDIT)
		take_credit(j, f);
	else if (f->type == AGENT_EXIT)
		take_exit(j, f);
	else if (f->type == AGENT_SYNC && j->kind == JOB_SYNC)
		job_end(j, NULL);
	else
		session_broke(j->s, "a frame of type %u on stream %u", f->type, j->stream);
}

/* NULL: one of them is no UTF-8, which JSON cannot carry. */
static json_t *string_array(const char *const *v)
{
	json_t *list = json_array();
	for (size_t i = 0; v && v[i]; i++)
		if (json_array_append_new(list, json_string(v[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int exec_json(const struct session_exec *x, json_t **ret, struct err *e)
{
	json_t *argv = string_array(x->argv);
	json_t *env = string_array(x->env);
	if (!argv || !env) {
		json_decref(argv);
		json_decref(env);
		return err_set(e, EINVAL, "an argument of %s is not UTF-8", x->argv[0]);
	}
	json_t *j = json_object();
	json_object_set_new(j, "argv", argv);
	json_object_set_new(j, "env", env);
	if (x->cwd)
		json_object_set_new(j, "cwd", json_string(x->cwd));
	if (x->user)
		json_object_set_new(j, "user", json_string(x->user));
	json_object_set_new(j, "pty", json_boolean(x->pty));
	json_object_set_new(j, "stdin", json_boolean(x->stdin_open));
	json_object_set_new(j, "cols", json_integer(x->cols ? x->cols : 80));
	json_object_set_new(j, "rows", json_integer(x->rows ? x->rows : 24));
	json_object_set_new(j, "deadline_ms", json_integer((json_int_t)(x->deadline_us / 1000)));
	json_object_set_new(j, "grace_ms", json_integer((json_int_t)(x->grace_us / 1000)));
	*ret = j;
	return 0;
}

int session_exec(
	struct session *s, const struct session_exec *x, struct session_job **ret, struct err *e)
{
	struct session_job *j = NULL;
	json_t *o = NULL;
	int rc = exec_json(x, &o, e);
	if (rc == 0)
		rc = job_new(s, JOB_EXEC, &j, e);
	if (rc < 0) {
		json_decref(o);
		return rc;
	}
	j->on_output = x->on_output;
	j->on_input = x->on_input;
	j->on_exit = x->on_exit;
	j->ctx = x->ctx;
	rc = session_send_json(s, AGENT_EXEC, j->stream, o, e);
	if (rc < 0) {
		job_drop(j);
		return rc;
	}
	if (ret)
		*ret = j;
	return 0;
}

size_t session_job_write(struct session_job *j, const void *p, size_t n)
{
	if (!j->eof && j->s->link)
		buf_add(&j->input, p, n);
	push_input(j);
	return j->input.len;
}

void session_job_eof(struct session_job *j)
{
	j->eof = true;
	push_input(j);
}

void session_job_signal(struct session_job *j, int sig)
{
	job_send_signal(j, sig);
}

void session_job_resize(struct session_job *j, unsigned cols, unsigned rows)
{
	json_t *o = json_pack("{s:i, s:i}", "cols", (int)cols, "rows", (int)rows);
	(void)session_send_json(j->s, AGENT_WINSIZE, j->stream, o, NULL); /* short: cannot fail */
}

int session_get(struct session *s, const struct session_get *g, struct err *e)
{
	struct session_job *j;
	json_t *o = json_pack("{s:s, s:I, s:I, s:b, s:b}", "path", g->path, "max_bytes",
		(json_int_t)(g->max_bytes < INT64_MAX ? g->max_bytes : INT64_MAX), "max_entries",
		(json_int_t)g->max_entries, "whole", (int)g->whole, "halve", (int)g->halve);
	if (!o)
		return err_set(e, EINVAL, "the path in the guest is not UTF-8");
	int rc = job_new(s, JOB_GET, &j, e);
	if (rc < 0) {
		json_decref(o);
		return rc;
	}
	j->get = *g;
	j->get.path = NULL; /* borrowed for the call only */
	j->on_exit = g->on_exit;
	j->ctx = g->ctx;
	rc = session_send_json(s, AGENT_GET, j->stream, o, e);
	if (rc < 0)
		job_drop(j);
	return rc;
}
