/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/spawn.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* An ordinary user's PATH lacks them, and mkfs and depmod lie there. */
#define MORE_FOLDERS "/usr/sbin:/sbin"

#define MAX_FD  1023 /* the highest number a descriptor may be handed down as */
#define MAX_FDS 64   /* how many */

enum step {
	STEP_STREAMS,
	STEP_TERMINAL,
	STEP_CWD,
	STEP_EXEC,
};

/* What the child says where it cannot become the program. */
struct failure {
	enum step step;
	int code;
};

/* All that the child needs, made before the fork: after it, only system calls. */
struct plan {
	const struct proc_spec *spec;
	const char **env;
	const char *path;
	int source[3]; /* what its standard streams will be; borrowed or one of `theirs` */
	int theirs[3]; /* opened for the child, closed here after the fork; -1: none */
	int ours[3];
	bool pty;
	int status[2];
	pid_t parent;
};

static void plan_clear(struct plan *p)
{
	for (int i = 0; i < 3; i++) {
		close_fd(&p->theirs[i]);
		close_fd(&p->ours[i]);
	}
	close_fd(&p->status[0]);
	close_fd(&p->status[1]);
	free(p->env);
}
#define auto_plan __attribute__((cleanup(plan_clear)))

static int check_spec(const struct proc_spec *s, struct err *e)
{
	if (!s->argv || !s->argv[0] || !s->argv[0][0])
		return err_set(e, EINVAL, "start a program: no name given");
	const int stream[3] = { s->in, s->out, s->err };
	int n_pty = 0;
	for (int i = 0; i < 3; i++) {
		n_pty += stream[i] == PROC_PTY;
		/* 0 for an output is a member that was never set. */
		if (stream[i] < (i == 2 ? PROC_OUT : PROC_PTY) || (i > 0 && stream[i] == 0))
			return err_set(e, EINVAL, "start %s: standard stream %d cannot be %d",
				s->argv[0], i, stream[i]);
	}
	if (n_pty != 0 && n_pty != 3)
		return err_set(
			e, EINVAL, "start %s: a terminal is all three streams or none", s->argv[0]);
	if (s->n_fds > MAX_FDS)
		return err_set(e, EINVAL, "start %s: more than %d descriptors to hand down",
			s->argv[0], MAX_FDS);
	for (size_t i = 0; i < s->n_fds; i++)
		if (s->fds[i].fd < 0 || s->fds[i].as < 3 || s->fds[i].as > MAX_FD)
			return err_set(e, EINVAL, "start %s: cannot hand descriptor %d down as %d",
				s->argv[0], s->fds[i].fd, s->fds[i].as);
	return 0;
}

static int open_terminal(struct plan *p, struct err *e)
{
	const struct winsize ws = { .ws_col = (unsigned short)(p->spec->cols ? p->spec->cols : 80),
		.ws_row = (unsigned short)(p->spec->rows ? p->spec->rows : 24) };
	p->pty = true;
	p->ours[1] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->ours[1] < 0)
		return err_sys(e, "open a terminal for %s", p->spec->argv[0]);
	if (unlockpt(p->ours[1]) < 0 || ioctl(p->ours[1], TIOCSWINSZ, &ws) < 0)
		return err_sys(e, "set up a terminal for %s", p->spec->argv[0]);
	/* By ioctl and not by name: the name may be another's in this mount namespace. */
	p->theirs[0] = ioctl(p->ours[1], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->theirs[0] < 0)
		return err_sys(e, "open a terminal for %s", p->spec->argv[0]);
	for (int i = 0; i < 3; i++)
		p->source[i] = p->theirs[0];
	return 0;
}

static int open_stream(struct plan *p, int i, int where, struct err *e)
{
	int fd[2];
	switch (where) {
	case PROC_INHERIT:
		p->source[i] = i;
		return 0;
	case PROC_OUT:
		p->source[i] = p->source[1];
		return 0;
	case PROC_NULL:
		p->source[i] = p->theirs[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		return p->theirs[i] < 0 ? err_sys(e, "open /dev/null") : 0;
	case PROC_PIPE:
		if (pipe2(fd, O_CLOEXEC) < 0)
			return err_sys(e, "pipe for %s", p->spec->argv[0]);
		p->source[i] = p->theirs[i] = fd[i == 0 ? 0 : 1];
		p->ours[i] = fd[i == 0 ? 1 : 0];
		return 0;
	default:
		p->source[i] = where;
		return 0;
	}
}

static int open_streams(struct plan *p, struct err *e)
{
	if (p->spec->in == PROC_PTY)
		return open_terminal(p, e);
	const int where[3] = { p->spec->in, p->spec->out, p->spec->err };
	int rc = 0;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = open_stream(p, i, where[i], e);
	return rc;
}

/* `mark` is "NAME=value". The vector is the plan's, the strings are borrowed. */
static void build_env(struct plan *p, const char *mark)
{
	const char *const *from = p->spec->env ? p->spec->env : (const char *const *)environ;
	size_t n = 0;
	while (from[n])
		n++;
	p->env = xcalloc(n + 2, sizeof *p->env);
	size_t have = 0;
	for (size_t i = 0; i < n; i++)
		if (strncmp(from[i], SPAWN_MARK_NAME "=", sizeof SPAWN_MARK_NAME) != 0)
			p->env[have++] = from[i];
	p->env[have] = mark;
}

__attribute__((noreturn)) static void give_up(int status, enum step step)
{
	const struct failure f = { step, errno };
	(void)!write(status, &f, sizeof f); /* nobody else to tell */
	_exit(127);
}

/* Handlers of ours must not run in the child, and what we ignore it must not ignore. */
static void reset_signals(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL); /* KILL, STOP and libc's own refuse, rightly */
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with these arguments */
}

static void close_all_at_exec(void)
{
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Linux before 5.11 has no such flag. */
	long max = sysconf(_SC_OPEN_MAX);
	for (int fd = 3; fd < (max > 0 ? max : 1 << 16); fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* most are not open */
}

/* Sources first go above every target, so that no dup2 overwrites what a later one needs. */
static int move_up(int fd, int above)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, above);
}

/* Returns where the status pipe went, or gives up. */
static int place_descriptors(const struct plan *p)
{
	const struct proc_spec *s = p->spec;
	int above = 3;
	for (size_t i = 0; i < s->n_fds; i++)
		above = s->fds[i].as >= above ? s->fds[i].as + 1 : above;
	close_all_at_exec();
	int status = move_up(p->status[1], above);
	if (status < 0)
		give_up(p->status[1], STEP_STREAMS);
	int high[3];
	int given[MAX_FDS];
	for (int i = 0; i < 3; i++)
		if ((high[i] = move_up(p->source[i], above)) < 0)
			give_up(status, STEP_STREAMS);
	for (size_t i = 0; i < s->n_fds; i++)
		if ((given[i] = move_up(s->fds[i].fd, above)) < 0)
			give_up(status, STEP_STREAMS);
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			give_up(status, STEP_STREAMS);
	for (size_t i = 0; i < s->n_fds; i++)
		if (dup2(given[i], s->fds[i].as) < 0)
			give_up(status, STEP_STREAMS);
	return status;
}

/* As execvpe, but what is no program is never given to a shell, and the folders of mkfs and
 * depmod, which Debian keeps out of a user's PATH, are looked in last. */
static void exec_program(const struct plan *p)
{
	char *const *argv = (char *const *)p->spec->argv;
	char *const *env = (char *const *)p->env;
	if (strchr(argv[0], '/')) {
		(void)execve(argv[0], argv, env); /* returns only where it fails */
		return;
	}
	bool denied = false;
	const char *const lists[] = { p->path, MORE_FOLDERS };
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (const char *dir = lists[i], *end; dir; dir = *end ? end + 1 : NULL) {
			end = strchrnul(dir, ':');
			char file[PATH_MAX];
			int n = snprintf(file, sizeof file, "%.*s%s%s", (int)(end - dir), dir,
				end > dir ? "/" : "", argv[0]);
			if (n < 0 || (size_t)n >= sizeof file)
				continue;
			(void)execve(file, argv, env); /* as above */
			if (errno == EACCES)
				denied = true;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
	}
	errno = denied ? EACCES : ENOENT;
}

__attribute__((noreturn)) static void child_main(const struct plan *p)
{
	reset_signals();
	if (setsid() < 0)
		give_up(p->status[1], STEP_STREAMS);
	if (!p->spec->outlives_us) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
		if (getppid() != p->parent)
			_exit(127); /* it died before the line above: nobody is left to tell */
	}
	int status = place_descriptors(p);
	if (p->pty && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		give_up(status, STEP_TERMINAL);
	if (p->spec->cwd && chdir(p->spec->cwd) < 0)
		give_up(status, STEP_CWD);
	exec_program(p);
	give_up(status, STEP_EXEC);
}

static int tell_failure(const struct proc_spec *s, const struct failure *f, struct err *e)
{
	switch (f->step) {
	case STEP_STREAMS:
		return err_code(e, f->code, "hand descriptors to %s", s->argv[0]);
	case STEP_TERMINAL:
		return err_code(e, f->code, "give %s a terminal", s->argv[0]);
	case STEP_CWD:
		return err_code(e, f->code, "start %s in %s", s->argv[0], s->cwd);
	case STEP_EXEC:
		break;
	}
	if (f->code == ENOENT && !strchr(s->argv[0], '/'))
		return err_set(e, ENOENT, "start %s: no such program in PATH", s->argv[0]);
	return err_code(e, f->code, "start %s", s->argv[0]);
}

/* Wait until the child is the program (the pipe closes at exec) or has said why it cannot. */
static int wait_for_exec(const struct plan *p, pid_t pid, struct err *e)
{
	struct failure f;
	ssize_t n;
	do
		n = read(p->status[0], &f, sizeof f);
	while (n < 0 && errno == EINTR);
	if (n != sizeof f)
		return 0;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return tell_failure(p->spec, &f, e);
}

static pid_t fork_blocked(const struct plan *p)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	/* A handler that ran between fork and exec would act for us in the child. */
	(void)sigprocmask(SIG_SETMASK, &all, &before); /* cannot fail with these arguments */
	pid_t pid = fork();
	if (pid == 0)
		child_main(p);
	int code = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL); /* as above */
	errno = code;
	return pid;
}

static const char *folders(void)
{
	const char *path = getenv("PATH");
	return path && *path ? path : "/usr/local/bin:/usr/bin:/bin";
}

static int program_check(const char *file)
{
	struct stat st;
	if (access(file, X_OK) < 0)
		return -errno;
	return stat(file, &st) == 0 && S_ISREG(st.st_mode) ? 0 : -EACCES;
}

int proc_find(const char *program, char **ret)
{
	auto_strv struct strv dirs = { 0 };
	auto_free char *list = xasprintf("%s:" MORE_FOLDERS, folders());
	int found = -ENOENT;
	if (strchr(program, '/')) {
		found = program_check(program);
		if (found == 0)
			*ret = xstrdup(program);
		return found;
	}
	strv_split(&dirs, list, ":");
	for (size_t i = 0; i < dirs.n && found != 0; i++) {
		auto_free char *file = path_join(dirs.v[i], program);
		int rc = program_check(file);
		if (rc == 0 || rc == -EACCES)
			found = rc;
		if (rc == 0)
			*ret = take(&file);
	}
	return found;
}

int spawn_child(const struct proc_spec *spec, const char *mark, struct spawned *ret, struct err *e)
{
	auto_plan struct plan p = { .spec = spec,
		.theirs = { -1, -1, -1 },
		.ours = { -1, -1, -1 },
		.status = { -1, -1 },
		.path = folders(),
		.parent = getpid() };
	int rc = check_spec(spec, e);
	if (rc == 0)
		rc = open_streams(&p, e);
	if (rc < 0)
		return rc;
	if (pipe2(p.status, O_CLOEXEC) < 0)
		return err_sys(e, "pipe for %s", spec->argv[0]);
	auto_free char *marked = xasprintf(SPAWN_MARK_NAME "=%s", mark);
	build_env(&p, marked);
	/* Ignored, it would have the kernel reap children, and their ends would be lost. */
	struct sigaction chld;
	if (sigaction(SIGCHLD, NULL, &chld) == 0 && chld.sa_handler == SIG_IGN)
		(void)signal(SIGCHLD, SIG_DFL); /* cannot fail */
	pid_t pid = fork_blocked(&p);
	if (pid < 0)
		return err_sys(e, "fork for %s", spec->argv[0]);
	close_fd(&p.status[1]);
	for (int i = 0; i < 3; i++)
		close_fd(&p.theirs[i]);
	rc = wait_for_exec(&p, pid, e);
	if (rc < 0)
		return rc;
	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		rc = err_sys(e, "watch %s", spec->argv[0]);
		(void)kill(-pid, SIGKILL); /* ours, and not yet reaped: cannot miss */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return rc;
	}
	*ret = (struct spawned){ .pid = pid,
		.pidfd = pidfd,
		.in = take_fd(&p.ours[0]),
		.out = take_fd(&p.ours[1]),
		.err = take_fd(&p.ours[2]) };
	return 0;
}
