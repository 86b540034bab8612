#!/usr/bin/env bash
# with-localstack.sh COMMAND...: runs COMMAND against LocalStack 4.14.0 without Docker, and stops everything afterwards.
#
# Not LocalStack's own engine: that is AWS's DynamoDBLocal.jar, which LocalStack would download and we do not. LocalStack
# believes that server to run already; what answers is the HTTP server of the engine that Signet embeds. So this proves
# that Signet talks through LocalStack's gateway (request parsing, accounts, regions, error bodies), no more.
#
# COMMAND sees SIGNET_TEST_ENDPOINT=http://127.0.0.1:4566 and has no other network (common.sh says why). The exit code is
# COMMAND's; 69 means that the emulator could not be run and COMMAND was not started. Tables die with the run.
#   SIGNET_TEST_WORK     where the installations go (default: tests/.work)
#   SIGNET_TEST_PYTHON   a Python 3.13 (default: python3.13 or python3, if it is one); older ones cannot run LocalStack
#   SIGNET_TEST_DYNOXIDE the engine's binary, crate dynoxide-rs 3.2.0 (default: from the PATH, else cargo builds it)
set -u
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=4.14.0
venv=$work/localstack-$version
# 4.14.0 names no upper bounds, and newer ones of these four break it.
pins=('cbor2<5.8' 'pyopenssl<25' 'cryptography<44' 'service_identity==24.2.0')
engine_version=3.2.0
engine_root=$work/dynoxide-$engine_version
engine_port=8124

[ $# -gt 0 ] || { say "usage: with-localstack.sh COMMAND..."; exit 64; }

find_python() {
  local python
  for python in ${SIGNET_TEST_PYTHON:-python3.13 python3}; do
    "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || continue
    printf '%s\n' "$python"
    return
  done
  return 1
}

# The crate 3.2.0 says 1.5.0 of itself.
is_engine() { [ "$("$1" --version 2>/dev/null)" = "dynoxide 1.5.0" ]; }

# Sets $engine; builds it if need be, without what its default features bring besides the server.
find_engine() {
  if [ -n "${SIGNET_TEST_DYNOXIDE:-}" ]; then
    engine=$SIGNET_TEST_DYNOXIDE
    is_engine "$engine" || die "SIGNET_TEST_DYNOXIDE is not the dynoxide of crate $engine_version (--version: 1.5.0)"
    return
  fi
  for engine in dynoxide "$engine_root/bin/dynoxide"; do
    is_engine "$engine" && return
  done
  command -v cargo >/dev/null || die "no dynoxide $engine_version in the PATH, and no cargo to build it"
  say "building dynoxide $engine_version with cargo"
  cargo install dynoxide-rs --version "=$engine_version" --locked --no-default-features \
    --features native-sqlite,http-server,cli --root "$engine_root" >&2 || die "could not build dynoxide"
}

if [ -z "${SIGNET_EMULATOR_INSIDE:-}" ]; then
  if [ ! -e "$venv/.complete" ]; then
    python=$(find_python) || die "LocalStack $version needs Python 3.13 with venv (Debian 13: python3-venv; Debian 12 has
  3.11 only). Name one in SIGNET_TEST_PYTHON. Nothing was run."
    make_venv "$venv" "$python" "localstack-core[runtime]==$version" "${pins[@]}"
  fi
  find_engine
  enter_namespace "$@"
fi
find_engine # the same answer as outside, where it was built
unset SIGNET_EMULATOR_INSIDE

ip link set lo up || die "could not bring up loopback in the namespace"
fresh_dir localstack-run
engine_pid=
trap 'stop_all $server_pid $engine_pid' EXIT

start "$run_dir/engine.log" "$engine" serve --host 127.0.0.1 --port $engine_port --db-path "$run_dir/engine.db"
engine_pid=$started
wait_for_dynamodb "$venv/bin/python" "$engine_pid" 20 "http://127.0.0.1:$engine_port" "$run_dir/engine.log"

# OVERRIDE_IN_DOCKER and FILESYSTEM_ROOT: inside any container LocalStack takes itself for its own image and would write
# to /usr/lib and /var/lib. DNS_ADDRESS=0: no name server on port 53. DISABLE_EVENTS: no usage statistics.
log=$run_dir/server.log
start "$log" env OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$run_dir/root" GATEWAY_LISTEN=127.0.0.1:$port SERVICES=dynamodb \
  DYNAMODB_LOCAL_PORT=$engine_port DNS_ADDRESS=0 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 TMPDIR="$run_dir" \
  "$venv/bin/python" -m localstack.runtime.main
server_pid=$started
# The first request takes ten seconds: LocalStack tries to download a Java, which must fail here, and goes on without.
wait_for_dynamodb "$venv/bin/python" "$server_pid" 120 "$endpoint" "$log"
run_command "$@"
