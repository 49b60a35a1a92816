# SPDX-License-Identifier: GPL-2.0-or-later
# In the place of logger(1), which check runs before each test (fstests_hook.h). Before this stand,
# as fsqa knows them: fstyp, test_dev, test_dir, scratch or pool, results (the section's folder), max
# and budget (bytes of one image, and of all), seconds (for one of them), ended and applied (files),
# superblock (a line).
set -f
own=${0%/*}
PATH=${PATH%%"$own:"*}${PATH#*"$own:"}:/usr/sbin:/sbin
case $1 in
"run xfstest "*) next=${1#run xfstest } times=${TMPDIR:-/tmp}/$PPID.time ;;
--over) next= times=$results/check.time ;;
*) exec logger "$@" ;;
esac

# check keeps the seconds of each that passed, and writes them down when it is at its end.
ended() {
	took=$(sed -n "s;^$last ;;p" "$times")
	echo "$last ${took:--}" >>"$ended" || spoilt=1
	sync "$ended"
}

# What check mounted and made, before a test can change it. A tool that cannot read the device, which
# is not mounted, says nothing of it.
look() {
	grep " $test_dir " /proc/mounts || return
	dev=${scratch:-${pool%% *}}
	case $fstyp in
	btrfs) super=$(btrfs inspect-internal dump-super "$dev") ;;
	xfs) super=$(xfs_info "$dev") ;;
	ext[234]) super=$(dumpe2fs -h "$dev") ;;
	*) return ;;
	esac && printf '%s\n' "$superblock" "$super"
}

# Where nothing can be written any more, $last stays as it was: who has .images had his.
failed() {
	[ -z "$took" ] && [ ! -e "$results/$last.notrun" ] && [ ! -e "$results/$last.images" ]
}

say() {
	echo "$which device $dev: $1" >>"$results/$last.images"
}

# COMMAND EXIT-CODE LIMIT FILE
failed_to() {
	if [ "$2" = 124 ]; then
		say "no image: $1 took longer than $seconds seconds"
	elif [ "$(wc -c <"$4")" -ge "$3" ]; then
		say "no image: $1 made more than $3 bytes (fstests.imageMax)"
	else
		say "no image: $1 (exit code $2): $(tr '\n' ' ' <"$own/said" | cut -c1-200)"
	fi
	rm -f "$4"
}

# Raw first, for not all of the tools compress: xfs_metadump has all of the log, mostly zeros. dash
# and bash as sh count blocks of 512 bytes.
image() {
	image=$results/$last.$which.$tool
	command -v "$tool" || { say "no image: there is no $tool in the target"; return; }
	total=$(cat "$own/total")
	[ "${total:-0}" -lt "$budget" ] ||
		{ say "no image: those before have their share of log.maxBytes"; return; }
	(ulimit -f $((max / 8)) && exec timeout -k 5 "$seconds" "$tool" $options "$dev" "$image") \
		>"$own/said" 2>&1
	code=$?
	[ $code = 0 ] || { failed_to "$tool" $code $((max * 64)) "$image"; return; }
	(ulimit -f $((max / 512)) && exec timeout "$seconds" $pack <"$image") \
		>"$image.$suffix" 2>"$own/said"
	code=$?
	rm -f "$image"
	[ $code = 0 ] || { failed_to "$pack" $code "$max" "$image.$suffix"; return; }
	size=$(wc -c <"$image.$suffix")
	echo $((${total:-0} + size)) >"$own/total"
	say "$size bytes: ${image##*/}.$suffix"
}

remount() {
	[ "$fstyp" != xfs ] || mount -o "remount,$1" "$test_dir"
}

# The test device may be mounted: its image is of what lies on it now. xfs_metadump takes none that
# can be written to.
images() {
	case $fstyp in
	btrfs) tool=btrfs-image options='-c 0' ;;
	xfs) tool=xfs_metadump options=-o ;;
	ext[234]) tool=e2image options='-f -Q' ;;
	*) return ;;
	esac
	pack='gzip -c' suffix=gz
	! command -v zstd || pack='zstd -q -c' suffix=zst
	which=test dev=$test_dev
	remount ro
	image
	remount rw || umount "$test_dir"
	which=scratch dev=${scratch:-${pool%% *}}
	image
	sync -f "$results"
}

{
	last= spoilt=
	read -r last <"$own/last"
	echo "$next" >"$own/last" || spoilt=1
	[ -z "$last" ] || ended
	# A root that is full, or read-only, is the next test's undoing: it has a fresh machine.
	[ -z "$next" ] || [ -z "$spoilt" ] || { kill -KILL "$PPID"; exit 1; }
	[ -z "$last" ] || [ "$max" = 0 ] || ! failed || images
	[ -z "$next" ] || [ -e "$applied" ] || { look >"$applied"; sync "$applied"; }
	[ -z "$next" ] || fsqa-test --begins "${next%%/*}.${next#*/}"
} >/dev/null 2>&1 </dev/null
[ -n "$next" ] && command -v logger >/dev/null && logger "$@"
exit 0
