/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/play.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "record/recording.h"
#include "record/tame.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>

/* ---- markers ---- */

static int open_reader(
	int fd, unsigned *cols, unsigned *rows, struct recording_reader **ret, struct err *e)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "recording");
	auto_close int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return err_sys(e, "recording");
	int rc = recording_reader_open(copy, cols, rows, ret, e);
	if (rc == 0)
		(void)take_fd(&copy);
	return rc;
}

int play_read_marks(int fd, struct play_marks *ret, struct err *e)
{
	auto_recording_reader struct recording_reader *in = NULL;
	auto_play_marks struct play_marks m = { 0 };
	int rc = open_reader(fd, &m.cols, &m.rows, &in, e);
	if (rc < 0)
		return rc;
	struct recording_event ev;
	while ((rc = recording_reader_next(in, &ev, e)) == 1) {
		m.duration_s = ev.at_s;
		if (ev.code != 'm' || m.n == PLAY_MARKS_MAX)
			continue;
		if ((m.n & (m.n - 1)) == 0) /* a power of two, or none yet: it is full */
			m.v = xrealloc(m.v, (m.n ? m.n * 2 : 1) * sizeof *m.v);
		m.v[m.n++] = (struct play_mark){ ev.at_s, xstrdup(ev.text) };
	}
	if (rc < 0)
		return rc;
	*ret = m;
	m = (struct play_marks){ 0 };
	return 0;
}

void play_marks_clear(struct play_marks *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].label);
	free(m->v);
	*m = (struct play_marks){ 0 };
}

/* At most nine digits in each part, so that nothing runs over. */
bool play_seconds(const char *s, double *ret)
{
	double sum = 0;
	for (int parts = 0; parts < 3; parts++) {
		size_t digits = strspn(s, "0123456789");
		if (digits == 0 || digits > 9)
			return false;
		double v = 0;
		for (; digits; digits--)
			v = v * 10 + (*s++ - '0');
		sum = sum * 60 + v;
		if (*s != ':')
			break;
		s++;
	}
	if (*s == '.') {
		double unit = 0.1;
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			sum += unit * (*s - '0');
	}
	*ret = sum;
	return *s == '\0';
}

int play_find(const struct play_marks *m, const char *text, double *ret_at_s, struct err *e)
{
	size_t starts = 0;
	double at_s = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->v[i].label, text) == 0) {
			*ret_at_s = m->v[i].at_s;
			return 0;
		}
		if (*text && strncmp(m->v[i].label, text, strlen(text)) == 0) {
			starts++;
			at_s = m->v[i].at_s;
		}
	}
	if (play_seconds(text, ret_at_s))
		return 0;
	if (starts == 1) {
		*ret_at_s = at_s;
		return 0;
	}
	auto_strv struct strv labels = { 0 };
	for (size_t i = 0; i < m->n; i++)
		strv_add(&labels, m->v[i].label);
	auto_free char *hint = nearest_hint(text, strv_get(&labels));
	return err_set(
		e, EINVAL, "no marker \"%s\"%s%s", text, starts ? ": several begin so" : "", hint);
}

/* ---- signals ---- */

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

struct guard {
	struct sigaction before[ARRAY_LEN(watched)];
	sigset_t mask_before;
};

/* The signals are held back but while we wait, so that none comes between a look and the wait. */
static void guard_signals(struct guard *g)
{
	sigset_t set;
	sigemptyset(&set);
	struct sigaction act = { .sa_handler = on_signal };
	sigemptyset(&act.sa_mask);
	caught = 0;
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		sigaddset(&set, watched[i]);
		sigaction(watched[i], &act, &g->before[i]);
	}
	sigprocmask(SIG_BLOCK, &set, &g->mask_before);
}

static void unguard_signals(struct guard *g)
{
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaction(watched[i], &g->before[i], NULL);
	sigprocmask(SIG_SETMASK, &g->mask_before, NULL);
}

/* ---- showing ---- */

struct player {
	const struct play_spec *spec;
	struct guard guard;
	struct tame tame;
	struct buf out;
	struct termios before;
	bool has_keys;
	bool on_terminal;
	bool paused, step, to_mark, quit;
	double clock_s;      /* place in the recording */
	uint64_t due_us;     /* when that is on our clock */
	uint64_t stopped_us; /* since when it is paused */
};

/* Keys come at once and unseen; Ctrl-C and Ctrl-Z stay signals. */
static void enter_terminal(struct player *p)
{
	if (!p->has_keys)
		return;
	struct termios t = p->before;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(p->spec->in, TCSADRAIN, &t);
}

static void leave_terminal(struct player *p)
{
	if (p->on_terminal)
		(void)fd_write_all(p->spec->out, TAME_RESET, strlen(TAME_RESET), NULL);
	if (p->has_keys)
		tcsetattr(p->spec->in, TCSADRAIN, &p->before);
}

/* Ctrl-Z: stop with the terminal as it was, go on with it as ours. */
static void stop_and_go_on(struct player *p)
{
	leave_terminal(p);
	uint64_t from = clock_mono_us();
	raise(SIGSTOP);
	if (!p->paused) /* else going on counts it */
		p->due_us += clock_mono_us() - from;
	enter_terminal(p);
}

static void pause_or_go_on(struct player *p)
{
	uint64_t now = clock_mono_us();
	if (p->paused)
		p->due_us += now - p->stopped_us;
	else
		p->stopped_us = now;
	p->paused = !p->paused;
}

static void take_key(struct player *p, char key)
{
	switch (key) {
	case ' ':
		pause_or_go_on(p);
		break;
	case '.':
		if (!p->paused)
			pause_or_go_on(p);
		p->step = true;
		break;
	case 'n':
		p->to_mark = true;
		break;
	case 'q':
		p->quit = true;
		break;
	default:
		break;
	}
}

/* Wait for a key, a signal or the time, until p->due_us has come. false: it is over. */
static bool wait_until_due(struct player *p)
{
	while (!p->quit && !p->to_mark && !p->step) {
		if (caught == SIGTSTP) {
			caught = 0;
			stop_and_go_on(p);
		} else if (caught) {
			return false;
		}
		uint64_t now = clock_mono_us();
		if (!p->paused && now >= p->due_us)
			break;
		uint64_t left = p->due_us - now;
		struct timespec ts = { (time_t)(left / 1000000), (long)(left % 1000000 * 1000) };
		struct pollfd pfd = { .fd = p->has_keys ? p->spec->in : -1, .events = POLLIN };
		int n = ppoll(&pfd, 1, p->paused ? NULL : &ts, &p->guard.mask_before);
		char key;
		if (n > 0 && read(p->spec->in, &key, 1) == 1)
			take_key(p, key);
		else if (n > 0)
			p->quit = true; /* the terminal is gone */
	}
	if (p->step || p->to_mark) {
		/* It is now that the event is due, and the next ones count from here. */
		p->due_us = clock_mono_us();
		p->stopped_us = p->due_us;
	}
	p->step = false;
	return !p->quit;
}

static int put(struct player *p, const struct recording_event *ev, struct err *e)
{
	const char *text = ev->text;
	size_t n = ev->len;
	buf_reset(&p->out);
	if (p->on_terminal && !p->spec->raw) {
		tame_add(&p->tame, &p->out, text, n);
		text = buf_str(&p->out);
		n = p->out.len;
	}
	return fd_write_all(p->spec->out, text, n, e);
}

/* A signal's turn comes in the wait; where nothing is waited for it is looked for. */
static bool is_ended(struct player *p)
{
	struct timespec none = { 0 };
	(void)ppoll(NULL, 0, &none, &p->guard.mask_before);
	return caught && caught != SIGTSTP;
}

/* Let the event's time come. false: it is over. */
static bool reach(struct player *p, const struct recording_event *ev)
{
	const struct play_spec *s = p->spec;
	double gap = ev->at_s - (p->clock_s > s->from_s ? p->clock_s : s->from_s);
	p->clock_s = ev->at_s;
	if (gap <= 0 || s->speed <= 0 || p->to_mark)
		gap = 0;
	if (s->idle_limit_s > 0 && gap > s->idle_limit_s)
		gap = s->idle_limit_s;
	if (s->speed > 0)
		gap /= s->speed;
	p->due_us += (uint64_t)(fmin(gap, 1e9) * 1e6);
	if (p->to_mark && ev->code == 'm') {
		p->to_mark = false;
		p->due_us = p->stopped_us = clock_mono_us();
	}
	if (p->to_mark || ev->at_s < s->from_s || s->speed <= 0) {
		p->due_us = clock_mono_us();
		return !is_ended(p);
	}
	bool goes_on = wait_until_due(p);
	if (ev->code == 'm')
		p->to_mark = false;
	return goes_on;
}

static int show_events(struct player *p, struct recording_reader *in, struct err *e)
{
	struct recording_event ev;
	int rc;
	p->due_us = clock_mono_us();
	while ((rc = recording_reader_next(in, &ev, e)) == 1) {
		if (!reach(p, &ev))
			return p->quit ? 0 : caught;
		if (ev.code == 'o' && (rc = put(p, &ev, e)) < 0)
			return rc;
	}
	return rc;
}

int play_show(int fd, const struct play_spec *spec, struct err *e)
{
	unsigned cols;
	unsigned rows;
	auto_recording_reader struct recording_reader *in = NULL;
	int rc = open_reader(fd, &cols, &rows, &in, e);
	if (rc < 0)
		return rc;
	struct player p = { .spec = spec, .tame = { .screen = true } };
	p.on_terminal = isatty(spec->out) == 1;
	p.has_keys = spec->in >= 0 && p.on_terminal && tcgetattr(spec->in, &p.before) == 0;
	guard_signals(&p.guard);
	enter_terminal(&p);
	rc = show_events(&p, in, e);
	leave_terminal(&p);
	unguard_signals(&p.guard);
	buf_clear(&p.out);
	return rc;
}
