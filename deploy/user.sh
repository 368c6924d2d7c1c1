# shellcheck shell=bash
# Whose processes a deployment's are: where root gives a command, it goes on as the user to whom the state folder belongs,
# so that nothing that stays running is root's, and root follows no link in a folder that a daemon could write.
# Sourced, after lib.sh, by the commands that root may give.

readonly service_user=birdcar
# From linux/capability.h.
readonly -A capability_numbers=([dac_override]=1 [dac_read_search]=2 [net_bind_service]=10)

owned_by_root() { [[ $(stat -c %u -- "$state") == 0 ]]; }

# Whether we have a capability, and so may pass it on.
has_capability() {
    local name value
    while read -r name value; do
        [[ $name != CapPrm: ]] || break
    done </proc/self/status
    ((0x$value >> capability_numbers[$1] & 1))
}

# Sets `as_owner` to the words that run a command as the owner of the state folder, with the capabilities named at most.
set_as_owner() {
    local owner name capabilities=-all
    owner=$(stat -c '%u %g' -- "$state")
    for name; do
        ! has_capability "$name" || capabilities+=,+$name
    done
    as_owner=(setpriv --reuid "${owner% *}" --regid "${owner#* }" --clear-groups --no-new-privs
        --inh-caps="$capabilities" --ambient-caps="$capabilities" --bounding-set="$capabilities")
}

# Goes on as the owner of the state folder. A command may enter folders that are closed to that user, like those above it.
become_owner() {
    ((EUID == 0)) && [[ -d $state ]] && ! owned_by_root || return 0
    set_as_owner dac_read_search
    has_capability dac_read_search || set_as_owner dac_override
    cd / # which is closed to nobody
    exec "${as_owner[@]}" bash "$root/deploy/${0##*/}" "$@" --state "$state"
}

# ---- deploy/up alone -------------------------------------------------------------------------------------------------

make_service_user() {
    ! getent passwd "$service_user" >/dev/null || return 0
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$service_user" ||
        getent passwd "$service_user" >/dev/null || # another deploy/up was quicker
        die "Cannot make the system user $service_user, as which all is to run. Make it, or run $command_name as a" \
            "user of your own."
    say "Made the system user $service_user, as which all runs."
}

# Makes the state folder the service user's, with what an earlier version left there as root; in one that has an owner
# already, only what root has put there since, like keys from a backup. All else in it stays whose it is.
hand_over() {
    local owner name taken=''
    [[ $state == /*/* && ! -k $state ]] || die "Give a folder of its own with --state; $state is the system's."
    if owned_by_root; then
        make_service_user
        lock_state
        open_state "$state_arg"
        ! anything_runs || stop_all
        drop_short_run_dir
        unlock_state
        taken=yes
        # The data may lie on a disk of its own.
        [[ ! -L $state/data ]] || chown -RP -- "$service_user:" "$(realpath -e -- "$state/data")"
        owner=$(id -u "$service_user"):$(id -g "$service_user")
    else
        owner=$(stat -c %u:%g -- "$state")
    fi
    for name in data logs run supervise lock settings keys api-token admin-password signing-key samples-wanted \
        imported-numbers redis-users redis-passwords; do
        [[ ! -e $state/$name ]] || chown -hRP --from=0 -- "$owner" "$state/$name"
    done
    [[ -z $taken ]] || chown -h -- "$owner" "$state"
}

# What has to be reached: pairs of a test and a path.
what_is_run() {
    local name program
    needed=(-x "$state" -w "$state" -r "$root/deploy/lib.sh" -r "$root/deploy/redis.conf"
        -r "$root/deploy/sandbox/main.py" -x "$root/deploy/s6/run" -x "$root/deploy/s6/finish" -x "$root/deploy/s6/log"
        -x "$root/deploy/s6/supervisor-log")
    for name in "${services[@]}"; do
        needed+=(-x "${BIRDCAR_BIN_DIR:-$root/build/release/bin}/$name")
    done
    program=$(type -P redis-server) && needed+=(-x "$program")
}

# Sets REPLY to the first of the paths that the owner cannot use.
barred_to_owner() {
    # shellcheck disable=SC2016
    REPLY=$("${as_owner[@]}" bash -c '
        while [[ $# -gt 0 ]]; do
            test "$1" "$2" || { printf %s "$2"; exit; }
            shift 2
        done' - "${needed[@]}") || die "Cannot become the user of $state. Run $command_name as a user of your own."
    [[ -n $REPLY ]]
}

# Sets `keeps` to the one capability without which the user would not get at what it runs; empty where none is needed.
choose_capability() {
    local needed barred
    keeps=''
    what_is_run
    set_as_owner
    barred_to_owner || return 0
    barred=$REPLY
    keeps=dac_read_search
    set_as_owner dac_read_search
    if barred_to_owner; then
        barred=$REPLY keeps=dac_override
        set_as_owner dac_override
        ! barred_to_owner || die "The user of $state cannot use $REPLY; give another folder with --state."
        warn "$barred may be used by root only, so what runs here gets root's rights on files (CAP_DAC_OVERRIDE); better" \
            "open it: chmod go+rx."
        return 0
    fi
    say "A folder above $barred is closed to the user that runs it, which gets CAP_DAC_READ_SEARCH, to pass by."
}

# Of a file with a secret that root alone can read, as they best are, the owner gets a copy in DIR/secrets: it is written as
# that user, and anew at each start.
hand_over_secrets() {
    local name setting file needed
    "${as_owner[@]}" rm -rf -- "$state/secrets"
    for name in MESSAGEBIRD_API_KEY MESSAGEBIRD_SIGNING_KEY MESSAGEBIRD_SIGNING_KEY_OLD WEBHOOK_TOKEN ALERT_SECRET \
        REDIS_PASSWORD CURVE_KEY; do
        setting=${name}_FILE
        file=${!setting:-}
        [[ -n $file && -z ${!name:-} ]] || continue
        [[ $file == /* && -f $file ]] || die "$setting wants the whole path of a file that is there."
        needed=(-r "$file")
        barred_to_owner || continue
        # Else that user could have put a link to any file of root's there.
        # shellcheck disable=SC2016
        ! "${as_owner[@]}" bash -c 'test -w "$1"' - "$(dirname -- "$(realpath -- "$file")")" ||
            die "$setting: the user of $state may write in that folder; put the file where root alone may."
        [[ $(stat -Lc %a -- "$file") == *00 ]] || die "$setting: the file is open to others than its owner; chmod 600 it."
        # shellcheck disable=SC2016
        "${as_owner[@]}" bash -c 'umask 077; mkdir -p -- "$1" && exec cat >"$1/$2"' - "$state/secrets" "$name" <"$file" ||
            die "$setting: cannot copy the file."
        export "$setting=$state/secrets/$name"
    done
}

# As root, when all is built: goes on with deploy/up as the owner of the state folder.
leave_root() {
    local capabilities=(dac_read_search)
    hand_over
    [[ -z ${BIRDCAR_BIN_DIR:-} ]] || BIRDCAR_BIN_DIR=$(realpath -- "$BIRDCAR_BIN_DIR")
    choose_capability
    hand_over_secrets
    [[ $keeps != dac_override ]] || capabilities+=(dac_override)
    choose_address
    ((port >= $(</proc/sys/net/ipv4/ip_unprivileged_port_start))) || capabilities+=(net_bind_service)
    set_as_owner "${capabilities[@]}"
    export BIRDCAR_UP="$begin_us $keeps"
    cd /
    exec "${as_owner[@]}" bash "$root/deploy/up" "$@" --state "$state"
}

# Sets `only_what_is_kept` to the words before what stays running: of the capabilities with which deploy/up itself goes on,
# they leave what leave_root() found to be needed.
read_what_root_said() {
    only_what_is_kept=()
    [[ -n ${BIRDCAR_UP:-} ]] && ((EUID != 0)) || return 1
    local keeps
    read -r begin_us keeps <<<"$BIRDCAR_UP"
    unset BIRDCAR_UP
    only_what_is_kept=(setpriv --inh-caps="-all${keeps:+,+$keeps}" --ambient-caps="-all${keeps:+,+$keeps}")
}
