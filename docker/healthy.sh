#!/usr/bin/env bash
# `healthy.sh N CHECK...`: a container's health check that ends a server which has failed it N times in a row.
#
# Docker calls a container unhealthy and leaves it at that; it starts a container again only when its first process ends. So after
# N failures every process here is asked to end, and after two more it is ended: the first process (`init: true`) then ends too.
# A check that exits with 3 says that something else is at fault, or that patience is asked for: unhealthy, and not counted.
# A server that has never been healthy gets five times as many: it may be starting, or recovering. /tmp is empty at each start.
counts=${HEALTHY_COUNTS:-/tmp/healthy}
most=$1
shift

"$@"
case $? in
  0) echo 0 >"$counts" && exit 0 ;;
  3) exit 1 ;;
esac
if [[ -e $counts ]]; then
  read -r failures <"$counts"
  failures=$((failures + 1))
  echo "$failures" >"$counts"
else
  most=$((most * 5))
  read -r failures 2>/dev/null <"$counts.first"
  failures=$((${failures:-0} + 1))
  echo "$failures" >"$counts.first"
fi
if ((failures >= most)); then
  echo "failed $failures times in a row: the server is ended" >&2
  if ((failures < most + 2)); then kill -TERM -1; else kill -KILL -1; fi
fi
exit 1
