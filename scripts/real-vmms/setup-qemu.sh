#!/usr/bin/env bash
# A small Debian of a newer suite with QEMU and its firmware, in a folder of its own. docs/qemu.md.
# Usage: setup-qemu.sh [--suite=trixie|forky|sid] [FOLDER]
# FOLDER is ${XDG_CACHE_HOME:-$HOME/.cache}/gmem/qemu when not given. trixie takes QEMU from its backports. A second run finds what is there.
set -euo pipefail

fail() { echo "setup-qemu.sh: $1" >&2; exit 1; }

suite=trixie
folder=
for word in "$@"; do
    case $word in
    --suite=*) suite=${word#*=} ;;
    -*) fail "$word is not known: [--suite=trixie|forky|sid] [FOLDER]" ;;
    *) folder=$word ;;
    esac
done
folder=${folder:-${XDG_CACHE_HOME:-$HOME/.cache}/gmem/qemu}
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
case $suite in
trixie) from=trixie-backports ;;
forky | sid) from=$suite ;;
*) fail "$suite is no suite that has QEMU 11.1: trixie (with its backports), forky or sid" ;;
esac

told() { echo "== $1 in $folder: $(du -sh --one-file-system "$folder" | cut -f1)"; }
if [ -e "$folder/.gmem-qemu" ] && [ "$(head -1 "$folder/.gmem-qemu")" = "$suite" ]; then
    told "$(tail -1 "$folder/.gmem-qemu"), as before,"
    exit 0
fi
[ ! -e "$folder" ] || fail "$folder is there and is not mine: give another folder, or remove it"
[ "$(id -u)" = 0 ] || fail "debootstrap and chroot need root"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
command -v unshare >/dev/null || fail "unshare is missing: apt-get install util-linux"
[ -e "/usr/share/debootstrap/scripts/$suite" ] || fail "this debootstrap does not know $suite: a newer one is needed"
mkdir -p "$(dirname "$folder")"
free=$(df --output=avail -k "$(dirname "$folder")" | tail -1)
[ "$free" -ge $((2 << 20)) ] || fail "2 GiB of disk are needed while it is made (then 0.4), and $(dirname "$folder") has $((free >> 10)) MiB"

# The mirror that apt is configured for, and that has the suite; its proxy.
work=$(mktemp -d)
new=$folder.new
trap 'rm -rf --one-file-system "$work" "$new"' EXIT
rm -rf --one-file-system "$new"
mirror=
for uri in $(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | sort -u); do
    if /usr/lib/apt/apt-helper download-file "${uri%/}/dists/$suite/InRelease" "$work/InRelease" >/dev/null 2>&1; then
        mirror=${uri%/}
        break
    fi
done
[ -n "$mirror" ] || fail "no mirror that apt is configured for has $suite, or none answers"
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [ -n "$proxy" ]; then export http_proxy=$proxy; fi

step() {
    echo "== $1"
    shift
    "$@" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; fail "that failed"; }
}
# In a mount namespace: whatever is mounted goes when the command ends.
inside() {
    unshare --mount --propagation private bash -ec 'root=$1; shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        DEBIAN_FRONTEND=noninteractive exec chroot "$root" "$@"' inside "$new" "$@"
}

step "debootstrap of $suite from $mirror" unshare --mount --propagation private debootstrap --variant=minbase "$suite" "$new" "$mirror"
[ "$from" = "$suite" ] || echo "deb $mirror $from main" >"$new/etc/apt/sources.list.d/qemu.list"
[ -z "$proxy" ] || echo "Acquire::http::Proxy \"$proxy\";" >"$new/etc/apt/apt.conf.d/proxy"
printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$new/etc/dpkg/dpkg.cfg.d/small"
cp -L /etc/resolv.conf "$new/etc/resolv.conf"
packages=(qemu-system-x86 ovmf seabios libssl3t64) # libssl3t64: gmem's cryptography
step "its list of packages" inside apt-get update -q
for extra in ovmf-amdsev ovmf-inteltdx; do # newer suites have these firmwares apart
    ! inside apt-cache show "$extra" >/dev/null 2>&1 || packages+=("$extra")
done
step "${packages[*]} from $from" inside apt-get install -y -q --no-install-recommends -t "$from" "${packages[@]}"
inside apt-get clean
rm -rf "$new"/var/lib/apt/lists/* "$new"/usr/share/doc/* "$new"/usr/share/man/* "$new"/usr/share/locale/*

version=$(inside qemu-system-x86_64 --version | sed -n '1s/.*version //p')
firmware=$(inside dpkg-query -W -f '${Version}' ovmf)
printf '%s\n%s\n' "$suite" "QEMU $version with OVMF $firmware" >"$new/.gmem-qemu"
mv "$new" "$folder"
told "$(tail -1 "$folder/.gmem-qemu"),"
