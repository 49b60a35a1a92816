/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h: what a process says of itself: one line of key=value on standard error, which the
 * journal understands. Only main, loop and handlers log; functions return errors. */
#pragma once

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Lines above `level` are dropped. WARNING to begin with. */
void log_set_level(enum log_level level);
/* "level=warning msg="..." KEYS": `fmt` gives further key=value words behind the message. */
void log_line(enum log_level level, const char *msg, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
