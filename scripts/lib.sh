# What the scripts share; sourced, never run. Messages go to stderr, so that stdout stays the result.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs="$root/build/logs"

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
  say "error: $*"
  exit 1
}

# Runs a command with its output in build/logs/NAME.log, which is shown only when the command fails.
quietly() {
  local name=$1 status=0 start=$SECONDS
  shift
  mkdir -p "$logs"
  "$@" </dev/null >"$logs/$name.log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 100 "$logs/$name.log" >&2
    say "failed with status $status: $*"
    say "the whole output is in build/logs/$name.log"
    return "$status"
  fi
  say "$name: done in $((SECONDS - start)) s"
}

# The packages of the named sections of scripts/packages.txt.
list_packages() {
  local wanted=" $* " section="" line
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%%#*}
    line=${line//[[:space:]]/}
    case $line in
      "") ;;
      "["*"]") section=${line:1:-1} ;;
      *) if [[ $wanted == *" $section "* ]]; then printf '%s\n' "$line"; fi ;;
    esac
  done <"$root/scripts/packages.txt"
}

list_missing_packages() {
  local package
  for package in $(list_packages "$@"); do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$package"
  done
}

# Installs what is missing of the named sections; touches neither apt nor the network when nothing is.
ensure_packages() {
  local missing as_root=()
  if ! command -v dpkg-query >/dev/null; then
    say "this is no Debian system: its packages are not checked." \
      "What the build needs is listed in scripts/packages.txt"
    return 0
  fi
  mapfile -t missing < <(list_missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "these packages are missing, and installing them needs root or sudo: ${missing[*]}"
    as_root=(sudo --)
  fi
  say "installing ${#missing[@]} missing packages: ${missing[*]}"
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300
    -o Acquire::Retries=3)
  quietly apt-update "${as_root[@]}" update ||
    say "going on with the package lists that are already here"
  quietly apt-install "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" ||
    die "the packages could not be installed; install them by hand and run this again: ${missing[*]}"
}

# Compile jobs at once: CMAKE_BUILD_PARALLEL_LEVEL where it is set, else one a processor, but no more
# than memory allows (a file that includes Ceres needs more than 1 GiB to compile).
count_jobs() {
  local jobs fit
  if [ -n "${CMAKE_BUILD_PARALLEL_LEVEL:-}" ]; then
    printf '%s\n' "$CMAKE_BUILD_PARALLEL_LEVEL"
    return
  fi
  jobs=$(nproc)
  fit=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo 2>/dev/null || true)
  if [ -n "$fit" ] && [ "$fit" -lt "$jobs" ]; then jobs=$((fit > 0 ? fit : 1)); fi
  printf '%s\n' "$jobs"
}

# build PRESET [TARGET...]: configures and builds; everything when no target is named.
build() {
  local preset=$1 jobs
  shift
  jobs=$(count_jobs)
  quietly "configure-$preset" cmake --preset "$preset" || return
  say "building ($preset, $jobs jobs)"
  quietly "build-$preset" cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}
