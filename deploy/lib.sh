# shellcheck shell=bash
# What the commands of deploy/ share: a deployment's folder, its processes, and how they end.
# Sourced only. It starts no daemon, and ends only what belongs to the folder given.

set -euo pipefail
umask 077

# Read by the commands that source this file.
# shellcheck disable=SC2034
{
    services=(gateway ride-svc pool-svc voice-svc notifier)
    root=$(cd -P -- "${BASH_SOURCE[0]%/*}/.." && pwd)
    command_name=deploy/${0##*/}
}
readonly grace_seconds=12 # a daemon has this long to drain after SIGTERM

declare -A settings=() # what DIR/settings holds

say() { printf '%s\n' "$*" 2>/dev/null || true; } # a closed terminal is no error
warn() { printf '%s: %s\n' "$command_name" "$*" >&2 || true; }

die() {
    warn "$@"
    exit 1
}

usage_error() {
    warn "$*"
    warn "'$command_name --help' tells what it takes."
    exit 2
}

# The comment at the head of the command is its help.
show_help() {
    sed -n '2,/^$/{s/^# \{0,1\}//p;}' "$0"
    exit 0
}

# Takes what every command understands out of its arguments; sets `state_arg`, and `arguments` to the rest.
read_common_options() {
    state_arg=$root/.state arguments=()
    while [[ $# -gt 0 ]]; do
        case $1 in
        --state=*) state_arg=${1#*=} ;;
        --state)
            [[ $# -gt 1 ]] || usage_error "--state wants a folder."
            state_arg=$2
            shift
            ;;
        -h | --help) show_help ;;
        *) arguments+=("$1") ;;
        esac
        shift
    done
}

# ---- the folder ----------------------------------------------------------------------------------------------------

# Sets `state` and reads what an earlier `up` remembered there. The folder need not exist.
open_state() {
    [[ -n $1 ]] || usage_error "--state wants a folder."
    [[ $1 != *[[:cntrl:]]* ]] || usage_error "A control character in the name of the state folder."
    state=$(realpath -m -- "$1") || die "The state folder's name leads nowhere: $1"
    [[ ! -d $state || (-r $state && -x $state) ]] || die "Cannot read $state: it belongs to another user."
    settings=()
    local key value
    if [[ -r $state/settings ]]; then
        while IFS='=' read -r key value; do
            # Numbers are used as such, and bash would run what else stands there; the file may be a daemon's.
            [[ $key != count.* && $key != *port || $value =~ ^[0-9]{0,5}$ ]] || continue
            [[ -z $key ]] || settings[$key]=$value
        done <"$state/settings"
    fi
    run_dir=${settings[run_dir]:-$state/run}
}

save_settings() {
    local key
    for key in "${!settings[@]}"; do
        printf '%s=%s\n' "$key" "${settings[$key]}"
    done | LC_ALL=C sort >"$state/settings.new"
    mv -f -- "$state/settings.new" "$state/settings"
}

# One command at a time changes a deployment. Released by unlock_state, or when this process ends.
lock_state() {
    exec {lock_fd}>>"$state/lock" || die "Cannot write in $state."
    flock -n "$lock_fd" && return 0
    warn "Another command is changing this deployment; waiting for it."
    flock -w 120 "$lock_fd" || die "It has not ended in two minutes; see who holds $state/lock (fuser -v)."
}

unlock_state() { exec {lock_fd}>&-; }

# Prints the supervised instances, in the order in which they are shown.
instances() {
    local service number dir
    for service in "${services[@]}"; do
        for dir in "$state/supervise/$service"-*; do
            number=${dir##*-}
            if [[ $number =~ ^[0-9]+$ ]]; then
                printf '%s\n' "$number"
            fi
        done | sort -n | sed "s/^/$service-/"
    done
    for service in redis sandbox; do
        [[ ! -d $state/supervise/$service ]] || printf '%s\n' "$service"
    done
}

# Sets REPLY: ride-svc of ride-svc-2.
service_of() {
    REPLY=$1
    if [[ $1 =~ ^(.+)-[0-9]+$ ]]; then
        REPLY=${BASH_REMATCH[1]}
    fi
}

# Makes the folder from which s6 runs an instance, under a name that s6 does not see until it is whole.
add_instance() {
    local new=$state/supervise/.new-$1
    rm -rf -- "$new"
    mkdir -p -- "$new/log" "$state/logs/$1"
    ln -s -- "$root/deploy/s6/run" "$root/deploy/s6/finish" "$new/"
    ln -s -- "$root/deploy/s6/log" "$new/log/run"
    mv -- "$new" "$state/supervise/$1"
}

# ---- its processes ---------------------------------------------------------------------------------------------------

# Sets REPLY to when a live process started, in ticks since boot; with its pid, that names it and no other.
start_time() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    REPLY=${fields[19]}
}

# Sets REPLY to the pid of a live instance (or of `supervisor`), to nothing if it is down. The file alone proves nothing:
# its pid may belong to another by now.
live_pid() {
    local pid start
    REPLY=
    { read -r pid start <"$state/run/$1.pid"; } 2>/dev/null || return 1
    if [[ ! $pid =~ ^[0-9]+$ ]] || ! start_time "$pid" || [[ $REPLY != "$start" ]]; then
        REPLY=
        return 1
    fi
    REPLY=$pid
}

# Prints the pids of all that runs here, or of one instance: those on record, and those that carry the deployment's mark
# in their environment (what a wrapper started; what a killed supervisor left).
# shellcheck disable=SC2120
processes() {
    local file marked
    for file in "$state"/run/*.pid; do
        file=${file##*/}
        file=${file%.pid}
        if [[ ${1:-$file} == "$file" ]] && live_pid "$file"; then
            printf '%s\n' "$REPLY"
        fi
    done
    # No process substitution: what calls this from s6/run becomes a daemon, which would never reap it.
    marked=$(grep -lszxF -- "BIRDCAR_DEPLOYMENT=$state" /proc/[0-9]*/environ) || true
    if [[ -n ${1:-} && -n $marked ]]; then
        # shellcheck disable=SC2086
        marked=$(grep -lszxF -- "INSTANCE=$1" $marked) || true
    fi
    [[ -z $marked ]] || cut -d/ -f3 <<<"$marked"
}

# Sets REPLY: up, starting (the process is there, its socket is not) or down; and `pid` and `endpoint`, empty if none.
state_of() {
    local socket=''
    live_pid "$1" || true
    pid=$REPLY endpoint=''
    case $1 in
    gateway-*) endpoint=${settings[url]:-} ;;
    sandbox) endpoint=${settings[sandbox_url]:-} ;;
    redis) socket=$run_dir/redis.sock endpoint=unix://$run_dir/redis.sock ;;
    *)
        socket=$run_dir/$1.$pid.sock
        [[ -z $pid ]] || endpoint=ipc://$socket
        ;;
    esac
    REPLY=up
    if [[ -z $pid ]]; then
        REPLY=down
    elif [[ -n $socket && ! -S $socket ]]; then
        REPLY=starting
    fi
}

anything_runs() { [[ -n $(processes) ]]; }

# Waits until none of the named instances lives, at most so many seconds.
wait_ended() {
    local deadline=$((SECONDS + $1)) name alive
    shift
    while :; do
        alive=
        for name; do
            live_pid "$name" && alive=$name
        done
        [[ -n $alive ]] || return 0
        ((SECONDS < deadline)) || return 1
        sleep 0.02
    done
}

# Ends instances: SIGTERM, time to drain, SIGKILL. s6 does not start them again.
stop_instances() {
    local name
    [[ $# -gt 0 ]] || return 0
    for name; do
        s6-svc -d "$state/supervise/$name" 2>/dev/null && continue
        # Its supervisor is dead.
        if live_pid "$name"; then
            kill -TERM "$REPLY" 2>/dev/null || true
        fi
    done
    wait_ended "$grace_seconds" "$@" && return 0
    for name; do
        live_pid "$name" || continue
        warn "$name has not ended in $grace_seconds s; killing it."
        kill -KILL "$REPLY" 2>/dev/null || true
    done
    wait_ended 5 "$@" || warn "A process outlives SIGKILL; it hangs in the kernel."
}

# Ends all that is left: what s6 has not ended by itself after a second gets SIGTERM, then SIGKILL.
sweep() {
    local began=$SECONDS step=0 pids limit=(1 "$grace_seconds" 5) signal=(TERM KILL)
    live_pid supervisor || limit[0]=0
    while mapfile -t pids < <(processes) && [[ ${#pids[@]} -gt 0 ]]; do
        if ((SECONDS - began >= limit[step])); then
            ((step < 2)) || die "These processes do not end: ${pids[*]}"
            kill -"${signal[step]}" "${pids[@]}" 2>/dev/null || true
            kill -CONT "${pids[@]}" 2>/dev/null || true
            step=$((step + 1))
            began=$SECONDS
        fi
        sleep 0.02
    done
}

# Takes a deployment down, in the order in which nobody misses what has gone. The caller holds the lock.
stop_all() {
    local name first=() then=() last=()
    while read -r name; do
        : >"$state/supervise/$name/down" # a supervisor that s6 restarts now must not start its daemon
        case $name in
        gateway-*) first+=("$name") ;;
        redis) last+=("$name") ;;
        *) then+=("$name") ;;
        esac
    done < <(instances)
    stop_instances "${first[@]}"
    stop_instances "${then[@]}"
    stop_instances "${last[@]}"
    s6-svscanctl -t "$state/supervise" 2>/dev/null || true
    sweep
    rm -rf -- "$state/supervise" "$state/run"
    drop_short_run_dir
}

# ---- the folder of sockets -------------------------------------------------------------------------------------------

# A Unix socket's name ends at 107 bytes, and goes into URLs as it is. Where DIR/run is too long or holds an odd
# character, a short private folder holds a link to it.
choose_run_dir() {
    mkdir -p -- "$state/run"
    local longest=/voice-svc-64.4194304.sock
    if ((${#state} + ${#longest} + 4 <= 106)) && [[ $state =~ ^[A-Za-z0-9/._-]+$ ]]; then
        drop_short_run_dir
        return 0
    fi
    local old=${settings[run_dir]:-}
    if [[ -z $old || ! -O ${old%/run} || -L ${old%/run} || $(readlink -- "$old") != "$state/run" ]]; then
        drop_short_run_dir
        local short
        short=$(mktemp -d /tmp/birdcar.XXXXXXXX) || die "Cannot make a short folder for sockets in /tmp."
        ln -s -- "$state/run" "$short/run"
        settings[run_dir]=$short/run
        save_settings
    fi
    run_dir=${settings[run_dir]}
}

drop_short_run_dir() {
    local short=${settings[run_dir]:-}
    run_dir=$state/run
    [[ -n $short ]] || return 0
    if [[ $short == /tmp/birdcar.*/run && -O ${short%/run} && -L $short ]]; then
        rm -f -- "$short"
        rmdir -- "${short%/run}" || true
    fi
    unset 'settings[run_dir]'
    save_settings
}

# ---- packages --------------------------------------------------------------------------------------------------------

# Installs what is missing of the sections of deploy/packages named.
install_packages() {
    local wanted missing
    mapfile -t wanted < <(awk -v want=" $* " '
        { sub(/#.*/, "") }
        /^\[/ { gsub(/[][ ]/, ""); on = index(want, " " $0 " "); next }
        NF && on { print $1 }' "$root/deploy/packages")
    if ! command -v dpkg-query >/dev/null; then
        warn "This is not Debian; what deploy/packages lists must be here already."
        return 0
    fi
    # shellcheck disable=SC2016
    mapfile -t missing < <(comm -13 \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
            sed -n 's/^installed //p' | LC_ALL=C sort -u) \
        <(printf '%s\n' "${wanted[@]}" | LC_ALL=C sort -u))
    [[ ${#missing[@]} -gt 0 ]] || return 0
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die "Packages are missing. As root, run: apt-get install --no-install-recommends ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing: ${missing[*]}"
    # shellcheck disable=SC2016
    "${as_root[@]}" bash -euc '
        export DEBIAN_FRONTEND=noninteractive
        install="apt-get install -y -q --no-install-recommends"
        # The package would start a Redis of its own: in runlevel 1, or masked, it does not.
        if [[ " $* " == *" redis-server "* ]]; then
            export RUNLEVEL=1
            if [[ -d /run/systemd/system ]]; then
                systemctl mask --runtime redis-server.service
                trap "systemctl unmask --runtime redis-server.service
                    systemctl disable --quiet redis-server.service" EXIT
            fi
        fi
        $install "$@" || { apt-get update -q && $install "$@"; }' - "${missing[@]}" </dev/null ||
        die "Could not install them; the lines above say why. Then run $command_name again."
}
