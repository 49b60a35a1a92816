/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session_priv.h: between session.c, session_job.c, session_get.c, session_put.c and their fuzz
 * target only. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "wire/agent.h"
#include "wire/entry.h"
#include "wire/link.h"
#include "wire/session.h"

enum job_kind {
	JOB_EXEC,
	JOB_PUT,
	JOB_GET,
	JOB_SYNC,
};

struct get_file {
	int fd; /* -1: what comes is dropped */
	char *path;
	uint64_t size; /* as the guest said */
	uint64_t got;
	struct entry x;  /* of a whole get */
	uint8_t *xattrs; /* its copy */
};

struct put_source;

struct session_job {
	struct session *s;
	struct session_job *next;
	enum job_kind kind;
	uint32_t stream;
	bool dead;          /* its on_exit was called; only its frames are still to be swallowed */
	uint64_t active_us; /* when it last got on */
	size_t may_send;    /* credit that the guest gave */
	size_t may_come;    /* credit that the guest has */
	size_t owed;        /* consumed, not yet given back */
	bool paused, eof, eof_sent;
	struct buf input; /* waits for credit */
	void (*on_output)(void *ctx, int which, const void *data, size_t n);
	void (*on_input)(void *ctx, size_t n);
	void (*on_exit)(void *ctx, const struct session_exit *x);
	void (*on_done)(void *ctx);
	void *ctx;
	struct put_source *put;
	struct err own; /* what failed on our side: told instead of the guest's word */
	struct session_get get;
	struct get_file file;
	struct get_file *folders; /* which get their times at the end */
	size_t n_folders;
	uint64_t bytes;
	uint32_t entries;
};

/* An event stream (odd) between its start and its end. */
struct event_stream {
	uint32_t id; /* 0: free */
	bool bad;    /* it said what it must not: the rest of it is dropped */
};

struct session {
	const struct session_handler *h;
	void *ctx;
	struct link *link; /* NULL once lost */
	uv_timer_t timer;
	bool hello, ready;
	bool closed;   /* no callback any more; freed when nothing of us runs */
	unsigned busy; /* depth of our own functions that call back */
	uint32_t next_stream;
	struct session_job *jobs;
	size_t n_jobs;
	struct event_stream events[AGENT_STREAMS];
};

/* Around everything that may call back: session_leave frees a session closed meanwhile. */
void session_enter(struct session *s);
void session_leave(struct session *s);
/* The peer lied: the session is lost with -EPROTO. */
void session_broke(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void session_send(struct session *s, uint16_t type, uint32_t stream, const void *p, size_t n);
/* A control frame; takes `j`. -E2BIG: larger than a frame. */
int session_send_json(struct session *s, uint16_t type, uint32_t stream, json_t *j, struct err *e);

/* -EAGAIN, -ENOTCONN as session.h says; else a job in the list. */
int job_new(struct session *s, enum job_kind kind, struct session_job **ret, struct err *e);
struct session_job *job_find(struct session *s, uint32_t stream);
void job_free(struct session_job *j);
/* One that did not begin: out of the list, and freed. */
void job_drop(struct session_job *j);
void job_send_signal(struct session_job *j, int sig);
/* Out of the list, on_exit (or on_done), free. */
void job_end(struct session_job *j, const struct session_exit *x);
void job_frame(struct session_job *j, const struct frame *f);
/* The guest has been silent for too long. */
void job_give_up(struct session_job *j, uint64_t silent_us);
/* n bytes that came were used up. */
void job_consumed(struct session_job *j, size_t n);

void get_entry(struct session_job *j, const struct frame *f);
void get_data(struct session_job *j, const struct frame *f);
void get_hole(struct session_job *j, const struct frame *f);
/* The last file is complete; entries that the guest skipped are told. */
void get_end(struct session_job *j, uint64_t skipped);
void get_free(struct session_job *j);

/* Send what there is and what credit allows. */
void put_push(struct session_job *j);
void put_free(struct put_source *p);

/* Each character that is not printable UTF-8 becomes \xNN. */
void printable(struct buf *out, const char *p, size_t n);
