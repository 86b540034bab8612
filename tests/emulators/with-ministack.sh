#!/usr/bin/env bash
# with-ministack.sh COMMAND...: runs COMMAND beside MiniStack, an independent DynamoDB and SNS in Python, and stops it
# afterwards.
#
# COMMAND sees SIGNET_TEST_ENDPOINT=http://127.0.0.1:4566 and has no other network (common.sh says why). The exit code is
# COMMAND's; 69 means that the emulator could not be run and COMMAND was not started. Tables live in memory.
#   SIGNET_TEST_WORK   where the virtual environment goes (default: tests/.work)
set -u
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=1.5.33
venv=$work/ministack-$version

[ $# -gt 0 ] || { say "usage: with-ministack.sh COMMAND..."; exit 64; }

if [ -z "${SIGNET_EMULATOR_INSIDE:-}" ]; then
  if [ ! -e "$venv/.complete" ]; then
    need python3-venv python3 -c 'import ensurepip, venv'
    make_venv "$venv" "$(command -v python3)" "ministack==$version"
  fi
  enter_namespace "$@"
fi
unset SIGNET_EMULATOR_INSIDE

ip link set lo up || die "could not bring up loopback in the namespace"
fresh_dir ministack-run
trap 'stop_all $server_pid' EXIT
log=$run_dir/server.log

# The run's own TMPDIR and state folder, since the defaults are shared by every MiniStack of the machine.
start "$log" env BIND_HOST=127.0.0.1 GATEWAY_PORT=$port SERVICES=dynamodb,sns LOG_LEVEL=WARNING IOT_MTLS_ENABLED=0 \
  PERSIST_STATE=0 TMPDIR="$run_dir" STATE_DIR="$run_dir/state" S3_DATA_DIR="$run_dir/s3" "$venv/bin/ministack"
server_pid=$started
wait_for_dynamodb "$venv/bin/python" "$server_pid" 60 "$endpoint" "$log"
run_command "$@"
