# shellcheck shell=bash
# Redis's users, one a service, out of deploy/redis-rights. Sourced, after lib.sh and start.sh.

# Each service's password, in a file of its own in DIR/redis-passwords.
make_redis_passwords() {
    local service new=$state/redis-passwords.new
    [[ ! -d $state/redis-passwords ]] || return 0
    rm -rf -- "$new"
    mkdir -- "$new"
    for service in "${services[@]}"; do
        random_hex 32 >"$new/$service"
    done
    sync -- "$new"/* "$new"
    mv -- "$new" "$state/redis-passwords"
    sync -- "$state"
}

# Prints a line for Redis's ACL file a service. Of the passwords it holds hashes only.
print_redis_users() {
    (cd -- "$state/redis-passwords" && exec sha256sum -- "${services[@]}") | awk '
        NR == FNR { hash[$2] = $1; order[++services] = $2; next }
        /^#/ { next }
        /^[^ ]/ { name = $1; $1 = "" }
        { for (i = 1; i <= NF; i++) if ($i != "") rights[name] = rights[name] " " $i }
        END {
            for (i = 1; i <= services; i++)
                printf "user %s reset resetchannels on #%s%s%s\n", order[i], hash[order[i]],
                    rights["every"], rights[order[i]]
        }' - "$root/deploy/redis-rights"
}

# The ACL file of our own Redis. Its default user needs no password, and has all rights: its socket is ours alone.
make_redis_users() {
    make_redis_passwords
    {
        printf 'user default on nopass ~* &* +@all\n'
        print_redis_users
    } >"$state/redis-users.new"
    mv -- "$state/redis-users.new" "$state/redis-users"
}
