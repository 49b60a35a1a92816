/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the file, the reader neither crashes nor loops; events come in order, have a
 * known code and a terminated text, and what it read, written again by the writer, reads the same.
 */
#include "base/file.h"
#include "base/mem.h"
#include "record/recording.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static int memory_file(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	check(fd >= 0 && fd_write_all(fd, p, n, NULL) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* Read all of `in`, writing every output event to `out` (NULL: none). Returns a sum of the text. */
static uint64_t read_through(struct recording_reader *in, struct recording *out)
{
	struct recording_event ev;
	double last = 0;
	uint64_t sum = 0;
	while (recording_reader_next(in, &ev, NULL) == 1) {
		check(isfinite(ev.at_s) && ev.at_s >= last);
		last = ev.at_s;
		check(memchr("oimr", ev.code, 4) && ev.text[ev.len] == '\0');
		if (ev.code == 'r')
			check(ev.cols >= 1 && ev.cols <= RECORDING_SIDE_MAX && ev.rows >= 1 &&
				ev.rows <= RECORDING_SIDE_MAX);
		for (size_t i = 0; ev.code == 'o' && i < ev.len; i++)
			sum = sum * 31 + (unsigned char)ev.text[i];
		if (out && ev.code == 'o')
			check(recording_output(out, 0, ev.text, ev.len, NULL) == 0);
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned cols;
	unsigned rows;
	auto_close int fd = memory_file(data, size);
	auto_recording_reader struct recording_reader *in = NULL;
	if (recording_reader_open(fd, &cols, &rows, &in, NULL) < 0)
		return 0;
	(void)take_fd(&fd);
	int copy = memfd_create("copy", MFD_CLOEXEC);
	auto_close int again = dup(copy);
	check(copy >= 0 && again >= 0);
	struct recording *out = NULL;
	struct recording_spec spec = { .cols = cols, .rows = rows };
	check(recording_open(copy, &spec, &out, NULL) == 0);
	uint64_t sum = read_through(in, out);
	check(recording_close(&out, NULL) == 0);
	check(lseek(again, 0, SEEK_SET) == 0);
	auto_recording_reader struct recording_reader *back = NULL;
	unsigned cols2;
	unsigned rows2;
	check(recording_reader_open(again, &cols2, &rows2, &back, NULL) == 0);
	(void)take_fd(&again);
	check(cols2 == cols && rows2 == rows && read_through(back, NULL) == sum);
	return 0;
}
