#!/usr/bin/env bash
# Every libc function that real programs import and that is about descriptors, address ranges, signals or children is either interposed or
# named in passed_on.txt with the reason why not. imports_test.sh LIBRARY
set -euo pipefail
library=$1
list=$(dirname "$0")/passed_on.txt
libc=$(ldd "$library" | awk '/libc.so.6/ {print $3}')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

programs=()
for name in git gdb cmake bash tar cc qemu-system-x86_64 cloud-hypervisor crosvm; do
    found=$(command -v "$name" || true)
    [ -z "$found" ] || programs+=("$(readlink -f "$found")")
done
if command -v python3 >/dev/null; then
    while IFS= read -r file; do programs+=("$file"); done < <(python3 -c 'import glob, sys, sysconfig
print(sys.executable)
print("\n".join(glob.glob(sysconfig.get_config_var("LIBDIR") + "/libpython3*.so*") + glob.glob(sysconfig.get_path("platstdlib") + "/lib-dynload/*.so")))')
fi
if command -v rustc >/dev/null; then
    echo 'use std::io::Read; fn main() { let mut s = String::new(); std::fs::File::open("/etc/hostname").unwrap().read_to_string(&mut s).unwrap();
          let (a, _b) = std::os::unix::net::UnixStream::pair().unwrap(); a.set_nonblocking(true).unwrap();
          std::thread::spawn(move || std::process::Command::new("true").status()).join().unwrap().unwrap(); }' >"$scratch/rust.rs"
    (cd "$scratch" && rustc -o rust rust.rs 2>/dev/null) && programs+=("$scratch/rust")
fi

concern='open|close|dup|fcntl|ioctl|read|write|writ|send|recv|mmap|munmap|mremap|mprotect|madv|mlock|msync|mincore|mbind|mempolicy|sig|poll|select|epoll|stat|sync|truncate|allocate|lseek|lock|pipe|splice|tee$|sock|accept|bind|connect|listen|fork|clone|spawn|exec|prctl|syscall|seccomp|process_vm|fch|xattr|link|memfd|eventfd|timerfd|inotify|fd$'
others='^(copysign|pthread_(mutex|cond|attr_(init|destroy|get|setst|setsc)|key|once|rwlock|barrier|spin|detach|exit|getattr|getcpu|getspecific|setspecific|join|kill|self|setcancel|setname)|sem_|__pthread_key|__cxa|__libc_single|clock|iconv|bind_?textdomain|closelog|openlog|dlopen|dlclose|regexec|strdup|strndup|wcsdup)'
nm -D --defined-only "$libc" | awk '{print $3}' | sed 's/@.*//' | sort -u >"$scratch/libc"
for program in "${programs[@]}"; do nm -D --undefined-only "$program" 2>/dev/null | awk '{print $2}' | sed 's/@.*//' || true; done | sort -u >"$scratch/imported"
nm -D --defined-only "$library" | awk '{print $3}' | sort -u >"$scratch/interposed"
grep -v '^#' "$list" | sed 's/ |.*//' | tr ' ' '\n' | grep . | sort -u >"$scratch/passed_on"

comm -12 "$scratch/imported" "$scratch/libc" | grep -E "$concern" | grep -vE "$others" | comm -23 - "$scratch/interposed" | comm -23 - "$scratch/passed_on" >"$scratch/missing" || true
if [ -s "$scratch/missing" ]; then
    echo "imported by real programs, neither interposed nor explained in passed_on.txt: $(tr '\n' ' ' <"$scratch/missing")" >&2
    exit 1
fi
echo "${#programs[@]} files import $(comm -12 "$scratch/imported" "$scratch/interposed" | wc -l) interposed names; every other one is explained"
