#!/bin/sh
# Installs tea: downloads the file for this machine, checks it, and puts it where you can start it. Help: sh install.sh --help
#
# Everything is in functions and the last line starts it: a script that was cut short on its way does nothing.
# What the server says is never trusted: names and numbers have to match a pattern, and bytes have to match SHA256SUMS.
# shellcheck disable=SC2015 # `a && b || fail` fails as well where b does; that is what it is for

# A release fills these in: where releases are, which one this is, and the minisign key that signs SHA256SUMS.
releases=''
released=''
public_key=''

usage() {
    cat <<'END'
usage: sh install.sh [OPTIONS]

  --list            show what can be installed, and install nothing
  --variant NAME    which of them (default: tea-python-llm, which answers at once with a small model and takes 50 MB)
  --version X.Y.Z   which version (default: the one that this script came with)
  --dir FOLDER      where to put it (default: ~/.local/bin, or /usr/local/bin for root)
  --arch NAME       x86_64 or aarch64 (default: this machine's)
  --base-url PLACE  a mirror, or a folder that holds the files of a release
  --dry-run         say what would be done, and download only the list
  --help            this text

An interrupted download goes on when you call it again. It needs curl or wget; with minisign it checks the signature too.
Exit codes: 0 done, 2 wrong call, 8 not downloaded or not the published file, 9 this machine cannot.
END
}

say() {
    printf '%s\n' "$*" >&2
}

# fail CODE MESSAGE [HINT]
fail() {
    printf '%s\n' "${bold}error:${plain} $2" >&2
    [ -z "${3-}" ] || printf '%s\n' "    hint: $3" >&2
    exit "$1"
}

# --- patterns: whatever is not exactly this is refused

is_name() {
    case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;; esac
}

is_number() {
    case $1 in '' | *[!0-9]* | 0?* | ????????????????*) return 1 ;; esac
}

is_digest() {
    case $1 in *[!0-9a-f]*) return 1 ;; esac
    [ ${#1} -eq 64 ]
}

is_url() {
    case $1 in http://?* | https://?*) ;; *) return 1 ;; esac
    case $1 in *[!A-Za-z0-9._~:/%+-]*) return 1 ;; esac
}

is_arch() {
    [ "$1" = x86_64 ] || [ "$1" = aarch64 ]
}

# --- files

# size_of FILE: its bytes, 0 where there is none.
size_of() {
    # shellcheck disable=SC2046 # the fields of one line
    set -- $(ls -dLn -- "$1" 2>/dev/null)
    printf '%s\n' "${5:-0}"
}

# for_people BYTES
for_people() {
    if [ "$1" -ge 1000000000 ]; then
        printf '%s\n' "$(($1 / 1000000000)).$(($1 % 1000000000 / 100000000)) GB"
    else
        printf '%s\n' "$((($1 + 999999) / 1000000)) MB"
    fi
}

# is_sum FILE SUM
is_sum() {
    computed=$(sha256sum <"$1") || return 1
    [ "${computed%% *}" = "$2" ]
}

# sum_of NAME: what SHA256SUMS says; nothing where it says nothing, or two things.
sum_of() {
    found=
    while read -r sum name rest; do
        [ "$name" = "$1" ] || [ "$name" = "*$1" ] || continue
        [ -z "$found$rest" ] && is_digest "$sum" || return 0
        found=$sum
    done <"$temp/SHA256SUMS"
    printf '%s\n' "$found"
}

# free_bytes FOLDER
free_bytes() {
    # shellcheck disable=SC2046 # the fields of one line
    set -- $(df -Pk -- "$1" 2>/dev/null | tail -n 1)
    is_number "${4-}" && printf '%s\n' "$(($4 * 1024))"
}

# --- downloads
# once_* URL FILE: go on with FILE where it ends. 0 all there as far as the server says, 1 may be tried again, 2 the server does not have
# it, 3 it cannot go on where FILE ends, 4 FILE cannot be written. What went wrong stands in $temp/log.

once_curl() {
    set -- "$1" "$2" --fail --location --globoff --max-redirs 8 --proto "$protocols" --proto-redir "$protocols" \
        --connect-timeout 30 --speed-limit 1 --speed-time 60 --write-out '%{http_code}' --output "$2"
    [ ! -s "$2" ] || set -- "$@" --continue-at -
    url=$1
    shift 2
    : >"$temp/log"
    if [ -t 2 ] && [ "$most" -gt 1000000 ]; then
        code=$(bounded curl --progress-bar "$@" "$url") && return 0
    else
        code=$(bounded curl --silent --show-error "$@" "$url" 2>"$temp/log") && return 0
    fi
    status=$?
    case $status:$code in
    33:* | 22:416) return 3 ;;
    22:408 | 22:429) return 1 ;;
    22:4??) [ -s "$temp/log" ] || printf '%s\n' "the server answers $code" >"$temp/log" && return 2 ;;
    23:*) return 4 ;;
    1:* | 3:* | 35:* | 51:* | 58:* | 59:* | 60:* | 77:*) return 2 ;;
    esac
    return 1
}

once_wget() {
    set -- "$1" -c -O "$2"
    url=$1
    shift
    if [ "$tool" = gnu ]; then
        set -- -nv -o "$temp/log" --tries=1 --timeout=60 --max-redirect=8 "$@"
        [ ! -t 2 ] || [ "$most" -le 1000000 ] || set -- --show-progress --progress=bar:force "$@"
        bounded wget "$@" "$url" && return 0
    else
        # No -T: with it busybox 1.35, which Debian 12 has, crashes. Without, it waits for 15 minutes.
        bounded wget "$@" "$url" 2>"$temp/log" && return 0
    fi
    if grep -q -i 'no space left\|cannot write\|write error' "$temp/log"; then return 4; fi
    if grep -q ' 416' "$temp/log"; then return 3; fi
    if grep -q ' 408\| 429' "$temp/log"; then return 1; fi
    if grep -q ' 4[0-9][0-9][: ]\|certificate' "$temp/log"; then return 2; fi
    return 1
}

once_copy() {
    [ -f "$1" ] || { printf '%s\n' "there is no $1" >"$temp/log" && return 2; }
    bounded cp -- "$1" "$2" 2>"$temp/log" || return 4
}

# bounded COMMAND...: it cannot write a file much longer than $most bytes, whatever the server sends.
bounded() (
    ulimit -f $((most / 512 + 64)) 2>/dev/null || true
    # shellcheck disable=SC3045 # where there is no -c, nothing is lost
    ulimit -c 0 2>/dev/null || true
    exec "$@"
)

# fetch URL FILE SIZE: FILE has SIZE bytes afterwards (at most SIZE, if it ends in "-"), or this fails and $temp/log says why.
fetch() {
    most=${3%-}
    tries=0
    total=0
    while [ "$tries" -lt 5 ] && [ "$total" -lt 200 ]; do
        before=$(size_of "$2")
        if [ "$before" -gt "$most" ] || { [ "$3" != "$most" ] && [ "$before" -gt 0 ]; }; then
            rm -f -- "$2"
            before=0
        fi
        [ "$before" -lt "$most" ] || return 0
        [ "$total" -eq 0 ] || sleep "$((tries * pause))"
        if "once_$get" "$1" "$2"; then status=0; else status=$?; fi
        after=$(size_of "$2")
        if [ "$status" -eq 0 ] && [ "$3" != "$most" ] && [ "$after" -le "$most" ]; then return 0; fi
        if [ "$after" -eq "$most" ]; then return 0; fi
        [ "$status" -ne 2 ] || return 1
        [ "$status" -ne 4 ] || fail 9 "cannot write $2: $(cat "$temp/log")" "make room there, or choose another folder with --dir"
        # The server thinks that is all, will not go on, or does not stop: begin again.
        if [ "$status" -eq 0 ] || [ "$after" -gt "$most" ]; then
            status=3
            printf '%s\n' "the server sends $after bytes or more, not $most" >"$temp/log"
        fi
        [ "$status" -ne 3 ] || rm -f -- "$2"
        if [ "$status" -eq 1 ] && [ "$after" -gt "$before" ]; then tries=1; else tries=$((tries + 1)); fi
        total=$((total + 1))
    done
    return 1
}

# checked URL FILE SIZE SUM NAME: FILE is what was published afterwards, or this fails and $temp/log says why.
checked() {
    for round in 1 2; do
        fetch "$1" "$2" "$3" || return 1
        if is_sum "$2" "$4"; then return 0; fi
        # Bytes of an older download may have been in it. Once more, from the start.
        rm -f -- "$2"
        [ "$round" -eq 2 ] || say "$5 is not what was published; trying once more"
    done
    printf '%s\n' "what $1 sends is not the file that was published" >"$temp/log"
    return 1
}

# small NAME BYTES: a small file of the release is in $temp afterwards.
small() {
    rm -f -- "$temp/$1"
    fetch "$base/$1" "$temp/$1" "$2-"
}

why() {
    tr -d '\000-\011\013-\037\177-\377' <"$temp/log" 2>/dev/null | tail -n 1
}

# --- the release

read_sums() {
    small SHA256SUMS 262144 || fail 8 "cannot get $base/SHA256SUMS: $(why)" "is there a release? name a mirror with --base-url"
    if [ -z "$public_key" ]; then
        say "this copy of install.sh knows no key: the signature is not checked"
    elif ! command -v minisign >/dev/null 2>&1; then
        say "minisign is not installed: SHA256SUMS is trusted because of where it came from, its signature is not checked"
    else
        small SHA256SUMS.minisig 4096 || fail 8 "cannot get $base/SHA256SUMS.minisig: $(why)"
        minisign -V -q -P "$public_key" -m "$temp/SHA256SUMS" -x "$temp/SHA256SUMS.minisig" >/dev/null 2>&1 ||
            fail 8 "the signature of SHA256SUMS is wrong" "somebody changed it, or a download failed; try again, and report it if it stays"
        return
    fi
    # The wget of busybox talks to anybody who claims to be the server.
    if [ "$tool" = busybox ] && grep -q 'certificate validation not implemented' "$temp/log"; then
        fail 8 "this wget does not check who it talks to" "install curl, GNU wget or minisign"
    fi
}

broken() {
    fail 8 "$base/release.txt is no list of a release: $1" "try again"
}

# read_list: every line is checked before any is used. Sets $file $size $parts $urls for what was asked for, and $list for --list.
read_list() {
    sum=$(sum_of release.txt)
    [ -n "$sum" ] || fail 8 "$base/SHA256SUMS says nothing about release.txt" "is that a release of tea?"
    small release.txt 262144 || fail 8 "cannot get $base/release.txt: $(why)"
    is_sum "$temp/release.txt" "$sum" || fail 8 "release.txt is not what was published" "a new version may be on its way: try again"
    lines=0 ended='' mine='' file='' size='' parts='' urls='' list='' offered=''
    while read -r kind rest; do
        [ -z "$ended" ] || broken "something stands behind its end"
        case "$kind $rest" in *[!\ -~]*) broken "strange characters" ;; esac
        # shellcheck disable=SC2086 # the words of a line; set -f is on
        set -- $rest
        lines=$((lines + 1))
        case $lines:$kind:$# in
        1:tea-release:1) [ "$1" = 1 ] || fail 8 "this install.sh is too old for that release" "get the newer install.sh" ;;
        1:*) broken "it does not begin like one" ;;
        2:version:1) is_name "$1" && found_version=$1 || broken "no version" ;;
        2:*) broken "no version" ;;
        *:variant:[3-9] | *:variant:[1-9][0-9]) read_variant "$@" ;;
        *:file:4) read_file "$@" ;;
        *:part:2)
            is_name "$1" && is_number "$2" || broken "line $lines"
            [ -z "$mine" ] || parts="$parts$1 $2
"
            ;;
        *:url:1)
            is_url "$1" || broken "line $lines"
            [ -z "$mine" ] || urls="$urls$1
"
            ;;
        *:end:1) [ "$1" = "$((lines - 1))" ] && ended=1 || broken "lines are missing" ;;
        *) broken "line $lines" ;;
        esac
    done <"$temp/release.txt"
    [ -n "$ended" ] || broken "its end is missing"
    [ -z "$version" ] || [ "$version" = "$found_version" ] || fail 8 "$base holds version $found_version, not $version"
    version=$found_version
}

read_variant() {
    is_name "$1" && is_number "$2" || broken "line $lines"
    name=$1 memory=$2
    shift 2
    list="$list$name $memory $*
"
}

read_file() {
    is_name "$1" && is_name "$2" && is_arch "$3" && is_number "$4" || broken "line $lines"
    mine=
    [ "$3" = "$arch" ] || return 0
    offered="$offered$2 $4
"
    [ "$2" = "$variant" ] || return 0
    [ -z "$file" ] || broken "two files for $variant"
    mine=1 file=$1 size=$4
}

show_list() {
    printf 'tea %s for %s\n\n%-24s %9s %9s  %s\n' "$version" "$arch" variant download memory 'what it is'
    while read -r name memory about; do
        [ -n "$name" ] || continue
        bytes=
        while read -r one its_size; do
            [ "$one" != "$name" ] || bytes=$its_size
        done <<END
$offered
END
        [ "$name" != tea-python-llm ] || about="$about (default)"
        if [ -n "$bytes" ]; then
            printf '%-24s %9s %9s  %s\n' "$name" "$(for_people "$bytes")" "$(for_people "$memory")" "$about"
        else
            printf '%-24s %9s %9s  %s\n' "$name" - "$(for_people "$memory")" "not in this release for $arch"
        fi
    done <<END
$list
END
}

# --- installing

# Nobody else may write into the files of this download; a lock whose owner is gone counts for nothing.
lock() {
    mkdir -p -- "$kept" || fail 9 "cannot write into $dir" "choose another folder with --dir"
    if ! mkdir -- "$kept/lock" 2>/dev/null; then
        owner=$(cat "$kept/lock/owner" 2>/dev/null) || owner=
        if is_number "$owner" && kill -0 "$owner" 2>/dev/null; then
            fail 2 "another install.sh (process $owner) is at work in $dir" "wait for it, or remove $kept"
        fi
        rm -rf -- "$kept/lock"
        mkdir -- "$kept/lock" || fail 9 "cannot write into $kept"
    fi
    locked=1
    printf '%s\n' "$$" >"$kept/lock/owner"
    # What is left of other downloads.
    for one in "$kept"/*; do
        case $one in "$kept/lock" | "$kept/$file" | "$kept/$file".part-*) ;; *) rm -rf -- "$one" ;; esac
    done
}

# There has to be room for what is missing, and for the largest part while it is appended.
check_room() {
    largest=0
    while read -r _ bytes; do
        [ "${bytes:-0}" -le "$largest" ] || largest=$bytes
    done <<END
$parts
END
    needed=$((size - $(size_of "$kept/$file") + largest))
    room=$(free_bytes "$dir") || return 0
    [ "$room" -ge "$needed" ] ||
        fail 9 "not enough room in $dir: $(for_people "$needed") needed, $(for_people "$room") free" "choose another folder with --dir"
}

# The file, published in one piece: at the release itself, or at one of the other addresses.
get_whole() {
    if [ "$get" = copy ] || [ -z "$urls$parts" ]; then urls=$base/$file; fi
    while read -r url; do
        [ -n "$url" ] || continue
        case $protocols:$url in =https:http://*) continue ;; esac
        say "downloading $file ($(for_people "$size"))"
        if checked "$url" "$kept/$file" "$size" "$file_sum" "$file"; then return 0; fi
        say "cannot get $url: $(why)"
    done <<END
$urls
END
    return 1
}

# The file, part by part. Each is appended when it is known to be right, and gone then. How long the file is says how far this came.
get_parts() {
    [ -n "$parts" ] || return 1
    if [ "$get" = copy ] && [ -f "$base/$file" ]; then return 1; fi
    end=0
    while read -r name bytes; do
        [ -n "$name" ] || continue
        start=$end
        end=$((end + bytes))
        have=$(size_of "$kept/$file")
        [ "$have" -lt "$end" ] || continue
        part_sum=$(sum_of "$name")
        [ -n "$part_sum" ] || fail 8 "SHA256SUMS says nothing about $name"
        say "downloading $name ($(for_people "$bytes"))"
        checked "$base/$name" "$kept/$name" "$bytes" "$part_sum" "$name" || { say "cannot get $base/$name: $(why)" && return 1; }
        # An append that was interrupted left some of the part.
        dd if=/dev/null of="$kept/$file" bs=1 seek="$start" 2>/dev/null || fail 9 "cannot write $kept/$file"
        cat -- "$kept/$name" >>"$kept/$file" || fail 9 "cannot write $kept/$file" "make room there, or choose another folder with --dir"
        rm -f -- "$kept/$name"
    done <<END
$parts
END
    [ "$end" -eq "$size" ] || broken "the parts are not as long as the file"
    if is_sum "$kept/$file" "$file_sum"; then return 0; fi
    rm -f -- "$kept/$file"
    printf '%s\n' "the parts do not make the file that was published" >"$temp/log"
    return 1
}

install_it() {
    target=$dir/$file
    file_sum=$(sum_of "$file")
    [ -n "$file_sum" ] || fail 8 "SHA256SUMS says nothing about $file"
    lock
    if [ -f "$target" ] && is_sum "$target" "$file_sum"; then
        say "$target is there already"
    else
        check_room
        get_parts || get_whole || fail 8 "$file could not be downloaded: $(why)" "call it again: it goes on where it stopped"
        chmod 755 -- "$kept/$file" && mv -f -- "$kept/$file" "$target" || fail 9 "cannot write $target"
    fi
    [ -x "$target" ] || chmod 755 -- "$target"
}

# $dir/tea is the version installed last, unless somebody put something else there.
link_it() {
    command=$dir/$file
    if [ -L "$dir/tea" ] || [ ! -e "$dir/tea" ]; then
        ln -s -- "$file" "$kept/tea" && mv -f -- "$kept/tea" "$dir/tea" && command=$dir/tea
    else
        say "$dir/tea is there already and stays as it is"
    fi
}

try_it() {
    if [ "$arch" != "$here" ]; then
        say "it is made for $arch and was not tried on this $here machine"
        return
    fi
    answer=$("$target" --version 2>"$temp/log") && status=0 || status=$?
    if [ "$status" -eq 0 ]; then
        say "it runs: $answer"
        return
    fi
    [ "$status" -ne 126 ] ||
        fail 9 "$target was installed, but nothing may be started from $dir" "the file system may be mounted noexec: choose another folder with --dir"
    fail 9 "$target was installed, but does not start: $(why)" "it may need another machine: $target --version"
}

tell() {
    printf '%s\n' "$dir/$file"
    for old in "$dir/$variant"-[0-9]*-"$arch".AppImage; do
        [ ! -f "$old" ] || [ "$old" = "$dir/$file" ] || say "an older one is still there: $old"
    done
    case :$PATH: in
    *":$dir:"*) [ "$command" = "$dir/tea" ] && command=tea ;;
    *) say "$dir is not in your PATH yet: export PATH=\"$dir:\$PATH\"" ;;
    esac
    say "next: $command --help"
}

finish() {
    [ -z "$locked" ] || rm -rf -- "$kept/lock"
    [ -z "$locked" ] || rmdir -- "$kept" 2>/dev/null || true
    [ -z "$temp" ] || rm -rf -- "$temp"
}

need_value() {
    [ $# -ge 2 ] || fail 2 "$1 needs a value" "sh install.sh --help"
}

choose_tools() {
    command -v sha256sum >/dev/null 2>&1 || fail 9 "there is no sha256sum" "install coreutils"
    case $base in
    /* | ./* | ../*) get=copy tool=cp && return ;;
    esac
    is_url "$base" || fail 2 "'$base' is no address" "it begins with https://, or it is a folder: /PATH or ./PATH"
    case $base in http:*) protocols='=http,https' ;; esac
    if command -v curl >/dev/null 2>&1; then
        get=curl tool=curl
    elif command -v wget >/dev/null 2>&1; then
        get=wget tool=busybox
        case $(wget --version 2>/dev/null || true) in *GNU*) tool=gnu ;; esac
    else
        fail 9 "there is neither curl nor wget" "install one of them"
    fi
}

main() {
    set -euf
    LC_ALL=C
    export LC_ALL
    bold='' plain=''
    if [ -t 2 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
    variant=tea-python-llm version='' dir='' base='' action=install temp='' locked='' protocols='=https' pause=${TEA_INSTALL_PAUSE:-2}
    is_number "$pause" || pause=2
    case $(uname -m) in
    x86_64 | amd64) here=x86_64 ;;
    aarch64 | arm64) here=aarch64 ;;
    *) here=$(uname -m) ;;
    esac
    arch=$here
    while [ $# -gt 0 ]; do
        case $1 in
        --list) action=list ;;
        --dry-run) action=plan ;;
        --variant) need_value "$@" && variant=$2 && shift ;;
        --version) need_value "$@" && version=${2#v} && shift ;;
        --dir) need_value "$@" && dir=$2 && shift ;;
        --arch) need_value "$@" && arch=$2 && shift ;;
        --base-url) need_value "$@" && base=${2%/} && shift ;;
        --help | -h) usage && exit 0 ;;
        *) fail 2 "there is no option '$1'" "sh install.sh --help" ;;
        esac
        shift
    done
    is_name "$variant" || fail 2 "'$variant' is no name of a variant" "sh install.sh --list"
    [ -z "$version" ] || is_name "$version" || fail 2 "'$version' is no version"
    [ "$(uname -s)" = Linux ] || fail 9 "tea runs on Linux, and this is $(uname -s)"
    is_arch "$arch" || fail 9 "there is no tea for $arch" "there is one for x86_64 and one for aarch64"
    if [ -z "$dir" ]; then
        if [ "$(id -u)" -eq 0 ]; then dir=/usr/local/bin; else dir=${HOME:+$HOME/.local/bin}; fi
        [ -n "$dir" ] || fail 2 "HOME is not set" "say where to put it: --dir FOLDER"
    fi
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    if [ -z "$base" ]; then
        [ -n "$releases" ] || fail 2 "this copy of install.sh belongs to no release" "say where the files are: --base-url PLACE"
        version=${version:-$released}
        base=$releases/download/v$version
    fi
    choose_tools
    trap finish EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    temp=$(mktemp -d) || fail 9 "cannot write into ${TMPDIR:-/tmp}"
    kept=$dir/.tea-install
    read_sums
    read_list
    if [ "$action" = list ]; then
        show_list
        return
    fi
    [ -n "$file" ] || fail 2 "this release has no $variant for $arch" "see what it has: sh install.sh --list"
    if [ "$action" = plan ]; then
        printf '%s\n' "would download $file, $(for_people "$size"), from $base" "would put it into $dir"
        return
    fi
    set +f
    install_it
    link_it
    try_it
    tell
}

main "$@" </dev/null
