/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_needs.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "suite/fstests_priv.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX (4u << 20)
#define WORD_MAX   64
#define NEEDS_MAX  500 /* different ones; more are dropped */

/* Who has a program, where the package is not of its name. */
static const struct {
	const char *program, *package;
} packages[] = {
	{ "attr", "attr" },
	{ "bc", "bc" },
	{ "blkdiscard", "util-linux" },
	{ "blkzone", "util-linux" },
	{ "btrfs", "btrfs-progs" },
	{ "btrfs-convert", "btrfs-progs" },
	{ "btrfs-map-logical", "btrfs-progs" },
	{ "btrfstune", "btrfs-progs" },
	{ "capsh", "libcap2-bin" },
	{ "chacl", "acl" },
	{ "chattr", "e2fsprogs" },
	{ "dbench", "dbench" },
	{ "debugfs", "e2fsprogs" },
	{ "dmsetup", "dmsetup" },
	{ "dump.f2fs", "f2fs-tools" },
	{ "duperemove", "duperemove" },
	{ "e2fsck", "e2fsprogs" },
	{ "filefrag", "e2fsprogs" },
	{ "fio", "fio" },
	{ "fsverity", "fsverity" },
	{ "gawk", "gawk" },
	{ "getcap", "libcap2-bin" },
	{ "indent", "indent" },
	{ "keyctl", "keyutils" },
	{ "lsattr", "e2fsprogs" },
	{ "lvm", "lvm2" },
	{ "man", "man-db" },
	{ "mke2fs", "e2fsprogs" },
	{ "mkfs.btrfs", "btrfs-progs" },
	{ "mkfs.ext4", "e2fsprogs" },
	{ "mkfs.f2fs", "f2fs-tools" },
	{ "mkfs.xfs", "xfsprogs" },
	{ "openssl", "openssl" },
	{ "parted", "parted" },
	{ "perl", "perl" },
	{ "python3", "python3" },
	{ "quota", "quota" },
	{ "resize2fs", "e2fsprogs" },
	{ "restore", "dump" },
	{ "setcap", "libcap2-bin" },
	{ "setfattr", "attr" },
	{ "sqlite3", "sqlite3" },
	{ "thin_check", "thin-provisioning-tools" },
	{ "tune2fs", "e2fsprogs" },
	{ "uuidgen", "uuid-runtime" },
	{ "wipefs", "util-linux" },
	{ "xfs_admin", "xfsprogs" },
	{ "xfs_db", "xfsprogs" },
	{ "xfs_fsr", "xfsprogs" },
	{ "xfs_growfs", "xfsprogs" },
	{ "xfs_info", "xfsprogs" },
	{ "xfs_io", "xfsprogs" },
	{ "xfs_logprint", "xfsprogs" },
	{ "xfs_mdrestore", "xfsprogs" },
	{ "xfs_quota", "xfsprogs" },
	{ "xfs_repair", "xfsprogs" },
	{ "xfs_spaceman", "xfsprogs" },
	{ "xfsdump", "xfsdump" },
	{ "xz", "xz-utils" },
};

/* What a line that begins with `call` wants; `arg` NULL: whatever follows. */
static const struct rule {
	const char *call, *arg;
	enum fstests_need_kind kind;
	const char *name;
} rules[] = {
	{ "_require_acls", NULL, FSTESTS_PROGRAM, "chacl" },
	{ "_require_attrs", NULL, FSTESTS_PROGRAM, "setfattr" },
	{ "_require_dm_target", NULL, FSTESTS_PROGRAM, "dmsetup" },
	{ "_require_dm_target", NULL, FSTESTS_CONFIG, "CONFIG_BLK_DEV_DM" },
	{ "_require_dm_target", "delay", FSTESTS_CONFIG, "CONFIG_DM_DELAY" },
	{ "_require_dm_target", "dust", FSTESTS_CONFIG, "CONFIG_DM_DUST" },
	{ "_require_dm_target", "flakey", FSTESTS_CONFIG, "CONFIG_DM_FLAKEY" },
	{ "_require_dm_target", "snapshot", FSTESTS_CONFIG, "CONFIG_DM_SNAPSHOT" },
	{ "_require_dm_target", "thin-pool", FSTESTS_CONFIG, "CONFIG_DM_THIN_PROVISIONING" },
	{ "_require_dm_target", "zero", FSTESTS_CONFIG, "CONFIG_DM_ZERO" },
	{ "_require_encrypted_casefold", NULL, FSTESTS_CONFIG, "CONFIG_UNICODE" },
	{ "_require_fail_make_request", NULL, FSTESTS_CONFIG, "CONFIG_FAIL_MAKE_REQUEST" },
	{ "_require_fio", NULL, FSTESTS_PROGRAM, "fio" },
	{ "_require_io_uring", NULL, FSTESTS_CONFIG, "CONFIG_IO_URING" },
	{ "_require_log_writes", NULL, FSTESTS_PROGRAM, "dmsetup" },
	{ "_require_log_writes", NULL, FSTESTS_CONFIG, "CONFIG_DM_LOG_WRITES" },
	{ "_require_loop", NULL, FSTESTS_CONFIG, "CONFIG_BLK_DEV_LOOP" },
	{ "_require_quota", NULL, FSTESTS_PROGRAM, "quota" },
	{ "_require_quota", NULL, FSTESTS_CONFIG, "CONFIG_QUOTA" },
	{ "_require_scratch_encryption", NULL, FSTESTS_CONFIG, "CONFIG_FS_ENCRYPTION" },
	{ "_require_scratch_verity", NULL, FSTESTS_CONFIG, "CONFIG_FS_VERITY" },
	{ "_require_scratch_verity", NULL, FSTESTS_PROGRAM, "fsverity" },
	{ "_require_scsi_debug", NULL, FSTESTS_CONFIG, "CONFIG_SCSI_DEBUG" },
	{ "_require_user", NULL, FSTESTS_USER, "fsgqa" },
	{ "_require_xfs_debug", NULL, FSTESTS_CONFIG, "CONFIG_XFS_DEBUG" },
	{ "_require_error_injection", NULL, FSTESTS_CONFIG, "CONFIG_XFS_DEBUG" },
	{ "_require_xfs_io_error_injection", NULL, FSTESTS_CONFIG, "CONFIG_XFS_DEBUG" },
	{ "_require_xfs_quota", NULL, FSTESTS_CONFIG, "CONFIG_XFS_QUOTA" },
	{ "_require_xfs_stress_online_repair", NULL, FSTESTS_CONFIG, "CONFIG_XFS_ONLINE_REPAIR" },
	{ "_require_xfs_stress_scrub", NULL, FSTESTS_CONFIG, "CONFIG_XFS_ONLINE_SCRUB" },
};

/* Without these nothing runs. A program is one where the tree's common/config ends with `said`;
 * "*": whatever FSTYP. */
static const struct {
	const char *fstyp;
	enum fstests_need_kind kind;
	const char *name, *said;
} hard[] = {
	{ "*", FSTESTS_PROGRAM, "awk", "\"awk not found" },
	{ "*", FSTESTS_PROGRAM, "bc", "\"bc not found" },
	{ "*", FSTESTS_PROGRAM, "perl", "\"perl not found" },
	{ "*", FSTESTS_PROGRAM, "xfs_io", "\"xfs_io not found" },
	{ "btrfs", FSTESTS_PROGRAM, "mkfs.btrfs", "\"mkfs.btrfs not found" },
	{ "btrfs", FSTESTS_CONFIG, "CONFIG_BTRFS_FS", "" },
	{ "ext4", FSTESTS_PROGRAM, "mkfs.ext4", "\"mkfs.ext4 not found" },
	{ "ext4", FSTESTS_CONFIG, "CONFIG_EXT4_FS", "" },
	{ "f2fs", FSTESTS_PROGRAM, "mkfs.f2fs", "\"mkfs.f2fs not found" },
	{ "f2fs", FSTESTS_CONFIG, "CONFIG_F2FS_FS", "" },
	{ "xfs", FSTESTS_PROGRAM, "mkfs.xfs", "\"mkfs_xfs not found" },
	{ "xfs", FSTESTS_PROGRAM, "xfs_logprint", "\"xfs_logprint not found" },
	{ "xfs", FSTESTS_CONFIG, "CONFIG_XFS_FS", "" },
};

static const char *package_of(const char *program)
{
	for (size_t i = 0; i < ARRAY_LEN(packages); i++)
		if (strcmp(packages[i].program, program) == 0)
			return packages[i].package;
	return strcmp(program, "awk") == 0 ? "gawk" : NULL;
}

void fstests_needs_clear(struct fstests_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		free(needs->v[i].name);
	free(needs->v);
	*needs = (struct fstests_needs){ 0 };
}

/* `test` NULL: check itself. */
static void add(struct fstests_needs *needs, enum fstests_need_kind kind, const char *name,
	const char *test)
{
	size_t i = 0;
	while (i < needs->n && (needs->v[i].kind != kind || strcmp(needs->v[i].name, name) != 0))
		i++;
	if (i == NEEDS_MAX)
		return;
	if (i == needs->n) {
		needs->v = xrealloc(needs->v, (i + 1) * sizeof *needs->v);
		needs->v[needs->n++] = (struct fstests_need){
			.kind = kind,
			.name = xstrdup(name),
			.package = kind == FSTESTS_PROGRAM ? package_of(name) : NULL,
		};
	}
	struct fstests_need *need = &needs->v[i];
	if (!test)
		need->hard = true;
	if (test && need->tests++ == 0)
		(void)snprintf(need->first, sizeof need->first, "%s", test); /* may be cut */
}

/* The next word of a line, without quotes; 0: no more. One with odd characters, or too long, is
 * the shell's to understand: "". */
static size_t word(const char *s, size_t n, char out[WORD_MAX])
{
	size_t i = 0;
	size_t len = 0;
	bool odd = false;
	while (i < n && (s[i] == ' ' || s[i] == '\t'))
		i++;
	if (i == n || s[i] == '#')
		return 0;
	for (; i < n && s[i] != ' ' && s[i] != '\t'; i++) {
		if (s[i] == '"' || s[i] == '\'')
			continue;
		bool plain = isalnum((unsigned char)s[i]) || strchr("_-.", s[i]);
		odd = odd || !plain || s[i] == '\0' || len + 1 == WORD_MAX;
		if (!odd)
			out[len++] = s[i];
	}
	out[odd ? 0 : len] = '\0';
	return i;
}

static void take_line(const char *test, const char *s, size_t n, struct fstests_needs *needs)
{
	char call[WORD_MAX];
	char arg[WORD_MAX] = "";
	char second[WORD_MAX] = "";
	size_t at = word(s, n, call);
	if (at == 0 || strncmp(call, "_require_", 9) != 0)
		return;
	size_t more = word(s + at, n - at, arg);
	if (more)
		(void)word(s + at + more, n - at - more, second);
	if (strcmp(call, "_require_command") == 0) {
		/* A program of the tree's own is built with it. */
		if (second[0] && isalpha((unsigned char)second[0]))
			add(needs, FSTESTS_PROGRAM, second, test);
		return;
	}
	if (strcmp(call, "_require_user") == 0 && arg[0]) {
		add(needs, FSTESTS_USER, arg, test);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].call, call) == 0 &&
			(!rules[i].arg || strcmp(rules[i].arg, arg) == 0))
			add(needs, rules[i].kind, rules[i].name, test);
}

void fstests_needs_of_script(
	const char *name, const char *text, size_t n, struct fstests_needs *ret)
{
	/* A test counts once, however often it says so. */
	auto_fstests_needs struct fstests_needs own = { 0 };
	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n;
		take_line(name, text, len, &own);
		text += len + (end != NULL);
		n -= len + (end != NULL);
	}
	for (size_t i = 0; i < own.n; i++)
		add(ret, own.v[i].kind, own.v[i].name, name);
}

int fstests_needs_of(const struct fstests_tree *t, const char *fstyp,
	const struct fstests_picks *picks, struct fstests_needs *ret, struct err *e)
{
	auto_buf struct buf config = { 0 };
	auto_free char *config_path = path_join(t->dir, "common/config");
	(void)file_read(
		config_path, SCRIPT_MAX, &config, NULL); /* a tree without asks for nothing */
	for (size_t i = 0; i < ARRAY_LEN(hard); i++)
		if ((strcmp(hard[i].fstyp, "*") == 0 || strcmp(hard[i].fstyp, fstyp) == 0) &&
			strstr(buf_str(&config), hard[i].said))
			add(ret, hard[i].kind, hard[i].name, NULL);
	for (size_t i = 0; i < picks->n; i++) {
		auto_buf struct buf text = { 0 };
		const char *name = picks->v[i].test->name;
		auto_free char *path = xasprintf("%s/tests/%s", t->dir, name);
		if (picks->v[i].expunged)
			continue;
		int rc = file_read(path, SCRIPT_MAX, &text, e);
		if (rc < 0)
			return rc;
		fstests_needs_of_script(name, buf_str(&text), text.len, ret);
	}
	return 0;
}
