#!/bin/sh
# Makes the secrets of compose.yaml in ./secrets, those that are not there yet; one that is there is never replaced.
#
#   ./make-secrets.sh [DIRECTORY]
set -eu
umask 077

directory=${1:-$(dirname "$0")/secrets}
mkdir -p "$directory"
chmod 700 "$directory"

random_hex() { # BYTES
    head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# A secret is mounted as it is: the account in the container must be able to read it. Root gives it to that account; for
# anyone else, the directory that only they can enter is what keeps others away.
put() { # NAME UID TEXT
    file=$directory/$1
    if [ -e "$file" ]; then
        echo "kept  $file"
        return
    fi
    printf '%s\n' "$3" > "$file.new"
    if [ "$(id -u)" = 0 ]; then
        chown "$2:$2" "$file.new"
        chmod 400 "$file.new"
    else
        chmod 444 "$file.new"
    fi
    mv "$file.new" "$file"
    echo "made  $file"
}

if [ -e "$directory/postgres_password" ] && [ ! -e "$directory/database_url" ]; then
    password=$(cat "$directory/postgres_password")
else
    password=$(random_hex 24)
fi
if [ -e "$directory/database_url" ] && [ ! -e "$directory/postgres_password" ]; then
    echo "$directory has database_url but no postgres_password: put it back, or remove both" >&2
    exit 1
fi
put postgres_password 999 "$password"
put database_url 10001 "postgres://openmake:$password@postgres/openmake"
put master_key 10001 "$(random_hex 32)"
put internal_key 10001 "$(random_hex 32)"
echo "Keep a copy of master_key in a safe place: what it seals cannot be read without."
