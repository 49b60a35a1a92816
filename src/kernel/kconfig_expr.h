/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kconfig_expr.h: conditions of Kconfig files:
 *   A && (B || !C) && D != y && $(success,program)
 * Source: Documentation/kbuild/kconfig-language.rst, "Menu dependencies" */
#pragma once

/* The first part, of those joined by &&, that is n by the text of a .config; NULL: none. What
 * cannot be known ($(...)) counts as met. The caller's. */
char *kconfig_unmet(const char *expr, const char *config);
