#!/usr/bin/env python3
"""gmem top on a terminal of its own: what it shows, and that the terminal is its owner's again on every way out."""
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, tempfile, termios, time

gmem, vmm = sys.argv[1:3]
ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


def read_until(fd, wanted, seconds=30.0):
    out, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if wanted in out:
            return out
        if select.select([fd], [], [], 0.2)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                break
    assert wanted in out, (wanted, out)
    return out


def start(program, columns=120, *more):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    before = termios.tcgetattr(slave)
    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    top = subprocess.Popen([gmem, "top", "--pid", str(program), "--interval", "100", *more], stdin=slave, stdout=slave, preexec_fn=own_terminal)
    return top, master, slave, before


def given_back(top, master, slave, before, status):
    out = read_until(master, LEAVE)
    got = top.wait(timeout=30)
    assert got == status, (got, status)
    assert termios.tcgetattr(slave) == before, "the terminal's modes are not what they were"
    os.close(master), os.close(slave)
    return out


def child_of(process):
    for _ in range(300):
        found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout.split()
        if found:
            return int(found[0])
        time.sleep(0.1)
    raise SystemExit("no program")


session = subprocess.Popen([gmem, "run", "--vcpu=scripted", "--", vmm, "big"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert session.stdout.readline() == b"ready\n"
program = child_of(session.pid)

# A frame, a key that means nothing, another size, q.
top, master, slave, before = start(program)
out = read_until(master, b"1 GiB [")
assert ENTER in out and re.search(rb"gmem top: .*big", out)
assert not termios.tcgetattr(slave)[3] & (termios.ECHO | termios.ICANON)
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
os.kill(top.pid, signal.SIGWINCH)
read_until(master, b"\x1b[J\x1b[H")
os.write(master, b"x")
out = read_until(master, b"\x1b[J\x1b[Hgmem")
frame = out.rsplit(b"\x1b[H", 2)[1]
assert all(len(re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", line).strip(b"\r")) <= 40 for line in frame.split(b"\r\n")), frame
os.write(master, b"q")
given_back(top, master, slave, before, 0)

# Every signal that ends it: the terminal comes back first, and the end is that signal's.
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    top, master, slave, before = start(program)
    read_until(master, b"1 GiB [")
    os.kill(top.pid, s)
    given_back(top, master, slave, before, -s)

# Stopped and continued: the terminal is the shell's meanwhile.
top, master, slave, before = start(program)
read_until(master, b"1 GiB [")
os.kill(top.pid, signal.SIGTSTP)
read_until(master, LEAVE)
for _ in range(300):
    if open(f"/proc/{top.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T":
        break
    time.sleep(0.05)
assert termios.tcgetattr(slave) == before
os.kill(top.pid, signal.SIGCONT)
read_until(master, ENTER)
os.write(master, b"q")
given_back(top, master, slave, before, 0)

# The session ends: so does top.
top, master, slave, before = start(program)
read_until(master, b"1 GiB [")
session.stdin.close()
assert session.wait(timeout=30) == 0
given_back(top, master, slave, before, 0)

# Conversions that fail, and one that is under way: delayed ones take long enough to be seen.
session = subprocess.Popen([gmem, "run", "--vcpu=scripted", "--inject", "eagain:every=2", "--inject", "delay:ms=150", "--", vmm, "convert", "40"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
top, master, slave, before = start(child_of(session.pid), 200)
out = read_until(master, b"conversions that failed")
out += read_until(master, b"EAGAIN at 0x")
out += read_until(master, b"converting to ")
assert re.search(rb"to private of \d+ 0x[0-9a-f]+\+0x4000 in thread \d+: EAGAIN at 0x", out), out
os.write(master, b"q")
given_back(top, master, slave, before, 0)
session.kill()
session.wait()
print("top: all as expected")
