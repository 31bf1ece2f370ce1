#!/usr/bin/env python3
"""under_profile.py PROFILE PROGRAM ARGUMENTS...: runs PROGRAM under a container runtime's seccomp profile, as that would: allowed by default, errno for the names listed."""
import ctypes
import json
import os
import struct
import sys

NUMBERS = {  # of x86-64
    "userfaultfd": 323, "bpf": 321, "perf_event_open": 298, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "mount": 165, "unshare": 272, "ptrace": 101,
    "keyctl": 250, "add_key": 248, "request_key": 249, "kexec_load": 246, "open_by_handle_at": 304,
}
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
ARCHITECTURE = 0xC000003E
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2


def program_of(profile):
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    code = [(LOAD, 0, 0, 4), (JUMP_EQUAL, 1, 0, ARCHITECTURE), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    for rule in profile["syscalls"]:
        assert rule["action"] == "SCMP_ACT_ERRNO"
        for name in rule["names"]:
            code += [(JUMP_EQUAL, 0, 1, NUMBERS[name]), (RETURN, 0, 0, ERRNO | rule["errnoRet"])]
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *c) for c in code), len(code)


def main():
    with open(sys.argv[1]) as f:
        code, length = program_of(json.load(f))
    memory = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", length, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    filter_ = ctypes.create_string_buffer(header)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.addressof(filter_), 0, 0) != 0:
        print("skipped: no seccomp filter may be set here:", os.strerror(ctypes.get_errno()))
        sys.exit(77)
    os.execv(sys.argv[2], sys.argv[2:])


main()
