/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/sandbox.h"
#include "base/err.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY (512u << 20)
#define CPU_S  60
#define NOBODY 65534
#define OTHERS (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* Not mapped to anybody, with nothing of the host's around it: where that may not be, root becomes
 * nobody at least. */
static int leave_host(struct err *e)
{
	if (unshare(CLONE_NEWUSER | OTHERS) == 0)
		return 0;
	if (geteuid() != 0)
		return 0; /* an ordinary user's process, which seccomp holds */
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return err_sys(e, "become nobody");
	return 0;
}

static int drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { { 0 } };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "no_new_privs");
	if (syscall(SYS_capset, &header, none) < 0)
		return err_sys(e, "drop capabilities");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "PR_SET_DUMPABLE");
	return 0;
}

static int set_limits(struct err *e)
{
	static const struct {
		int which;
		rlim_t most;
	} limits[] = {
		{ RLIMIT_AS, MEMORY },
		{ RLIMIT_CPU, CPU_S },
		{ RLIMIT_FSIZE, 0 },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, 0 },
		{ RLIMIT_NPROC, 0 },
	};
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		const struct rlimit r = { limits[i].most, limits[i].most };
		if (setrlimit((__rlimit_resource_t)limits[i].which, &r) < 0)
			return err_sys(e, "setrlimit %d", limits[i].which);
	}
	return 0;
}

static int add_rules(scmp_filter_ctx f, int in, int out, int image)
{
	/* Memory, but none to run code from; the C library's clocks; the end. */
	static const int plain[] = { SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
		SCMP_SYS(madvise), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
		SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn) };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof plain / sizeof *plain; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, plain[i], 0);
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
			SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	if (rc == 0 && image >= 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(pread64), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)image));
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(read), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)in));
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)out));
	if (rc == 0)
		rc = seccomp_rule_add(
			f, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, 2));
	return rc;
}

static int filter_calls(int in, int out, int image, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!f)
		return err_set(e, ENOMEM, "seccomp_init");
	int rc = add_rules(f, in, out, image);
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc < 0 ? err_code(e, rc, "seccomp filter") : 0;
}

int sandbox_enter(int in, int out, int image, struct err *e)
{
	int rc = leave_host(e);
	if (rc == 0)
		rc = drop_capabilities(e);
	if (rc == 0)
		rc = set_limits(e);
	return rc < 0 ? rc : filter_calls(in, out, image, e);
}
