#!/bin/sh
# Runs the oldest day that has ended and was not run yet, or nothing where there is none: for schedulers that pass no
# interval (cron, systemd, Kubernetes). docs/schedule.md says why it may be started at any time and as often as you like.
#
#   next_day.sh WIRE OUT [options of `storywire run`]
#
# In:   WIRE/2026-03-12 holds what arrived on that day; OUT is a local folder, its manifests say which days were run.
# Out:  the day's partition, as of the midnight (UTC) that ended it; the exit code of `storywire run`.
# Needs GNU date, and `storywire` beside this file.
set -eu

wire=$1 out=$2
shift 2

midnight=$(date -u +%Y%m%d)
# The newest manifest's date is the day to read, for its run ended there or in the midst of it; at first, yesterday.
day=$(date -u -d "$midnight - 1 day" +%Y%m%d)
for manifest in "$out"/manifests/as_of=*.json; do
    [ -e "$manifest" ] || continue
    day=${manifest##*/as_of=} day=${day%%T*}
done
[ "$day" -lt "$midnight" ] || exit 0

# The process becomes the run, so that signals and the exit code are the run's.
exec "$(dirname "$0")/storywire" run --input "$wire/$(date -u -d "$day" +%Y-%m-%d)" --output "$out" \
    --as_of "$(date -u -d "$day + 1 day" +%Y-%m-%dT00:00:00Z)" --if_busy wait "$@"
