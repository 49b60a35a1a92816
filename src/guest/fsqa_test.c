/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/fsqa_test.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "guest/tell.h"
#include "guest/tree.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define complain(...) tell_complain("fsqa-test", __VA_ARGS__)

#define ACK_US        60000000 /* of an end: disks are healed before */
#define TERM_GRACE_US 5000000
#define KILL_GRACE_US 10000000
#define NAME_MAX_LEN  200
#define EXPECT_MAX    32
#define REASON_MAX    500
#define REBOOT_MS     60000
#define WANT_WORDS    "want words of letters, digits, _ - joined by dots"

enum {
	EXIT_USAGE = 2,
	EXIT_SKIP = 77,
	EXIT_TIMED_OUT = 124,
	EXIT_NOT_TOLD = 125,
};

struct test {
	const char *name;
	const char *expect[EXPECT_MAX];
	size_t n_expect;
	const char *collect;
	const char *reboot;  /* its mark */
	const char *begins;  /* of a suite's own tests, which one */
	uint64_t timeout_us; /* 0: none */
	char **argv;
	int agent; /* -1: none */
	char answer[TELL_ANSWER];
	char *reason_file;
	int status; /* as waitpid gave it */
	bool timed_out;
	uint64_t duration_us;
};

static const char usage[] =
	"usage: fsqa-test NAME [--expect REGEX]... [--timeout DURATION] [--] COMMAND [ARG]...\n"
	"       fsqa-test --collect PATH\n"
	"       fsqa-test --reboot MARK\n"
	"       fsqa-test --begins NAME\n"
	"\n"
	"Run COMMAND as the test NAME: exit code 0 is PASS, 77 SKIP, 126 and 127 ERROR, else "
	"FAIL.\n"
	"The command may write the reason of its end to the file $FSQA_REASON.\n"
	"  --expect REGEX      kernel messages of this kind are the test's purpose (extended "
	"regex)\n"
	"  --timeout DURATION  kill it then, and FAIL (30s, 5m; a bare number is seconds)\n"
	"  --collect PATH      a log file or folder that is to be kept\n"
	"  --reboot MARK       reboot this machine; the stage is started again with MARK in\n"
	"                      $FSQA_REBOOT_MARK\n"
	"  --begins NAME       wait until the host has written down that NAME, which the suite\n"
	"                      itself announced, is under way\n";

bool fsqa_test_name_is_good(const char *name)
{
	bool word = false; /* inside one */
	size_t n = 0;
	for (; name[n]; n++) {
		if (name[n] != '.' && !isalnum((unsigned char)name[n]) && !strchr("_-", name[n]))
			return false;
		if (name[n] == '.' && !word)
			return false;
		word = name[n] != '.';
	}
	return word && n <= NAME_MAX_LEN;
}

static int parse_expect(struct test *t, const char *text)
{
	regex_t re;
	char why[160];
	if (t->n_expect == EXPECT_MAX)
		return complain(EXIT_USAGE, "more than %d --expect", EXPECT_MAX);
	int rc = regcomp(&re, text, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &re, why, sizeof why);
		return complain(EXIT_USAGE, "--expect %s: %s", text, why);
	}
	regfree(&re);
	t->expect[t->n_expect++] = text;
	return 0;
}

static int parse_option(struct test *t, int option, const char *value)
{
	struct err e = { 0 };
	if (option == 'c')
		t->collect = value;
	else if (option == 'r')
		t->reboot = value;
	else if (option == 'b')
		t->begins = value;
	else if (option == 'e')
		return parse_expect(t, value);
	else if (option != 't')
		return complain(EXIT_USAGE, "see fsqa-test --help");
	else if (parse_duration(value, 1000000, &t->timeout_us, &e) < 0)
		return complain(EXIT_USAGE, "--timeout: %s", e.msg);
	return 0;
}

/* NAME may stand before the options or behind them; the first other word begins the command. */
static int parse(struct test *t, int argc, char **argv)
{
	static const struct option options[] = {
		{ "expect", required_argument, NULL, 'e' },
		{ "timeout", required_argument, NULL, 't' },
		{ "collect", required_argument, NULL, 'c' },
		{ "reboot", required_argument, NULL, 'r' },
		{ "begins", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	if (argc > 1 && argv[1][0] != '-') {
		t->name = argv[1];
		argv++;
		argc--;
	}
	int option;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		int rc = parse_option(t, option, optarg);
		if (rc != 0)
			return rc;
	}
	int errands = !!t->collect + !!t->reboot + !!t->begins; /* and no test */
	if (!t->name && !errands && optind < argc)
		t->name = argv[optind++];
	t->argv = argv + optind;
	bool good = errands ? !t->name && !t->argv[0] && errands == 1 : t->name && t->argv[0];
	if (!good) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (t->reboot && !fsqa_test_name_is_good(t->reboot))
		return complain(EXIT_USAGE, "mark \"%s\": " WANT_WORDS, t->reboot);
	if (t->name && !fsqa_test_name_is_good(t->name))
		return complain(EXIT_USAGE, "test name \"%s\": " WANT_WORDS, t->name);
	return 0;
}

static int tell_host(struct test *t, enum event_kind kind, json_t *event)
{
	if (t->agent < 0) {
		json_decref(event);
		return 0;
	}
	int rc = tell(t->agent, kind, event, ACK_US, t->answer);
	if (rc < 0)
		(void)snprintf(t->answer, sizeof t->answer, "%s", strerror(-rc)); /* it fits */
	return rc < 0 || !t->answer[0] ? rc : -EPERM;
}

static json_t *start_event(const struct test *t)
{
	json_t *j = tell_event("start");
	json_t *list = json_array();
	json_object_set_new(j, "test", json_string(t->name));
	for (size_t i = 0; i < t->n_expect; i++)
		json_array_append_new(list, json_bytes(t->expect[i], strlen(t->expect[i])));
	json_object_set_new(j, "expect", list);
	return j;
}

/* What the command wrote as its reason, on one line; "" where nothing. */
static void read_reason(const struct test *t, struct buf *out)
{
	if (!t->reason_file || file_read(t->reason_file, 1 << 20, out, NULL) < 0)
		buf_reset(out);
	while (out->len && isspace((unsigned char)out->s[out->len - 1]))
		out->len--;
	for (size_t i = 0; i < out->len; i++)
		if ((unsigned char)out->s[i] < ' ')
			out->s[i] = ' ';
	if (out->len > REASON_MAX)
		out->len = REASON_MAX;
}

static const char *judge(const struct test *t, struct buf *reason)
{
	read_reason(t, reason);
	bool given = reason->len > 0;
	int code = WIFEXITED(t->status) ? WEXITSTATUS(t->status) : -1;
	if (t->timed_out) {
		char human[CLOCK_HUMAN_SIZE];
		buf_reset(reason);
		buf_addf(reason, "timed out after %s", clock_human(t->timeout_us, human));
		return "FAIL";
	}
	if (code < 0) {
		int sig = WTERMSIG(t->status);
		buf_addf(reason, "%skilled by signal %d (%s)", given ? "; " : "", sig,
			strsignal(sig));
		return "FAIL";
	}
	if (code == 0)
		return "PASS";
	if (!given)
		buf_addf(reason, "exit code %d", code);
	return code == EXIT_SKIP ? "SKIP" : code == 126 || code == 127 ? "ERROR" : "FAIL";
}

static json_t *end_event(const struct test *t)
{
	auto_buf struct buf reason = { 0 };
	json_t *j = tell_event("end");
	int code = WIFEXITED(t->status) ? WEXITSTATUS(t->status) : 128 + WTERMSIG(t->status);
	json_object_set_new(j, "status", json_string(judge(t, &reason)));
	json_object_set_new(j, "code", json_integer(code));
	if (reason.len)
		json_object_set_new(j, "reason", json_bytes(reason.s, reason.len));
	json_object_set_new(j, "duration_us", json_integer((json_int_t)t->duration_us));
	return j;
}

static noreturn void child(const struct test *t, const sigset_t *mask)
{
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	if (t->reason_file)
		(void)setenv("FSQA_REASON", t->reason_file, 1);
	(void)setenv("FSQA_TEST", t->name, 1);
	execvp(t->argv[0], t->argv);
	int code = errno == ENOENT ? 127 : 126; /* as a shell says it */
	_exit(complain(code, "%s: %s", t->argv[0], strerror(errno)));
}

/* Wait for the command; past the time, TERM and then KILL to all below us. */
static void wait_for(struct test *t, pid_t pid, const sigset_t *set)
{
	struct tree tree = { 0 };
	uint64_t began = clock_mono_us();
	uint64_t at = t->timeout_us ? began + t->timeout_us : 0;
	int sig = SIGTERM;
	for (bool reaped = false; !reaped;) {
		struct timespec ts = { .tv_sec = 3600 };
		uint64_t now = clock_mono_us();
		if (at && at > now && at - now < 3600000000)
			ts = (struct timespec){ (time_t)((at - now) / 1000000),
				(long)((at - now) % 1000000 * 1000) };
		int got = at && at <= now ? -1 : sigtimedwait(set, NULL, &ts);
		if (got == SIGTERM || got == SIGHUP)
			(void)kill(pid, got); /* we stay to tell how it ended */
		(void)tree_reap(&tree, pid, &t->status, &reaped);
		if (reaped || !at || clock_mono_us() < at)
			continue;
		t->timed_out = true;
		tree_signal(&tree, sig);
		at = clock_mono_us() + (sig == SIGTERM ? TERM_GRACE_US : 50000);
		if (clock_mono_us() > began + t->timeout_us + TERM_GRACE_US + KILL_GRACE_US) {
			t->status = SIGKILL; /* it does not die: waits in the kernel */
			break;
		}
		sig = SIGKILL;
	}
	for (int i = 0; t->timed_out && i < 20; i++) {
		int status;
		bool reaped;
		tree_signal(&tree, SIGKILL); /* what it left behind was late, too */
		if (tree_reap(&tree, -1, &status, &reaped))
			break;
		(void)poll(NULL, 0, 5);
	}
	t->duration_us = clock_mono_us() - began;
}

static int run(struct test *t)
{
	sigset_t set;
	sigset_t old;
	struct tree tree;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* From the terminal these go to the command as well; we tell its end. */
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	if (t->timeout_us)
		tree_init(&tree, 0); /* only adopts: no cgroup here */
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		child(t, &old);
	if (pid < 0)
		return -errno;
	wait_for(t, pid, &set);
	return 0;
}

static int exit_code(const struct test *t)
{
	if (t->timed_out)
		return EXIT_TIMED_OUT;
	if (WIFSIGNALED(t->status))
		return 128 + WTERMSIG(t->status);
	int code = WEXITSTATUS(t->status);
	return code == EXIT_SKIP && t->agent >= 0 ? 0 : code;
}

static void make_reason_file(struct test *t)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/fsqa-reason-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
	auto_close int fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		t->reason_file = path;
	else
		free(path); /* a full or read-only disk: then there is no reason to read */
}

static int collect(struct test *t)
{
	char path[PATH_MAX];
	json_t *j = tell_event("collect");
	if (!realpath(t->collect, path)) /* it may come later: then it has to be absolute */
		(void)snprintf(path, sizeof path, "%s", t->collect);
	json_object_set_new(j, "path", json_bytes(path, strlen(path)));
	if (path[0] != '/') {
		json_decref(j);
		return complain(EXIT_USAGE, "--collect %s: %s", t->collect, strerror(ENOENT));
	}
	int rc = tell_host(t, EVENT_COLLECT, j);
	return rc < 0 ? complain(EXIT_NOT_TOLD, "the agent: %s", t->answer) : 0;
}

/* Returns only where nothing comes of it. */
static int reboot_now(struct test *t)
{
	json_t *j = tell_event("reboot");
	json_object_set_new(j, "mark", json_string(t->reboot));
	int rc = tell_host(t, EVENT_REBOOT, j);
	if (rc < 0 || t->agent < 0)
		return complain(EXIT_NOT_TOLD, "the host does not reboot this machine: %s",
			t->agent < 0 ? strerror(ENOTCONN) : t->answer);
	(void)poll(NULL, 0, REBOOT_MS);
	return complain(EXIT_NOT_TOLD, "this machine does not reboot");
}

static int begins(struct test *t)
{
	json_t *j = tell_event("begins");
	json_object_set_new(j, "test", json_bytes(t->begins, strlen(t->begins)));
	int rc = tell_host(t, EVENT_BEGINS, j);
	return rc < 0 ? complain(EXIT_NOT_TOLD, "the host: %s", t->answer) : 0;
}

/* The test may take the machine down: what was written before it is to be found on its disk. */
static void save_logs(void)
{
	auto_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		(void)syncfs(root);
}

int fsqa_test_main(int argc, char **argv)
{
	struct test t = { 0 };
	int rc = parse(&t, argc, argv);
	if (rc != 0)
		return rc;
	const char *path;
	t.agent = tell_connect(&path);
	if (t.agent < 0)
		(void)complain(0, "no agent at %s (%s): %s is not recorded", path, strerror(errno),
			t.name      ? t.name
			: t.collect ? t.collect
			: t.reboot  ? t.reboot
				    : t.begins);
	if (t.collect)
		return collect(&t);
	if (t.reboot)
		return reboot_now(&t);
	if (t.begins)
		return begins(&t);
	if (t.agent >= 0)
		save_logs();
	rc = tell_host(&t, EVENT_START, start_event(&t));
	if (rc < 0)
		return complain(EXIT_NOT_TOLD, "the host does not take the start of %s: %s", t.name,
			t.answer);
	make_reason_file(&t);
	rc = run(&t);
	if (rc < 0)
		return complain(EXIT_NOT_TOLD, "fork: %s", strerror(-rc));
	rc = tell_host(&t, EVENT_END, end_event(&t));
	if (t.reason_file)
		(void)unlink(t.reason_file); /* in /tmp: no harm if it stays */
	free(t.reason_file);
	if (rc < 0)
		return complain(EXIT_NOT_TOLD, "the host does not take the end of %s: %s", t.name,
			t.answer);
	return exit_code(&t);
}
