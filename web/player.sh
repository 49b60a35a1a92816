#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# player.sh NPM SOURCE BUILD JS CSS LICENSE: the recording player, as package-lock.json pins it,
# from npm into the build folder.
set -e
npm=$1 source=$2 build=$3
mkdir -p "$build"
cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$build/"
if ! (cd "$build" && "$npm" ci --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline \
	>npm.log 2>&1); then
	cat "$build/npm.log" >&2
	echo "web: npm could not install the player (no network?). Try again, or build without it:" >&2
	echo "  meson configure -Dplayer=false    recordings are then offered as downloads only" >&2
	exit 1
fi
player=$build/node_modules/asciinema-player
cp "$player/dist/bundle/asciinema-player.min.js" "$4"
cp "$player/dist/bundle/asciinema-player.css" "$5"
cp "$player/LICENSE" "$6"
