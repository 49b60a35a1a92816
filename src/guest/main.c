/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: fsqa-guest's roles: init of a VM, an agent on a descriptor, fsqa-test,
 * fsqa-disk. */
#include "base/err.h"
#include "base/parse.h"
#include "guest/agent.h"
#include "guest/boot.h"
#include "guest/events.h"
#include "guest/fsqa_disk.h"
#include "guest/fsqa_test.h"
#include "guest/handler.h"
#include "guest/say.h"
#include "guest/shutdown.h"
#include "guest/system.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char usage[] =
	"usage: fsqa-guest --agent-fd N [--socket PATH]\n"
	"       fsqa-guest --service (in a VM of fsqa's with an init of its own)\n"
	"       fsqa-test ..., fsqa-disk ... (the same file by other names)\n"
	"As process 1 it boots a fsqa VM.\n";

static noreturn void run_init(void)
{
	static struct agent_setup setup;
	struct err e = { 0 };
	if (boot(&setup, &e) < 0) {
		say("%s", e.msg);
		shutdown_machine(false);
	}
	handler_set_socket(EVENTS_SOCKET);
	agent_run(&setup);
}

static int run_service(void)
{
	static struct agent_setup setup;
	struct err e = { 0 };
	if (system_open(&setup, &e) < 0) {
		say("%s", e.msg);
		return 3;
	}
	agent_run(&setup);
}

/* An ordinary process: no cgroups, which are somebody else's here, and no kernel log where it
 * may not be read. */
static int run_agent(int port, const char *socket)
{
	static struct agent_setup setup;
	setup = (struct agent_setup){ .port = port, .kmsg = -1, .listener = -1 };
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* cannot fail on kernels since 3.4 */
	if (fcntl(port, F_SETFD, FD_CLOEXEC) < 0) {
		say("--agent-fd %d: %s", port, strerror(errno));
		return 2;
	}
	if (socket) {
		setup.listener = events_listen(socket);
		if (setup.listener < 0) {
			say("%s: %s", socket, strerror(errno));
			return 3;
		}
		handler_set_socket(socket);
	}
	setup.kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	agent_run(&setup);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "agent-fd", required_argument, NULL, 'a' },
		{ "service", no_argument, NULL, 'S' },
		{ "socket", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t fd = UINT64_MAX;
	const char *socket = NULL;
	bool service = false;
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	name = name ? name + 1 : argc > 0 ? argv[0] : "";
	if (strcmp(name, "fsqa-test") == 0)
		return fsqa_test_main(argc, argv);
	if (strcmp(name, "fsqa-disk") == 0)
		return fsqa_disk_main(argc, argv);
	if (getpid() == 1)
		run_init();
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'a' && parse_u64(optarg, &fd, NULL) < 0)
			fd = UINT64_MAX;
		if (option == 's')
			socket = optarg;
		service = service || option == 'S';
		if (option == '?')
			return 2;
	}
	if (service && optind == argc)
		return run_service();
	if (fd > INT_MAX || optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return run_agent((int)fd, socket);
}
