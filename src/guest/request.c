/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/request.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "guest/handler.h"
#include "guest/user.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static int parse_strings(const json_t *j, const char *key, struct strv *out, struct err *e)
{
	const json_t *list = json_object_get(j, key);
	size_t i;
	json_t *v;
	if (list && !json_is_array(list))
		return err_set(e, EINVAL, "%s is no array", key);
	json_array_foreach (list, i, v) {
		if (!json_is_string(v))
			return err_set(e, EINVAL, "%s[%zu] is no string", key, i);
		strv_add(out, json_string_value(v));
	}
	return 0;
}

static uint64_t parse_ms(const json_t *j, const char *key, uint64_t def_ms)
{
	int64_t ms = json_i64_or(j, key, 0);
	return 1000 * (ms > 0 && ms < INT64_MAX / 1000 ? (uint64_t)ms : def_ms);
}

int request_parse(const void *json, size_t n, struct request *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	int rc = json_parse_object(json, n, &j, e);
	if (rc == 0)
		rc = parse_strings(j, "argv", &ret->argv, e);
	if (rc == 0)
		rc = parse_strings(j, "env", &ret->env, e);
	if (rc < 0)
		return rc;
	if (ret->argv.n == 0 || !ret->argv.v[0][0])
		return err_set(e, EINVAL, "no program given");
	const char *user = json_str_or(j, "user", NULL);
	ret->user = user ? xstrdup(user) : NULL;
	ret->cwd = xstrdup(json_str_or(j, "cwd", "/"));
	ret->pty = json_bool_or(j, "pty", false);
	ret->stdin_open = json_bool_or(j, "stdin", false);
	ret->cols = (unsigned)json_i64_or(j, "cols", 80) & 0xffff;
	ret->rows = (unsigned)json_i64_or(j, "rows", 24) & 0xffff;
	ret->deadline_us = parse_ms(j, "deadline_ms", 0);
	ret->grace_us = parse_ms(j, "grace_ms", 5000);
	return 0;
}

void request_clear(struct request *r)
{
	strv_clear(&r->argv);
	strv_clear(&r->env);
	free(r->cwd);
	free(r->user);
	*r = (struct request){ 0 };
}

void request_set_winsize(int fd, unsigned cols, unsigned rows)
{
	struct winsize w = { .ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows };
	(void)ioctl(fd, TIOCSWINSZ, &w); /* a terminal without a size is one still */
}

/* The child's ends, 0 1 2; -1 until opened. */
struct ends {
	int fd[3];
};

static void close_ends(struct ends *c)
{
	for (int i = 0; i < 3; i++)
		close_fd(&c->fd[i]);
}

static int set_nonblocking(int fd)
{
	return fd < 0 ? 0 : fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
}

/* The slave by TIOCGPTPEER: no path, so it is the right one whatever is mounted on /dev/pts. */
static int open_terminal(const struct request *r, struct started *p, struct ends *c, struct err *e)
{
	int unlock = 0;
	struct termios t;
	p->out = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->out < 0 || ioctl(p->out, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "open a terminal");
	c->fd[0] = ioctl(p->out, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->fd[0] < 0)
		return err_sys(e, "open a terminal");
	if (tcgetattr(c->fd[0], &t) == 0) {
		t.c_iflag |= IUTF8; /* backspace takes a character, not a byte */
		(void)tcsetattr(c->fd[0], TCSANOW, &t);
	}
	request_set_winsize(p->out, r->cols, r->rows);
	p->in = fcntl(p->out, F_DUPFD_CLOEXEC, 3);
	c->fd[1] = fcntl(c->fd[0], F_DUPFD_CLOEXEC, 3);
	c->fd[2] = fcntl(c->fd[0], F_DUPFD_CLOEXEC, 3);
	return p->in < 0 || c->fd[1] < 0 || c->fd[2] < 0 ? err_sys(e, "open a terminal") : 0;
}

static int open_pipe(int *ours, int *theirs, bool we_read, struct err *e)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	*ours = fds[we_read ? 0 : 1];
	*theirs = fds[we_read ? 1 : 0];
	return 0;
}

static int open_pipes(const struct request *r, struct started *p, struct ends *c, struct err *e)
{
	if (r->stdin_open) {
		int rc = open_pipe(&p->in, &c->fd[0], false, e);
		if (rc < 0)
			return rc;
	} else {
		c->fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (c->fd[0] < 0)
			return err_sys(e, "/dev/null");
	}
	int rc = open_pipe(&p->out, &c->fd[1], true, e);
	return rc < 0 ? rc : open_pipe(&p->err, &c->fd[2], true, e);
}

static void add_env(struct strv *env, const char *name, const char *value)
{
	strv_addf(env, "%s=%s", name, value);
}

/* The basic environment, then the host's on top of it: a later one of the same name wins. */
static void make_env(const struct request *r, const struct user *u, const char *agent_socket)
{
	for (size_t i = 0; i < r->env.n; i++)
		if (!strchr(r->env.v[i], '='))
			r->env.v[i][0] = '\0'; /* no name=value: putenv would remove a name */
	struct strv env = { 0 };
	add_env(&env, "PATH", HANDLER_PATH);
	add_env(&env, "HOME", u->home ? u->home : "/");
	add_env(&env, "USER", u->name ? u->name : "root");
	add_env(&env, "LOGNAME", u->name ? u->name : "root");
	add_env(&env, "SHELL", u->shell ? u->shell : "/bin/sh");
	add_env(&env, "TERM", r->pty ? "xterm-256color" : "dumb");
	add_env(&env, "LANG", "C.UTF-8");
	if (agent_socket)
		add_env(&env, "FSQA_AGENT_SOCKET", agent_socket);
	clearenv();
	for (size_t i = 0; i < env.n; i++)
		putenv(env.v[i]);
	for (size_t i = 0; i < r->env.n; i++)
		if (r->env.v[i][0])
			putenv(r->env.v[i]);
}

static int become(const struct request *r, const char *agent_socket, struct err *e)
{
	auto_user struct user u = { 0 };
	const char *name = r->user ? r->user : "root";
	int rc = user_find("/etc/passwd", "/etc/group", name, &u, e);
	if (rc < 0 && r->user)
		return rc;
	make_env(r, &u, agent_socket);
	if (!r->user)
		return 0;
	if (geteuid() != 0 && geteuid() == u.uid)
		return 0; /* an agent without rights may still be asked for its own user */
	if (setgroups(u.n_groups, u.groups) < 0 || setgid(u.gid) < 0 || setuid(u.uid) < 0)
		return err_sys(e, "become user %s", r->user);
	return 0;
}

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL); /* fails for KILL, STOP and the library's own */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int exec_it(const struct request *r, const struct tree *t, const struct ends *c,
	const char *agent_socket, struct err *e)
{
	tree_enter(t);
	tree_set_oom_score("0"); /* the handler's own is lower */
	if (setsid() < 0)
		return err_sys(e, "setsid");
	if (r->pty && ioctl(c->fd[0], TIOCSCTTY, 0) < 0)
		return err_sys(e, "take the terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(c->fd[i], i) < 0)
			return err_sys(e, "dup2");
	int rc = become(r, agent_socket, e);
	if (rc < 0)
		return rc;
	/* For the case that our handler is killed; its own end kills more than this. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022);
	if (chdir(r->cwd) < 0)
		return err_sys(e, "%s", r->cwd);
	reset_signals();
	execvp(r->argv.v[0], r->argv.v);
	return err_sys(e, "%s", r->argv.v[0]);
}

static noreturn void child(const struct request *r, const struct tree *t, const struct ends *c,
	const char *agent_socket, int status)
{
	struct err e = { 0 };
	(void)exec_it(r, t, c, agent_socket, &e);
	(void)!write(status, e.msg, strlen(e.msg)); /* nobody else to tell */
	_exit(127);
}

static int start(const struct request *r, const struct tree *t, const char *agent_socket,
	struct started *p, struct ends *c, struct err *e)
{
	auto_close int child_status = -1;
	int rc = r->pty ? open_terminal(r, p, c, e) : open_pipes(r, p, c, e);
	if (rc == 0)
		rc = open_pipe(&p->status, &child_status, true, e);
	if (rc < 0)
		return rc;
	p->pid = fork();
	if (p->pid < 0)
		return err_sys(e, "fork");
	if (p->pid == 0)
		child(r, t, c, agent_socket, child_status);
	int ours[] = { p->in, p->out, p->err, p->status };
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (set_nonblocking(ours[i]) < 0)
			return err_sys(e, "O_NONBLOCK");
	return 0;
}

int request_start(const struct request *r, const struct tree *t, const char *agent_socket,
	struct started *ret, struct err *e)
{
	struct started p = { -1, -1, -1, -1, -1 };
	struct ends c = { { -1, -1, -1 } };
	int rc = start(r, t, agent_socket, &p, &c, e);
	close_ends(&c);
	if (rc < 0) {
		close_fd(&p.in);
		close_fd(&p.out);
		close_fd(&p.err);
		close_fd(&p.status);
		return rc;
	}
	*ret = p;
	return 0;
}
