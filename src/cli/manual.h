/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manual.h: the manual, printed from the tables of commands and settings. */
#pragma once
#include <stdio.h>

/* fsqa(1) and fsqa.conf(5) in roff. Source of the format: man(7). */
void manual_commands_man(FILE *out);
void manual_settings_man(FILE *out);
/* docs/configuration.md */
void manual_settings_markdown(FILE *out);
/* A script that bash reads for completion. */
void manual_completion_bash(FILE *out);
