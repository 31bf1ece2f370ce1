#!/usr/bin/env bash
# QEMU, unmodified, under gmem: an ordinary VM, an SNP guest and a TD, with firmware alone and with a kernel. docs/qemu.md.
# Usage: run-qemu.sh [--root=FOLDER] [--build=FOLDER] [--logs=FOLDER] [CASE...]
# CASE: ordinary, snp, snp-kernel, snp-vcpus, snp-devices, tdx, tdx-kernel, tdx-vcpus; all of them when none is given. FOLDER of --root is what setup-qemu.sh made.
# Exit status: 0 when each case is as it should be, 1 when one is not, 77 when this machine cannot run them.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=${XDG_CACHE_HOME:-$HOME/.cache}/gmem/qemu
build=$PWD/build
logs=
cases=()
for word in "$@"; do
    case $word in
    --root=*) root=$(realpath -m "${word#*=}") ;;
    --build=*) build=$(realpath -m "${word#*=}") ;;
    --logs=*) logs=$(realpath -m "${word#*=}") ;;
    ordinary | snp | snp-kernel | snp-vcpus | snp-devices | tdx | tdx-kernel | tdx-vcpus) cases+=("$word") ;;
    *) echo "run-qemu.sh: $word is not known" >&2; exit 2 ;;
    esac
done
[ ${#cases[@]} -gt 0 ] || cases=(ordinary snp snp-kernel snp-vcpus snp-devices tdx tdx-kernel tdx-vcpus)

cannot() { echo "run-qemu.sh: $1" >&2; exit 77; }
[ "$(id -u)" = 0 ] || cannot "chroot needs root"
[ -e "$root/.gmem-qemu" ] || cannot "$root has no QEMU: run scripts/real-vmms/setup-qemu.sh first"
[ -w /dev/kvm ] || cannot "there is no /dev/kvm here"
[ -x "$build/bin/gmem" ] || cannot "$build has no gmem: run ./demo.sh first, or give --build=FOLDER"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
logs=${logs:-$work/logs}
mkdir -p "$logs" "$work/lib"
# gmem itself, not what it runs, may need a library that the newer suite has in another version.
ldd "$build/bin/gmem" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | while read -r library; do
    [ -e "$root/usr/lib/x86_64-linux-gnu/${library##*/}" ] || [ -e "$root/lib/x86_64-linux-gnu/${library##*/}" ] || cp -L "$library" "$work/lib/"
done
gcc -c -o "$work/kernel.o" scripts/real-vmms/kernel.S
ld -Ttext 0 --oformat binary -o "$work/kernel" "$work/kernel.o"
firmware=$root/usr/share/ovmf/OVMF.fd

# QEMU in the other Debian, at most a minute; this shell becomes it. In namespaces of its own: what is mounted and whatever runs goes with it.
qemu() { # OPTIONS OF gmem run, or "native"; --; WORDS OF QEMU
    local options=()
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    local under=(env LD_LIBRARY_PATH=/mnt/work/lib /mnt/gmem/bin/gmem run "${options[@]}" -- env -u LD_LIBRARY_PATH)
    [ "${options[0]}" != native ] || under=()
    exec unshare --mount --propagation private --pid --fork --kill-child bash -ec 'root=$1; gmem=$2; work=$3; shift 3
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs -o mode=755 tmpfs "$root/mnt"
        mkdir "$root/mnt/gmem" "$root/mnt/work"
        mount --bind "$gmem" "$root/mnt/gmem"
        mount --bind "$work" "$root/mnt/work"
        exec timeout -k 5 60 chroot "$root" "$@"' inside "$root" "$build" "$work" "${under[@]}" qemu-system-x86_64 -accel kvm -nodefaults -display none -no-reboot "$@"
}

wrong=0
problem() { echo "WRONG   $1: $2"; wrong=1; }
fine() { echo "ok      $1: $2"; }

# The same line on the serial port and the same exit status, without gmem and under it.
ordinary() {
    local mode status expected
    local words=(-m 64 -cpu qemu64 -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel /mnt/work/kernel)
    for mode in native --in-place=on --in-place=off; do
        status=0
        (qemu "$mode" -- "${words[@]}") >"$work/serial" 2>"$logs/ordinary$mode.log" || status=$?
        echo "exit status $status" >>"$work/serial"
        cat "$work/serial" >>"$logs/ordinary$mode.log"
        if [ "$mode" = native ]; then
            expected=$(cat "$work/serial")
            if ! grep -q "the kernel was booted" "$work/serial"; then
                problem ordinary "QEMU alone does not boot the kernel: $(tail -1 "$logs/ordinary$mode.log")"
                return
            fi
        elif [ "$(cat "$work/serial")" = "$expected" ]; then
            fine ordinary "under gmem $mode as without: $(tr '\n' ',' <"$work/serial")"
        else
            problem ordinary "under gmem $mode it says $(tr '\n' ',' <"$work/serial")"
        fi
    done
}

# A launch that must end with the digest of the firmware, and a guest that runs to where it needs the hardware.
confidential() { # CASE PLATFORM VCPUS WORDS OF QEMU...
    local name=$1 platform=$2 vcpus=$3 log=$logs/$1.log expected said stopped launched
    shift 3
    mkdir -p "$work/$name"
    : >"$log"
    python3 scripts/real-vmms/expected-digest.py "$platform" "$firmware" --vcpus="$vcpus" --words="$work/$name" >"$work/$name/expected"
    expected=$(cat "$work/$name/expected")
    said=$(xargs -a "$work/$name/words" "$build/bin/gmem" measure "$platform")
    [ "$said" = "${expected% *}" ] || problem "$name" "gmem measure says $said of the firmware, expected-digest.py $expected"
    (qemu --in-place=off --processor="$platform" --measurement="/mnt/work/$name/measured" -- -m 512 -smp "$vcpus" -bios /usr/share/ovmf/OVMF.fd "$@") >"$log" 2>&1 &
    local running=$!
    # QEMU keeps a guest that KVM could not go on with: it has been said, and nothing more will happen.
    while kill -0 "$running" 2>/dev/null && ! grep -q 'vCPU [0-9]* stopped' "$log"; do sleep 0.2; done
    sleep 1
    kill -KILL "$running" 2>/dev/null || true # unshare lets nothing less through; its child goes with it
    wait "$running" 2>/dev/null || true
    launched=$(cat "$work/$name/measured" 2>/dev/null || true)
    stopped=$(grep -m1 -o 'vCPU [0-9]* stopped.*' "$log" || true)
    printf 'launched: %s\nexpected: %s %s\n' "$launched" "$platform" "$expected" >>"$log"
    if [ -z "$launched" ]; then
        problem "$name" "the launch did not end: $(grep -v 'warning:' "$log" | grep -m1 qemu-system || tail -1 "$log")"
    elif [ "$launched" != "$platform $expected" ]; then
        problem "$name" "launched $launched, and $platform $expected was expected"
    elif [ -z "$stopped" ]; then
        problem "$name" "the guest neither ended nor stopped within a minute"
    else
        fine "$name" "${expected#* } pages, digest as computed twice: $(cut -c1-16 <<<"$expected")...; $stopped"
    fi
}

sev=(-cpu EPYC-v4 -object sev-snp-guest,id=sev0,policy=0x30000,cbitpos=51,reduced-phys-bits=1)
snp() {
    local name=$1 vcpus=$2
    shift 2
    confidential "$name" snp "$vcpus" "${sev[@]}" -machine q35,confidential-guest-support=sev0,memory-backend=ram -object memory-backend-memfd,id=ram,size=512M,share=true "$@"
}
# Two nodes with a memory back end each, a disk, a network card, a kernel.
snp_devices() {
    truncate -s 16M "$work/disk"
    confidential snp-devices snp 8 "${sev[@]}" -machine q35,confidential-guest-support=sev0 \
        -object memory-backend-memfd,id=ram0,size=256M,share=true -object memory-backend-memfd,id=ram1,size=256M,share=true \
        -numa node,nodeid=0,memdev=ram0,cpus=0-3 -numa node,nodeid=1,memdev=ram1,cpus=4-7 \
        -drive file=/mnt/work/disk,if=none,id=disk0,format=raw -device virtio-scsi-pci,id=scsi0,disable-legacy=on,iommu_platform=true -device scsi-hd,drive=disk0 \
        -netdev user,id=net0 -device virtio-net-pci,netdev=net0,romfile= -kernel /mnt/work/kernel -append "console=ttyS0"
}
tdx() {
    local name=$1 vcpus=$2
    shift 2
    confidential "$name" tdx "$vcpus" -cpu host -machine q35,kernel-irqchip=split,confidential-guest-support=tdx0,memory-backend=ram -object memory-backend-memfd,id=ram,size=512M,share=true \
        -object tdx-guest,id=tdx0 "$@"
}

echo "$(tail -1 "$root/.gmem-qemu"), $(uname -r)"
for case in "${cases[@]}"; do
    case $case in
    ordinary) ordinary ;;
    snp) snp snp 1 ;;
    snp-kernel) snp snp-kernel 1 -kernel /mnt/work/kernel -append "a command line" ;;
    snp-vcpus) snp snp-vcpus 3 ;;
    snp-devices) snp_devices ;;
    tdx) tdx tdx 1 ;;
    tdx-kernel) tdx tdx-kernel 1 -kernel /mnt/work/kernel -append "a command line" ;;
    tdx-vcpus) tdx tdx-vcpus 3 ;;
    esac
done
exit "$wrong"
