# shellcheck shell=bash
# What with-ministack.sh and with-localstack.sh share. Sourced by them, not run.
#
# Both run a server and one command inside a network namespace of their own. The servers open what nobody asked for:
# LocalStack listens on 0.0.0.0 whatever it is told, MiniStack also on 0.0.0.0:8883 where Python has `cryptography`. In a
# namespace whose only interface is loopback nobody outside can reach them, they can reach nobody, and no port is ever
# taken. The price: the command has no network either, so build before you come here, and start what else the command
# needs (a Redis, say) inside it.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${SIGNET_TEST_WORK:-$(dirname "$here")/.work}
mkdir -p "$work" && work=$(cd "$work" && pwd) || exit 69

# The namespace is empty, so the port the documentation names is always free.
port=4566
endpoint=http://127.0.0.1:$port
server_pid=
command_pid=

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "$*"
  exit 69
}

# need PACKAGE TEST...: installs a Debian package unless the test command succeeds.
need() {
  local package=$1 sudo=()
  shift
  "$@" >/dev/null 2>&1 && return
  command -v apt-get >/dev/null || die "'$*' fails: please install what Debian calls $package"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "'$*' fails: please run 'apt-get install $package' as root"
    sudo=(sudo)
  fi
  say "installing $package with apt-get"
  { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$package"; } >&2 || die "could not install $package"
  "$@" >/dev/null 2>&1 || die "'$*' still fails with $package installed"
}

# make_venv DIR PYTHON REQUIREMENT...: a virtual environment, made once. DIR carries the version, so a new pin is a new DIR.
make_venv() {
  local dir=$1 python=$2
  shift 2
  (
    flock 9 # two runs at once must not install into the same folder
    [ -e "$dir/.complete" ] && exit 0
    say "installing $1 from PyPI into $dir"
    rm -rf "$dir"
    "$python" -m venv "$dir" && "$dir/bin/pip" install --quiet --disable-pip-version-check "$@" >&2 && touch "$dir/.complete"
  ) 9>"$dir.lock" || die "could not install $1"
}

# enter_namespace COMMAND...: starts the calling script again, inside. Root may make a network namespace; anybody else
# makes a user namespace around it and looks like root in there.
enter_namespace() {
  need iproute2 ip -Version
  local flags
  for flags in -n -rn; do
    unshare "$flags" true 2>/dev/null || continue
    exec unshare "$flags" -- env SIGNET_EMULATOR_INSIDE=1 "$BASH" "$(realpath "$0")" "$@"
  done
  die "this machine permits no network namespaces: neither 'unshare -n' nor 'unshare -rn' works. In a container give it
  --cap-add SYS_ADMIN; elsewhere look at sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone and
  kernel.apparmor_restrict_unprivileged_userns, or run it as root. Nothing was run."
}

# fresh_dir NAME: an empty folder for one run's files; removed again by stop_all.
fresh_dir() {
  run_dir=$(mktemp -d "$work/$1.XXXXXX")
}

# start LOG COMMAND...: a server in a session of its own, so that Ctrl-C reaches only the command; the kernel kills it
# should this script be killed. Its pid is in $started.
start() {
  local log=$1
  shift
  setsid setpriv --pdeathsig KILL "$@" >"$log" 2>&1 </dev/null &
  started=$!
}

# wait_for_dynamodb PYTHON PID SECONDS URL LOG: until ListTables is answered.
wait_for_dynamodb() {
  "$1" - "$2" "$3" "$4" <<'PY' && return
import os, sys, time, urllib.request
pid, seconds, url = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
headers = {
    "X-Amz-Target": "DynamoDB_20120810.ListTables",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",  # nobody here checks the signature, but all want its parts
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
}
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
deadline = time.monotonic() + seconds
while time.monotonic() < deadline:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        sys.exit("the server ended")
    try:
        if b"TableNames" in direct.open(urllib.request.Request(url, b"{}", headers), timeout=20).read():
            sys.exit(0)
    except OSError:
        time.sleep(0.1)
sys.exit("no answer to ListTables")
PY
  say "$4 did not start; the end of $5:"
  tail -n 20 "$5" >&2
  exit 69
}

# run_command COMMAND...: runs it with the endpoint set, hands INT and TERM on, and exits with its code.
run_command() {
  local status
  trap 'kill -INT "$command_pid" 2>/dev/null' INT
  trap 'kill -TERM "$command_pid" 2>/dev/null' TERM
  # In the background, because bash runs a trap only between commands; hence INT has to be switched on again.
  env --default-signal=INT,QUIT SIGNET_TEST_ENDPOINT="$endpoint" "$@" <&0 &
  command_pid=$!
  while :; do
    wait "$command_pid"
    status=$?
    kill -0 "$command_pid" 2>/dev/null || break
  done
  exit "$status"
}

# stop_all PID...: for the EXIT trap. Asks, waits ten seconds, insists.
stop_all() {
  trap '' INT TERM
  local pid tries
  # Who has gone already cannot be told, and that is no failure of the script that ends here.
  for pid in "$@"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "$@"; do
    for ((tries = 0; tries < 100; tries++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ -n "${run_dir:-}" ]; then rm -rf "$run_dir"; fi
}
