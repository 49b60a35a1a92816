# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh: what end-to-end tests share. A test is an executable tests/NNN-name/test that starts with
#   . "$(dirname "$0")/../lib.sh"
# and runs the real program, with real kernels in real guests. Environment:
#   FSQA          the program (default: the build folder's)
#   FSQA_SHARED   state folder whose kernels/ and images/ all tests share, so that they are
#                 made once (default: build/check/shared)
# Each test gets a state folder of its own in $FSQA_STATE, below $work, which goes when it ends
# well and stays for a look when not. Exit 0: passed; 77: skipped, its last line says why; else
# failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/tests/*}
FSQA=${FSQA:-$top/build/src/cli/fsqa}
FSQA_SHARED=${FSQA_SHARED:-$top/build/check/shared}
work=$(mktemp -d "${TMPDIR:-/tmp}/fsqa-$(basename "$here")-XXXXXX")
FSQA_STATE=$work/state
export FSQA FSQA_STATE
unset FSQA_PROFILES
mkdir -p "$FSQA_SHARED/kernels" "$FSQA_SHARED/images" "$FSQA_STATE"
ln -s "$FSQA_SHARED/kernels" "$FSQA_STATE/kernels"
ln -s "$FSQA_SHARED/images" "$FSQA_STATE/images"
[ ! -e "$FSQA_SHARED/accel.json" ] || cp "$FSQA_SHARED/accel.json" "$FSQA_STATE/"
failures=0
faults=$top/tests/fixtures/faults

finish() {
	code=$?
	trap - EXIT
	if [ "$code" = 0 ] && [ "$failures" = 0 ]; then
		[ -e "$FSQA_SHARED/accel.json" ] || cp "$FSQA_STATE/accel.json" "$FSQA_SHARED/" 2>/dev/null
		rm -rf "$work"
		exit 0
	fi
	[ "$code" = 77 ] && rm -rf "$work" && exit 77
	echo "FAILED: $failures checks, see $work"
	exit 1
}
trap finish EXIT

fail() {
	failures=$((failures + 1))
	echo "not ok: $*"
}

skip() {
	echo "skipped: $*"
	exit 77
}

# run CODE ARGS...: run fsqa, output in $work/out and $work/err; its exit code must be CODE.
run() {
	want=$1
	shift
	"$FSQA" "$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	if [ "$got" != "$want" ]; then
		fail "fsqa $*: exit code $got, not $want"
		tail -n 20 "$work/out" "$work/err"
	fi
}

# has FILE TEXT: the file contains the fixed text.
has() {
	grep -qF -- "$2" "$1" || {
		fail "$(basename "$1") lacks: $2"
		tail -n 20 "$1"
	}
}

hasnt() {
	! grep -qF -- "$2" "$1" || fail "$(basename "$1") has: $2"
}

# verdict RUN TEST STATUS [REASON]: what the journal says of one test.
verdict() {
	"$FSQA" show "$1" --json >"$work/show.json" 2>"$work/show.err" || fail "fsqa show $1"
	line=$(python3 - "$work/show.json" "$2" <<'PY'
import json, sys
run = json.load(open(sys.argv[1]))
for t in run["tests"]:
    if t["test"] == sys.argv[2]:
        last = t
try:
    print(last["status"], last["reason"])
except NameError:
    print("(absent)")
PY
)
	case $line in
	"$3"*"${4-}"*) ;;
	*) fail "$2 is '$line', not '$3 ... ${4-}'" ;;
	esac
}

# none_left: no process of this test's state folder lives.
none_left() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pgrep -f -- "$FSQA_STATE" >/dev/null || return 0
		sleep 0.3
	done
	fail "processes of ours are left:"
	pgrep -a -f -- "$FSQA_STATE" | cut -c1-150
}

# nothing_left: nor a working folder, a lock or a socket of a machine: only the records of runs.
nothing_left() {
	none_left
	left=$(cd "$FSQA_STATE" && find . -path '*/work*' -o -path './shells/*' -o -path './kept/*' -o -type s)
	[ -z "$left" ] || fail "left on the host: $left"
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	limit=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$limit" ] || return 1
		sleep 0.1
	done
}

# random LIMIT WORD...: a number from 0 below LIMIT, the same one for the same words.
random() {
	limit=$1
	shift
	echo $((0x$(echo "$*" | sha256sum | cut -c1-14) % limit))
}

# install_to DIR: the program with its helpers, profiles and pages' assets as `make install` lays them
# out below DIR, so that nothing of the checkout is needed; FSQA is that one from here on.
install_to() {
	build=${BUILD:-$top/build}
	mkdir -p "$1/bin" "$1/libexec/fsqa" "$1/share/fsqa"
	cp "$FSQA" "$1/bin/fsqa"
	cp "$build/src/run/fsqa-worker" "$build/src/salvage/fsqa-salvage" \
		"$build/src/suite/fsqa-xunit" "$build/src/guest/fsqa-guest" "$1/libexec/fsqa/"
	cp -r "$top/profiles" "$build/web" "$1/share/fsqa/"
	FSQA=$1/bin/fsqa
}

# own_kernels: a kernels/ of this test's own, which it may spoil, with the default kernel, whose key is
# in $key from here on.
own_kernels() {
	memo=linux-image-cloud-amd64.json
	for again in 1 0; do
		key=$(jq -r .key "$FSQA_STATE/kernels/$memo" 2>/dev/null)
		jq -e .build_id "$FSQA_STATE/kernels/$key/manifest.json" >/dev/null 2>&1 && break
		[ "$again" = 1 ] && run 0 exec "$faults" -- true # makes it
	done
	rm "$FSQA_STATE/kernels"
	mkdir "$FSQA_STATE/kernels"
	for name in "$key" "$memo"; do
		cp -al "$FSQA_SHARED/kernels/$name" "$FSQA_STATE/kernels/" 2>/dev/null ||
			cp -a "$FSQA_SHARED/kernels/$name" "$FSQA_STATE/kernels/"
	done
}
