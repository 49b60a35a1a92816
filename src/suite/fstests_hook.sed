# SPDX-License-Identifier: GPL-2.0-or-later
# fstests_hook.sh as C, each line a string.
s/[\\"]/\\&/g
s/.*/"&\\n"/
1i\
extern const char fstests_hook_body[];\
const char fstests_hook_body[] =
$a\
;
