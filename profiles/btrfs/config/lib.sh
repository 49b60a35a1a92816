# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# lib.sh: what the stages of this profile share. A stage is a bash script of this form:
#
#	. "${0%/*}/lib.sh"
#	test_mkfs_raid1() { ... }	# one function a subtest: mkfs.raid1
#	stage "$@"			# with "--test mkfs.raid1": that one, and exit
#	subtest mkfs.raid1 [--expect REGEX]...
#	stage_end
#
# Each subtest is a process of its own, with empty disks and `set -eu -o pipefail`: the first
# command that fails ends it, is named, and makes it FAIL; `skip` makes it SKIP. What it
# mounted is unmounted after it. The stage goes on with the next one, and fails at its end if
# any failed. By hand: ./002_btrfsprogs --test mkfs.raid1
#
# --expect is a kernel message that the subtest provokes on purpose. Any other warning of the
# kernel during a subtest makes it FAIL.


export LC_ALL=C
HERE=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
STAGE=${0##*/}
LOGS=/tmp/logs
# shellcheck source=local.config
. "$HERE/local.config"
read -ra POOL <<<"$SCRATCH_DEV_POOL"
DISKS=("$TEST_DEV" "${POOL[@]}")
MNT=$SCRATCH_MNT # the file system under test
MNT2=$TEST_DIR   # a second one
FAILED=()

# ---- stages and subtests

stage() {
	mkdir -p "$LOGS" "$MNT" "$MNT2"
	if [ "${1-}" = --test ]; then
		run_test "$2"
	fi
	rm -f "/tmp/$STAGE.completed"
}

# Before mkfs, which tells the kernel of a file system's disks.
need_btrfs() {
	modprobe -q btrfs || echo "$STAGE: modprobe btrfs failed" >&2
}

run_test() {
	NAME=$1
	local function=test_${NAME//[.-]/_}
	if ! declare -F "$function" >/dev/null; then
		echo "$STAGE: no subtest $NAME" >&2
		exit 2
	fi
	trap 'finish $?' EXIT
	trap 'blame "$?" "$BASH_COMMAND"' ERR
	shopt -s inherit_errexit
	set -E -eu -o pipefail
	empty_disks
	TMP=$(mktemp -d /tmp/fsqa.XXXXXX)
	# Not in a condition: there bash would ignore set -e.
	"$function"
	exit 0
}

# because TEXT: why the subtest ends, for fsqa's report; what comes first is nearest to the cause.
because() {
	[ -z "${FSQA_REASON-}" ] || [ -s "$FSQA_REASON" ] || echo "$1" >"$FSQA_REASON"
}

blame() {
	local frame=1 where
	# The line in the test, not in a helper of this file.
	while [ "${BASH_SOURCE[frame]-}" = "${BASH_SOURCE[0]}" ]; do
		frame=$((frame + 1))
	done
	where="$STAGE line ${BASH_LINENO[frame - 1]}"
	echo "$where: exit code $1: $2" >&2
	because "$where: exit code $1: $2"
}

finish() {
	local status=$1
	trap - ERR EXIT
	set +eu
	[ -z "${TMP-}" ] || rm -rf "$TMP"
	if ! unmount_all; then
		because 'cannot unmount'
		status=1
	fi
	case $status in
	0) echo "-- PASS $NAME" ;;
	77) echo "-- SKIP $NAME" ;;
	*) echo "-- FAIL $NAME" ;;
	esac
	exit "$status"
}

unmount_all() {
	local m status=0
	for m in "$MNT" "$MNT2"; do
		while mounted "$m"; do
			if ! umount -R "$m"; then
				# Out of the way of the next subtest at least.
				umount -R -l "$m"
				status=1
			fi
		done
	done
	return $status
}

mounted() {
	local where
	while read -r _ where _; do
		[ "$where" != "$1" ] || return 0
	done </proc/self/mounts
	return 1
}

subtest() {
	local name=$1 status=0
	shift
	printf '\n== %s\n' "$name"
	fsqa-test "$name" --timeout "$TEST_TIMEOUT" "$@" -- "$HERE/$STAGE" --test "$name" \
		</dev/null || status=$?
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		FAILED+=("$name")
	fi
	unmount_all # for a subtest that was killed
}

stage_end() {
	if [ ${#FAILED[@]} -gt 0 ]; then
		echo "$STAGE: ${#FAILED[@]} failed: ${FAILED[*]}"
		exit 1
	fi
	touch "/tmp/$STAGE.completed"
	exit 0
}

# ---- verdicts

fail() {
	# In a subshell this ends only that; the exit code ends the test then.
	trap - ERR
	echo "$*" >&2
	because "$*"
	exit 1
}

skip() {
	echo "$*"
	because "$*"
	exit 77
}

# Show a command, then run it.
run() {
	show "$*"
	"$@"
}
show() {
	if [ ${#1} -le 120 ]; then
		echo "\$ $1"
	else
		echo "\$ ${1:0:120}..."
	fi
}

# same WHAT GOT WANTED
same() {
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# at_least WHAT GOT LIMIT, at_most WHAT GOT LIMIT: whole numbers
at_least() {
	[ "$2" -ge "$3" ] || fail "$1: got $2, wanted at least $3"
}
at_most() {
	[ "$2" -le "$3" ] || fail "$1: got $2, wanted at most $3"
}

# says REGEX COMMAND...: the command succeeds, and a line of its output matches. The output is
# shown, and kept in $OUTPUT.
says() {
	local regex=$1 status=0
	shift
	show "$*"
	OUTPUT=$("$@" 2>&1) || status=$?
	printf '%s\n' "$OUTPUT"
	[ $status -eq 0 ] || fail "'$*': exit code $status"
	grep -qE -- "$regex" <<<"$OUTPUT" || fail "'$*' did not say '$regex'"
}

# refuses REGEX COMMAND...: the command fails by itself (not by a signal, not for want of the
# program) and says why.
refuses() {
	local regex=$1 status=0
	shift
	show "$*    # must fail"
	OUTPUT=$("$@" 2>&1) || status=$?
	[ -z "$OUTPUT" ] || printf '%s\n' "$OUTPUT"
	if [ $status -eq 0 ] || [ $status -ge 126 ]; then
		fail "'$*' must fail, but its exit code was $status"
	fi
	grep -qE -- "$regex" <<<"$OUTPUT" || fail "'$*' failed, but did not say '$regex'"
}

# ---- disks

# Nothing of an earlier subtest is left: not on the disks, not in the kernel's list of devices.
# Only what has a signature is wiped: udev looks at each disk that was written, which takes time.
empty_disks() {
	local d dirty=()
	mapfile -t dirty < <(wipefs --noheadings -O DEVICE "${DISKS[@]}" | sort -u)
	for d in "${dirty[@]}"; do
		wipe "/dev/$d"
	done
	[ ${#dirty[@]} -eq 0 ] || forget
}

# Not every disk can discard, and not every one that can reads as zeros then.
wipe() {
	blkdiscard -f "$1" 2>/dev/null || true
	wipefs -aqf "$1"
}

# udev tells the kernel of btrfs devices it sees: wait for it, or it would undo this.
forget() {
	udevadm settle
	btrfs device scan --forget 2>/dev/null || true # the module may not be loaded yet
}

# mkfs OPTIONS... DISK...: its long advice on stdout goes to the logs.
mkfs() {
	show "mkfs.btrfs -q -f $*"
	mkfs.btrfs -q -f "$@" >>"$LOGS/$STAGE.mkfs"
}

# lose_disk DISK REST...: the disk is blank, and the kernel knows only the rest.
lose_disk() {
	echo "lose $1"
	wipe "$1"
	forget
	shift
	btrfs device scan "$@" >/dev/null
}

# Mount a file system of one or several disks. Arguments as mount's, without the mount point.
mount_at() {
	local where=$1
	shift
	run mount -t btrfs "$@" "$where"
}
scratch_mount() {
	mount_at "$MNT" "$@"
}
# Unmount and mount again: what is read then comes from the disks.
remount() {
	run umount "$MNT"
	scratch_mount "$@"
}

# check_clean DISK: unmounted, nothing wrong in metadata and data.
check_clean() {
	says 'no error found' btrfs check --check-data-csum "$1"
}

# ---- content

# random_file FILE MIB
random_file() {
	head -c "$2M" /dev/urandom >"$1"
}

# text_file FILE MIB: compresses well
text_file() {
	# head ends first, and yes by SIGPIPE.
	{ yes "fsqa: the quick brown fox jumps over the lazy dog" || true; } | head -c "$2M" >"$1"
}

# make_tree DIR [MIB]: all that a directory can hold
make_tree() {
	local d=$1 mib=${2-$DATA_MIB} i
	mkdir -p "$d/dir/deep/er" "$d/empty"
	random_file "$d/random" $((mib - mib / 4))
	text_file "$d/dir/text" $((mib / 4))
	for ((i = 0; i < 100; i++)); do
		echo "small file $i, inline in its leaf" >"$d/dir/deep/small-$i"
	done
	truncate -s 1M "$d/dir/hole"
	printf 'at the end' >>"$d/dir/hole"
	ln "$d/dir/text" "$d/dir/hardlink"
	ln -s ../random "$d/dir/symlink"
	mkfifo "$d/dir/fifo"
	setfattr -n user.fsqa -v 'an attribute of text' "$d/dir/text"
	chmod 2750 "$d/dir/deep"
	chown 1234:4321 "$d/dir/text"
	printf x >"$d/"$'name with\nnewline, \xc3\xa9 and \xff'
}

# What is in a directory: kind, name, mode, owner, links, size, time, target; contents, attributes
tree_list() {
	(
		cd "$1"
		find . -type f -printf 'f %p %m %U:%G %n %s %T@\n' -exec md5sum {} + \
			-exec getfattr -d -m '^user\.' {} + \
			-o -type l -printf 'l %p %U:%G %l\n' -o -printf '%y %p %m %U:%G\n' | sort
	)
}

# remember DIR, and later same_tree WHAT DIR: nothing is missing, changed or more
remember() {
	tree_list "$1" >"$TMP/remembered"
	at_least 'lines to compare' "$(wc -l <"$TMP/remembered")" 4
}
same_tree() {
	tree_list "$2" >"$TMP/list"
	diff -a -U0 "$TMP/remembered" "$TMP/list" || fail "$1: differs ('-' is wanted)"
	echo "$1: same"
}

# sum FILE
sum() {
	md5sum <"$1" | cut -d' ' -f1
}

# ---- where things lie on the disks

# logical FILE [BYTE]: address, in the file system's own space, of a byte of a file. Sync first.
#	 ext:     logical_offset:        physical_offset: length:   expected: flags:
#	   0:        0..    2047:       3328..      5375:   2048:             last,eof
logical() {
	local address
	address=$(filefrag -v -b4096 "$1" | awk -F '[ .:]+' -v block=$((${2-0} / 4096)) '
		$2 ~ /^[0-9]+$/ && block >= $3 && block <= $4 {
			printf "%.0f", ($5 + block - $3) * 4096
		}')
	[ -n "$address" ] || fail "no extent at byte ${2-0} of $1"
	echo "$address"
}

# tree_block TREE DISK: address of the first leaf of a tree
tree_block() {
	local tree
	tree=$(btrfs inspect-internal dump-tree -t "$1" "$2")
	awk '$1 == "leaf" { print $2; exit }' <<<"$tree"
}

# chunk_types DISK: "DATA|RAID5 METADATA|RAID1 SYSTEM|RAID1"
chunk_types() {
	local tree
	tree=$(btrfs inspect-internal dump-tree -t chunk "$1")
	sed -n 's/.* type \([A-Z]*|[A-Za-z0-9|]*\)$/\1/p' <<<"$tree" | sort -u | paste -sd' '
}

# find_chunk ADDRESS DISK: the chunk that has this address: CHUNK_START, CHUNK_TYPE, and of each
# stripe the device number and offset in CHUNK_DEVIDS and CHUNK_OFFSETS. In the chunk tree:
#	item 5 key (FIRST_CHUNK_TREE CHUNK_ITEM 298844160) ...
#		length 8388608 owner 2 stripe_len 65536 type DATA|RAID5
#		num_stripes 5 sub_stripes 1
#			stripe 0 devid 1 offset 298844160
find_chunk() {
	local address=$1 tree line start=0 inside=0
	CHUNK_TYPE=''
	CHUNK_DEVIDS=()
	CHUNK_OFFSETS=()
	tree=$(btrfs inspect-internal dump-tree -t chunk "$2")
	while read -r line; do
		if [[ $line =~ CHUNK_ITEM\ ([0-9]+)\) ]]; then
			start=${BASH_REMATCH[1]}
		elif [[ $line =~ ^length\ ([0-9]+)\ .*\ type\ (.*)$ ]]; then
			inside=$((address >= start && address < start + BASH_REMATCH[1]))
			if ((inside)); then
				CHUNK_START=$start
				CHUNK_TYPE=${BASH_REMATCH[2]}
			fi
		elif ((inside)) && [[ $line =~ ^stripe\ [0-9]+\ devid\ ([0-9]+)\ offset\ ([0-9]+) ]]; then
			CHUNK_DEVIDS+=("${BASH_REMATCH[1]}")
			CHUNK_OFFSETS+=("${BASH_REMATCH[2]}")
		fi
	done <<<"$tree"
	[ -n "$CHUNK_TYPE" ] || fail "no chunk has address $address"
}

# map_block ADDRESS DISK...: where a block lies, as lines "DISK OFFSET", a line for each copy; the
# disks in the order of their device numbers.
map_block() {
	local address=$1 disks=("${@:2}") i
	find_chunk "$address" "${disks[0]}"
	case $CHUNK_TYPE in
	*RAID[0-9]*)
		# Other than RAID1 it is not that simple.
		[[ $CHUNK_TYPE == *RAID1 || $CHUNK_TYPE == *RAID1C? ]] || fail "map_block: $CHUNK_TYPE"
		;;
	esac
	for i in "${!CHUNK_DEVIDS[@]}"; do
		echo "${disks[CHUNK_DEVIDS[i] - 1]}" $((CHUNK_OFFSETS[i] + address - CHUNK_START))
	done
}

STRIPE=65536

# map_row ADDRESS DISK...: of RAID5, the row of stripes in which a block lies: a line
# "DISK OFFSET" for that block, then for what is beside it in the other data stripes, then for
# the parity. The roles move on by one disk with each row.
map_row() {
	local address=$1 disks=("${@:2}") n within number row order i j
	find_chunk "$address" "${disks[0]}"
	[[ $CHUNK_TYPE == *RAID5 ]] || fail "map_row: $CHUNK_TYPE"
	n=${#CHUNK_DEVIDS[@]}
	within=$((address - CHUNK_START))
	number=$((within / STRIPE))
	row=$((number / (n - 1)))
	order=($((number % (n - 1))))
	for ((i = 0; i < n; i++)); do
		[ "$i" -eq "${order[0]}" ] || order+=("$i")
	done
	for i in "${order[@]}"; do
		j=$(((row + i) % n))
		echo "${disks[CHUNK_DEVIDS[j] - 1]}" $((CHUNK_OFFSETS[j] + row * STRIPE + within % STRIPE))
	done
}

# block_sum DISK OFFSET [BYTES]: checksum of what lies on a disk now, past every cache
block_sum() {
	dd if="$1" bs=4096 skip=$(($2 / 4096)) count=$((${3-4096} / 4096)) iflag=direct status=none |
		md5sum | cut -d' ' -f1
}

# corrupt DISK OFFSET [BYTES]: overwrite with noise
corrupt() {
	echo "corrupt $1 at $2, ${3-4096} bytes"
	dd if=/dev/urandom of="$1" bs=4096 seek=$(($2 / 4096)) count=$((${3-4096} / 4096)) \
		oflag=direct conv=notrunc status=none
}
