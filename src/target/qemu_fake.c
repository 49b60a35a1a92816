/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/qemu_fake.h"
#include "base/mem.h"
#include "target/command.h"
#include "wire/agent.h"
#include "wire/frame.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHUTDOWN(reason)                                                                           \
	"{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"" reason "\"}}\r\n"
#define HELLO                                                                                      \
	"{\"protocol\":1,\"release\":\"6.1\",\"machine\":\"m\",\"pid1\":true,\"boot_id\":\"b\"}"

static void say(int fd, const char *text)
{
	size_t n = strlen(text);
	while (n) {
		ssize_t w = write(fd, text, n);
		if (w <= 0)
			exit(99);
		text += w;
		n -= (size_t)w;
	}
}

static void event(const char *text)
{
	say(COMMAND_FD_QMP, text);
}

/* Wait for a command of the host's, and reply. */
static void command(const char *name, int id, const char *ret)
{
	char line[256] = "";
	size_t n = 0;
	char text[512];
	while (n < sizeof line - 1 && !strchr(line, '\n')) {
		ssize_t got = read(COMMAND_FD_QMP, line + n, 1);
		if (got <= 0)
			exit(98);
		n++;
	}
	if (!strstr(line, name)) {
		fprintf(stderr, "wanted %s, got %s\n", name, line);
		exit(97);
	}
	if (snprintf(text, sizeof text, "{\"return\": %s, \"id\": %d}\r\n", ret, id) < 0)
		exit(96);
	event(text);
}

static void greet(void)
{
	event("{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": "
	      "7}}}}\r\n");
	command("qmp_capabilities", 1, "{}");
	command("cont", 2, "{}");
	event("{\"event\": \"RESUME\"}\r\n");
}

static void hello(void)
{
	uint8_t header[FRAME_HEADER];
	const struct frame f = { .type = AGENT_HELLO, .length = sizeof HELLO - 1 };
	frame_header(&f, header);
	if (write(COMMAND_FD_AGENT, header, sizeof header) != sizeof header)
		exit(95);
	say(COMMAND_FD_AGENT, HELLO);
}

static void wait_for_frame(void)
{
	char any;
	if (read(COMMAND_FD_AGENT, &any, 1) != 1)
		exit(94);
}

/* The next command's id; its line in `line`. */
static int any_command(char *line, size_t size)
{
	size_t n = 0;
	memset(line, 0, size);
	while (n < size - 1 && !strchr(line, '\n')) {
		if (read(COMMAND_FD_QMP, line + n, 1) <= 0)
			exit(98);
		n++;
	}
	/* The last: an argument may have this name, too. */
	const char *id = NULL;
	for (const char *s = line; (s = strstr(s, "\"id\":")); s++)
		id = s + strlen("\"id\":");
	return id ? (int)strtol(id, NULL, 10) : -1;
}

static void write_core(const char *line)
{
	const char *path = strstr(line, "file:");
	if (!path)
		exit(92);
	path += strlen("file:");
	auto_free char *name = xstrndup(path, strcspn(path, "\""));
	FILE *f = fopen(name, "we");
	if (!f || fputs("core", f) < 0 || fclose(f) != 0)
		exit(91);
	event("{\"event\": \"STOP\"}\r\n");
	event("{\"event\": \"DUMP_COMPLETED\", \"data\": {\"result\": {}}}\r\n");
}

/* A guest that hangs; its kernel answers SysRq, or is `deaf`. */
static void act_hung(bool deaf)
{
	char line[1024];
	char text[200];
	for (;;) {
		char key;
		int id = any_command(line, sizeof line);
		if (snprintf(text, sizeof text, "{\"return\": {}, \"id\": %d}\r\n", id) < 0)
			exit(96);
		event(text);
		if (strstr(line, "dump-guest-memory")) {
			write_core(line);
			continue;
		}
		if (strstr(line, "\"stop\""))
			continue;
		if (!strstr(line, "chardev-send-break") || !strstr(line, "\"console\"") ||
			read(COMMAND_FD_CONSOLE, &key, 1) != 1)
			exit(90);
		if (deaf)
			continue;
		if (key == 'h')
			say(COMMAND_FD_CONSOLE, "HELP : show-all-locks(d) sync(s)");
		if (snprintf(text, sizeof text, "<%c>\n", key) < 0)
			exit(96);
		say(COMMAND_FD_CONSOLE, text);
	}
}

static void forever(void)
{
	for (;;)
		pause();
}

/* A descriptor that was not meant for QEMU would keep somebody's channel open. */
static void count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *entry;
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) != dirfd(d) &&
			strtol(entry->d_name, NULL, 10) > COMMAND_FD_AGENT)
			fprintf(stderr, "leaked descriptor %s\n", entry->d_name);
	closedir(d);
}

static void act_early(const char *what)
{
	if (strcmp(what, "refuse") == 0) {
		fprintf(stderr, "qemu: warning\nqemu: -device x: no such device\n");
		exit(1);
	}
	if (strcmp(what, "mute") == 0)
		forever();
	if (strcmp(what, "garbage") == 0) {
		event("HTTP/1.1 200 OK\r\n");
		forever();
	}
}

static void act_shutdown(const char *what)
{
	if (strcmp(what, "poweroff") == 0) {
		event(SHUTDOWN("guest-shutdown"));
		for (int i = 0; i < QEMU_FAKE_CONSOLE / 100; i++)
			say(COMMAND_FD_CONSOLE,
				"0123456789012345678901234567890123456789012345678901234567"
				"89012345678901234567890123456789012345678\n");
		say(COMMAND_FD_CONSOLE, QEMU_FAKE_LAST);
	} else if (strcmp(what, "reset") == 0) {
		event(SHUTDOWN("guest-reset"));
		exit(7); /* the exit code says nothing */
	} else if (strcmp(what, "panic") == 0) {
		event(SHUTDOWN("guest-reset"));
		say(COMMAND_FD_CONSOLE, "[ 1.0] Kernel panic - not ");
		say(COMMAND_FD_CONSOLE, "syncing: oh no\r\n");
	} else if (strcmp(what, "panic-device") == 0) {
		event("{\"event\": \"GUEST_PANICKED\", \"data\": {\"action\": \"run\"}}\r\n");
		event(SHUTDOWN("guest-reset"));
	} else if (strcmp(what, "signal") == 0) {
		event(SHUTDOWN("host-signal"));
	}
}

/* QEMU was told to stay when the guest ends. */
static void act_stays(const char *what)
{
	char line[1024];
	if (strncmp(what, "stays-", 6) != 0)
		return;
	event(SHUTDOWN("guest-reset"));
	event("{\"event\": \"STOP\"}\r\n");
	if (strcmp(what, "stays-panic") == 0)
		say(COMMAND_FD_CONSOLE, "Kernel panic - not syncing: oh no\r\n");
	do
		(void)any_command(line, sizeof line);
	while (!strstr(line, "\"quit\""));
	exit(0);
}

static void act_trouble(const char *what)
{
	if (strcmp(what, "crash") == 0) {
		fprintf(stderr, "qemu: assertion failed\n");
		signal(SIGABRT, SIG_DFL);
		raise(SIGABRT);
	} else if (strcmp(what, "killed") == 0) {
		raise(SIGKILL);
	} else if (strcmp(what, "full") == 0) {
		event("{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"device\": \"\", \"nospace\": "
		      "true, \"node-name\": \"disk-SCRATCH1\", \"reason\": \"No space left on "
		      "device\", \"operation\": \"write\", \"action\": \"stop\"}}\r\n");
		event("{\"event\": \"STOP\"}\r\n");
		forever();
	} else if (strcmp(what, "broken-disk") == 0) {
		event("{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"device\": \"\", \"nospace\": "
		      "false, \"node-name\": \"disk-SCRATCH1\", \"reason\": \"Input/output "
		      "error\", \"operation\": \"read\", \"action\": \"stop\"}}\r\n");
		forever();
	} else if (strcmp(what, "stop") == 0) {
		fprintf(stderr, "KVM internal error. Suberror: 1\nEAX=0\n");
		event("{\"event\": \"STOP\"}\r\n");
		command("query-status", 3, "{\"status\": \"internal-error\"}");
		forever();
	}
}

static void act_agent(const char *what)
{
	if (strcmp(what, "never") == 0)
		forever();
	if (strcmp(what, "lie") == 0)
		say(COMMAND_FD_AGENT, "this is no frame at all");
	if (strcmp(what, "lie") == 0)
		forever();
	hello();
	if (strcmp(what, "hello-lie") == 0)
		say(COMMAND_FD_AGENT, "this is no frame at all");
	if (strncmp(what, "hello-hung", 10) == 0)
		act_hung(strcmp(what, "hello-hung-deaf") == 0);
	if (strcmp(what, "hello") == 0) {
		wait_for_frame();
		event(SHUTDOWN("guest-shutdown"));
		exit(0);
	}
	forever();
}

bool qemu_fake_wanted(int argc, char **argv)
{
	return argc > 2 && strcmp(argv[1], "-name") == 0;
}

int qemu_fake_main(int argc, char **argv)
{
	const char *what = "";
	for (int i = 1; i + 1 < argc; i++) {
		const char *word = strstr(argv[i + 1], "fake=");
		if (strcmp(argv[i], "-append") == 0 && word)
			what = word + 5;
	}
	count_descriptors();
	act_early(what);
	greet();
	say(COMMAND_FD_CONSOLE, "booting\r\n");
	act_shutdown(what);
	if (strcmp(what, "poweroff") == 0 || strncmp(what, "panic", 5) == 0 ||
		strcmp(what, "signal") == 0)
		return 0;
	act_stays(what);
	act_trouble(what);
	act_agent(what);
	return 93;
}
