# shellcheck shell=bash
# How a deployment starts: programs, secrets, sockets, supervisor, readiness, samples. Sourced by deploy/up, after lib.sh.

readonly ready_seconds=30
readonly deaths_allowed=5 # of one daemon while starting: more, and it is not going to come

# ---- settings --------------------------------------------------------------------------------------------------------

# Exports what .env sets and the environment does not. Nothing in the file is run.
read_dotenv() {
    local line key value number=0
    local assignment='^[[:space:]]*(export[[:space:]]+)?([A-Z_][A-Z0-9_]*)=(.*)$'
    local in_double='^[[:space:]]*"([^"]*)"[[:space:]]*(#.*)?$'
    local in_single="^[[:space:]]*'([^']*)'[[:space:]]*(#.*)?$"
    [[ -e $root/.env ]] || return 0
    [[ -r $root/.env ]] || die "Cannot read $root/.env."
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        [[ ! $line =~ ^[[:space:]]*(#|$) ]] || continue
        [[ $line =~ $assignment ]] ||
            die "$root/.env, line $number: wants NAME=value."
        key=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
        if [[ $value =~ $in_double || $value =~ $in_single ]]; then
            value=${BASH_REMATCH[1]}
        else
            value=${value%%[[:space:]]#*}
            value=${value#"${value%%[![:space:]]*}"}
            value=${value%"${value##*[![:space:]]}"}
        fi
        [[ -v $key ]] || export "$key=$value"
    done < <(tr -d '\r' <"$root/.env")
}

# Sets host, port, near_host and url from LISTEN, whose port --port overrides.
choose_address() {
    local listen=${LISTEN:-127.0.0.1:4567}
    [[ $listen =~ ^(.+):([1-9][0-9]{0,4})$ ]] || die "LISTEN wants address:port, as in 127.0.0.1:4567."
    host=${BASH_REMATCH[1]}
    port=${port:-${BASH_REMATCH[2]}}
    host=${host#[}
    host=${host%]}
    near_host=$host # where we ourselves reach it
    case $host in
    0.0.0.0) near_host=127.0.0.1 ;;
    ::) near_host=::1 ;;
    esac
    url=http://$near_host:$port
    [[ $near_host != *:* ]] || url=http://[$near_host]:$port
    export LISTEN=$host:$port PUBLIC_URL=${PUBLIC_URL:-$url}
}

# Makes the state folder, closed to others; what is above it, if that has to be made, is not.
make_state() {
    [[ ! -d $state ]] || return 0
    (umask 022 && mkdir -p -- "${state%/*}/") 2>/dev/null && mkdir -p -- "$state" 2>/dev/null
}

# ---- programs --------------------------------------------------------------------------------------------------------

prepare_programs() {
    if [[ -n ${BIRDCAR_BIN_DIR:-} ]]; then
        install_packages runtime
    else
        install_packages runtime build
        build
    fi
}

build() {
    local folder=$root/build/release
    local log=$folder/up.log
    umask 022 # what root builds, another user runs
    mkdir -p -- "$folder" || die "Cannot build in $folder. The checkout must be yours."
    exec {build_fd}>>"$folder/up.lock"
    flock "$build_fd"
    run_build "$folder" >"$log" 2>&1 {build_fd}>&- &
    local job=$! began=$SECONDS progress='' last=''
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.03
        ((SECONDS - began >= 1)) || continue
        [[ -n $last ]] || { say "Building; the log is $log" && last=said; }
        progress=$(grep -o '^\[[0-9]*/[0-9]*\]' "$log" | tail -n 1) || true
        [[ ! -t 1 || $progress == "$last" ]] || printf '\r%s ' "$progress"
        last=${progress:-said}
    done
    [[ ! -t 1 || -z $last ]] || printf '\r'
    if ! wait "$job"; then
        tail -n 40 -- "$log" >&2
        die "The build failed; its last lines are above, all of it is in $log."
    fi
    ((EUID != 0)) || chmod go+rX -- "$root/build" "$folder" "$folder/bin" "$folder"/bin/*
    umask 077
    exec {build_fd}>&-
}

run_build() {
    cd -- "$root" || return
    # Ninja configures again by itself when a CMakeLists.txt changes; of the presets it knows nothing.
    if [[ ! -e $1/configured || CMakePresets.json -nt $1/configured ]]; then
        cmake --preset release && touch -- "$1/configured" || return
    fi
    cmake --build --preset release
}

# ---- secrets ---------------------------------------------------------------------------------------------------------

random_hex() { od -An -vtx1 -N"$1" /dev/urandom | tr -d ' \n'; }

print_keys() { printf 'lookup %s\nseal 1 %s\nmac %s\n' "$(random_hex 32)" "$(random_hex 32)" "$(random_hex 32)"; }

# Makes a file of what a command prints, whole and on disk or not at all. One that is there already stays.
make_secret() {
    [[ ! -e $state/$1 ]] || return 0
    "${@:2}" >"$state/$1.new"
    sync -- "$state/$1.new"
    mv -- "$state/$1.new" "$state/$1"
    sync -- "$state"
}

make_secrets() {
    if [[ ! -e $state/keys && -n $(ls -A -- "$state/data" 2>/dev/null) ]]; then
        die "$state/keys is gone, and without it nobody can read $state/data. Put the file back from a backup;" \
            "or, to begin anew without that data, move the data folder away."
    fi
    make_secret keys print_keys
    make_secret api-token random_hex 32
    make_secret admin-password random_hex 10
    chmod 0600 -- "$state"/{keys,api-token,admin-password}
}

# ---- the start -------------------------------------------------------------------------------------------------------

uses_sandbox() { [[ -z ${MESSAGEBIRD_API_KEY:-}${MESSAGEBIRD_API_KEY_FILE:-} ]]; }

# A forgotten setting must not turn texts for real phones into texts for the sandbox, where they count as sent.
refuse_lost_provider() {
    if ! uses_sandbox; then
        settings[provider]=real
    elif [[ ${settings[provider]:-} == real ]]; then
        die "This deployment sent its texts through a real provider, and MESSAGEBIRD_API_KEY is not set now: with the" \
            "sandbox, texts that wait would count as sent and reach nobody. Set it, in the environment or in .env." \
            "To use the sandbox here after all, remove the line provider=real from $state/settings."
    fi
}

# Prints the bytes of memory that this machine has, or that the control groups we are in allow, whichever is less.
memory_bytes() {
    local kind size unit least='' group file
    while read -r kind size unit; do
        [[ $kind != MemTotal: ]] || least=$((size * 1024))
    done </proc/meminfo
    group=$(sed -n 's/^0:://p' /proc/self/cgroup 2>/dev/null) || true
    while :; do
        for file in "/sys/fs/cgroup$group/memory.max" /sys/fs/cgroup/memory/memory.limit_in_bytes; do
            { read -r size <"$file"; } 2>/dev/null || continue
            [[ ! $size =~ ^[0-9]{1,18}$ ]] || ((size >= least)) || least=$size
        done
        [[ -n $group ]] || break
        group=${group%/*}
    done
    printf '%s\n' "$least"
}

# The most memory of our own Redis. Without a limit the kernel would kill it one day; with one it refuses what is new, and
# what it has it keeps.
choose_memory() {
    local given=${REDIS_MAXMEMORY:-} suffix='^(0|[1-9][0-9]*([kmg]b?)?)$'
    [[ -z $given || ${given,,} =~ $suffix ]] || die "REDIS_MAXMEMORY wants a size, as in 2gb or 500mb; 0: no limit."
    export REDIS_MAXMEMORY=${given:-$(($(memory_bytes) * 3 / 4))}
}

# What every daemon finds in its environment; deploy/s6/run adds what differs from one to the next.
export_settings() {
    unset LISTEN_FDS LISTEN_PID LISTEN_FDNAMES INSTANCE BIRDCAR_SANDBOX_PORT
    export BIRDCAR_ROOT=$root BIRDCAR_DEPLOYMENT=$state
    export BIRDCAR_BIN_DIR=${BIRDCAR_BIN_DIR:-$root/build/release/bin}
    export RUN_DIR=$run_dir KEYS_FILE=$state/keys
    export API_TOKEN_FILE=$state/api-token ADMIN_PASSWORD_FILE=$state/admin-password
    if [[ -z ${REDIS_URL:-} ]]; then
        export REDIS_URL=unix://$run_dir/redis.sock DATA_DIR=${DATA_DIR:-$state/data} REDIS_USERS=on
        choose_memory
    fi
    if uses_sandbox; then
        if [[ -z ${MESSAGEBIRD_SIGNING_KEY:-}${MESSAGEBIRD_SIGNING_KEY_FILE:-} ]]; then
            export MESSAGEBIRD_SIGNING_KEY_FILE=$state/signing-key
        fi
        export SANDBOX_GATEWAY=$url
    fi
}

make_supervision() {
    local service number
    rm -rf -- "$state/supervise"
    mkdir -p -- "$state/supervise/supervisor-log" "$state/data"
    ln -s -- "$root/deploy/s6/supervisor-log" "$state/supervise/supervisor-log/run"
    [[ -n ${REDIS_URL:-} ]] || add_instance redis
    uses_sandbox && add_instance sandbox
    for service in "${services[@]}"; do
        for ((number = 1; number <= ${settings[count.$service]:-1}; number++)); do
            add_instance "$service-$number"
        done
    done
}

start_supervisor() {
    local ports sandbox=-
    if uses_sandbox; then
        sandbox=${settings[sandbox_port]:+${settings[sandbox_port]},}$((port + 1)),0
    fi
    mkfifo -- "$state/run/supervisor.fifo"
    ports=$(
        export_settings
        exec "$root/deploy/listen" "$host" "$port" "$sandbox" "$state/run/supervisor.pid" "$state/run/supervisor.fifo" \
            "${only_what_is_kept[@]}" s6-svscan -c 1000 "$state/supervise"
    ) || exit 1
    settings[url]=$url
    settings[public_url]=$PUBLIC_URL
    unset 'settings[sandbox_url]'
    if uses_sandbox; then
        settings[sandbox_port]=${ports#* }
        settings[sandbox_url]=http://127.0.0.1:${ports#* }
    fi
    save_settings
}

# With the lock held. Leaves a deployment that serves, or nothing.
start_deployment() {
    refuse_lost_provider
    [[ ${REDIS_USERS:-} =~ ^(|on|off)$ ]] || die "REDIS_USERS wants on or off."
    choose_address
    trap stop_half_started EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    if anything_runs; then
        warn "Ending what an earlier run left behind."
        stop_all
    fi
    rm -rf -- "$state/run"
    make_secrets
    if uses_sandbox; then
        make_secret signing-key random_hex 32
    fi
    if [[ -z ${REDIS_URL:-} ]]; then
        make_redis_users
    elif [[ ${REDIS_USERS:-} == on ]]; then
        make_redis_passwords
    fi
    choose_run_dir
    make_supervision
    start_supervisor
    if [[ ${SAMPLES:-$(uses_sandbox && echo on)} == on && ! -e $state/samples-wanted ]]; then
        : >"$state/samples-wanted"
    fi
    wait_ready
    finish_samples
    trap - EXIT INT TERM HUP
}

# Runs as a trap, where a bare `return` would give the status from before the trap.
stop_half_started() {
    trap '' INT TERM HUP
    stop_all
}

# Whether a path answers 200. Asked every few milliseconds: no program is started for it. In a subshell, since the other
# side may go away while it is written to; read to its end, so that the other side sees no reset.
answers() (
    { exec 9<>"/dev/tcp/$near_host/$port"; } 2>/dev/null || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" "${url#http://}" >&9 2>/dev/null
    read -r -t 1 status_line <&9
    while read -r -t 1 <&9; do :; done
    [[ $status_line == 'HTTP/1.1 200 '* ]]
)

# Notes each new start of a daemon; gives up on one that keeps ending.
watch_starts() {
    local name pid_line
    for name in "${expected[@]}"; do
        { read -r pid_line <"$state/run/$name.pid"; } 2>/dev/null || continue
        [[ ${last_start[$name]:-} != "$pid_line" ]] || continue
        last_start[$name]=$pid_line
        starts[$name]=$((${starts[$name]:-0} + 1))
        ((starts[$name] <= deaths_allowed)) || give_up "$name keeps ending." "$name"
    done
    live_pid supervisor || give_up "The supervisor has ended." supervisor
}

redis_is_loading() {
    [[ -d $state/supervise/redis ]] &&
        [[ $(timeout 1 redis-cli -s "$run_dir/redis.sock" ping 2>/dev/null) == *LOADING* ]]
}

wait_ready() {
    local deadline=$((SECONDS + ready_seconds)) probe=/readyz name loading=''
    local -A last_start=() starts=()
    local expected
    mapfile -t expected < <(instances)
    for name in "${services[@]}"; do
        [[ ${settings[count.$name]:-1} != 0 ]] && continue
        warn "$name is scaled to 0, so not everything will be served (deploy/scale $name=1)."
        probe=/healthz
    done
    until answers "$probe"; do
        watch_starts
        if ((SECONDS >= deadline)); then
            redis_is_loading || give_up "Not ready after $ready_seconds s."
            [[ -n $loading ]] || say "Redis is still reading its data from disk; waiting for it."
            loading=yes deadline=$((SECONDS + ready_seconds))
        fi
        sleep 0.03
    done
}

# Shows the end of the logs of those named, or else of all that are not up, or else of the gateways.
give_up() {
    local reason=$1 name suspects=("${@:2}")
    if [[ ${#suspects[@]} -eq 0 ]]; then
        for name in "${expected[@]}"; do
            state_of "$name"
            [[ $REPLY == up ]] || suspects+=("$name")
        done
    fi
    if [[ ${#suspects[@]} -eq 0 ]]; then
        suspects=(gateway-1)
        warn "$probe says: $(curl -q -s --noproxy '*' --max-time 2 "${settings[url]}$probe" | head -c 500)"
    fi
    for name in "${suspects[@]}"; do
        warn "The end of $state/logs/$name/current:"
        tail -n 15 -- "$state/logs/$name/current" >&2 || true
    done
    die "$reason Everything is being stopped again."
}

finish_samples() {
    [[ -e $state/samples-wanted ]] || return 0
    "$root/deploy/load-samples" "${settings[url]}" "$state/api-token" "$state/samples-wanted" ||
        warn "The samples are not all there (all else is); the next deploy/up tries again."
}

print_where() {
    local password
    printf -v password 'the password in %s' "$state/admin-password"
    [[ ! -t 1 ]] || password="password $(<"$state/admin-password")"
    say "  Page     ${settings[url]}/ (user admin, $password)"
    [[ ${settings[public_url]} == "${settings[url]}" ]] || say "  Public   ${settings[public_url]}"
    say "  API      curl -H \"Authorization: Bearer \$(cat ${state@Q}/api-token)\" ${settings[url]}/api/v1/rides"
    [[ -z ${settings[sandbox_url]:-} ]] ||
        say "  Sandbox  ${settings[sandbox_url]}/ (it plays the provider: nothing leaves this machine)"
    say "  Logs     $state/logs/"
    local here=''
    [[ -n $detach ]] || here='Ctrl-C, or '
    say "  User     $(id -un)"
    say "  Stop     ${here}deploy/down --state ${state@Q}"
}
