/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

char *path_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);
	while (n > 1 && dir[n - 1] == '/')
		n--;
	return xasprintf("%.*s%s%s", (int)n, dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int file_read(const char *path, size_t limit, struct buf *out, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	size_t total = 0;
	char chunk[16384];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "%s", path);
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > limit)
			return err_set(e, EFBIG, "%s: larger than %zu bytes", path, limit);
		buf_add(out, chunk, (size_t)n);
	}
}

int fd_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *s = p;
	while (n) {
		ssize_t w = write(fd, s, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, "write");
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

int file_sync_parent(const char *path, struct err *e)
{
	auto_free char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	if (slash == dir)
		slash++;
	if (slash)
		*slash = '\0';
	auto_close int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, "sync folder of %s", path);
	return 0;
}

static int write_temporary(int fd, const void *p, size_t n, mode_t mode, struct err *e)
{
	int rc = fd_write_all(fd, p, n, e);
	if (rc < 0)
		return rc;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return err_sys(e, "sync");
	return 0;
}

int file_replace(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	auto_free char *tmp = xasprintf("%s.XXXXXX", path);
	auto_close int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	int rc = write_temporary(fd, p, n, mode, e);
	if (rc < 0)
		(void)err_wrap(e, "%s", path); /* keeps rc's code */
	else if (rename(tmp, path) < 0)
		rc = err_sys(e, "%s", path);
	else
		return file_sync_parent(path, e);
	(void)unlink(tmp); /* the first error is the one to tell */
	return rc;
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	auto_free char *p = xstrdup(path);
	for (char *s = p + 1;; s++) {
		if (*s != '/' && *s != '\0')
			continue;
		char c = *s;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return err_sys(e, "make folder %s", p);
		*s = c;
		if (c == '\0')
			break;
	}
	struct stat st;
	if (stat(path, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "%s is not a folder", path);
	return 0;
}

/* Copy [at, end) by copy_file_range, or by hand where the two filesystems cannot. */
static int copy_range(int in, int out, off_t at, off_t end, struct err *e)
{
	bool by_hand = false;
	char chunk[65536];
	while (at < end) {
		off_t from = at;
		off_t to = at;
		size_t want = (size_t)(end - at);
		ssize_t n;
		if (!by_hand) {
			n = copy_file_range(in, &from, out, &to, want, 0);
			if (n <= 0) {
				by_hand = true;
				continue;
			}
		} else {
			n = pread(in, chunk, want < sizeof chunk ? want : sizeof chunk, at);
			if (n < 0)
				return err_sys(e, "read");
			if (n == 0)
				return err_set(e, EIO, "file became shorter while it was copied");
			if (pwrite(out, chunk, (size_t)n, at) != n)
				return err_sys(e, "write");
		}
		at += n;
	}
	return 0;
}

static int copy_data(int in, int out, struct err *e)
{
	struct stat st;
	if (ioctl(out, FICLONE, in) == 0)
		return 0;
	if (fstat(in, &st) < 0 || ftruncate(out, st.st_size) < 0)
		return err_sys(e, "copy");
	for (off_t at = 0; at < st.st_size;) {
		off_t data = lseek(in, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0)
			return err_sys(e, "seek");
		off_t hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(e, "seek");
		int rc = copy_range(in, out, data, hole, e);
		if (rc < 0)
			return rc;
		at = hole;
	}
	return 0;
}

int file_copy(const char *from, const char *to, mode_t mode, struct err *e)
{
	auto_close int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_sys(e, "%s", from);
	auto_close int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (out < 0)
		return err_sys(e, "%s", to);
	int rc = copy_data(in, out, e);
	if (rc < 0)
		return err_wrap(e, "copy %s to %s", from, to);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int file_remove_tree(const char *path, struct err *e)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", path);
	return 0;
}

int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode, struct err *e)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
	return fd < 0 ? err_sys(e, "%s", path) : (int)fd;
}

bool file_name_is_safe(const char *name, size_t len)
{
	if (len == 0 || len > 255 || memchr(name, '/', len) || memchr(name, '\0', len))
		return false;
	return !(len == 1 && name[0] == '.') && !(len == 2 && memcmp(name, "..", 2) == 0);
}

int64_t file_mtime_us(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

int file_free_bytes(const char *path, uint64_t *ret, struct err *e)
{
	struct statvfs st;
	if (statvfs(path, &st) < 0)
		return err_sys(e, "%s", path);
	*ret = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

int file_lock(const char *path, uint64_t wait_us, struct err *e)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", path);
	uint64_t until = clock_mono_us() + wait_us;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(e, "lock %s", path);
		if (clock_mono_us() >= until) {
			pid_t who = file_lock_holder(path);
			return err_set(
				e, EWOULDBLOCK, "%s is locked by process %ld", path, (long)who);
		}
		(void)usleep(
			20000); /* a lock has no descriptor to wait on; only start-up waits here */
	}
	char pid[32];
	int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	/* For the message above only: a lock without its holder's name is still a lock. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, pid, (size_t)n, 0);
	return take_fd(&fd);
}

int file_lock_shared(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", path);
	int rc;
	while ((rc = flock(fd, LOCK_SH)) < 0 && errno == EINTR) {
	}
	return rc < 0 ? err_sys(e, "lock %s", path) : take_fd(&fd);
}

pid_t file_lock_holder(const char *path)
{
	auto_buf struct buf text = { 0 };
	uint64_t pid = 0;
	if (file_read(path, 64, &text, NULL) < 0)
		return 0;
	auto_free char *digits = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
	return parse_u64(digits, &pid, NULL) == 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

bool file_is_locked(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int file_names(const char *dir, struct strv *names, struct err *e)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	if (!d)
		return err_sys(e, "%s", dir);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			strv_add(names, entry->d_name);
	(void)closedir(d); /* only read from */
	strv_sort(names);
	return 0;
}
