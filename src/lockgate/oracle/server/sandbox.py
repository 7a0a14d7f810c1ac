"""What a server of ours is kept from, by whatever this kernel offers to a process without privileges.

SQL of a stranger runs inside the server. Should it ever become superuser, this is what it meets: a file system that
ends at its own directory (Landlock, else a mount namespace), no network (a seccomp filter, else a network namespace),
no program to start, and a limit on memory. Each is taken where it is there, and the server's description says which
held (``HELD``); none is needed to run.

Only the standard library is imported here: the supervisor loads this without the rest of Lockgate.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence

HELD = ("user", "files", "programs", "network", "memory")  # all that ``server.isolation`` of a report may name

_DATA_LIMIT = (
    512 << 20
)  # bytes of memory of its own that a backend may hold; two of ours and shared buffers: below 1 GB
_SPACE_LIMIT = 2 << 30  # bytes of addresses: shared memory counts, too, and libraries (postgres with ICU maps 0.3 GB)
_PROCESSES = 64  # of a uid that is the server's alone; it has 20 connections and 10 processes of its own

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38  # linux/prctl.h
_EPERM, _EAFNOSUPPORT = 1, 97


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    """A system call that libc has no name for; its result, or minus one."""
    call = _libc().syscall
    call.restype = ctypes.c_long
    return int(call(ctypes.c_long(number), *arguments))


def _prctl(option: int, *arguments: object) -> bool:
    padded = [*arguments, 0, 0, 0, 0][:4]
    values = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in padded]
    return bool(_libc().prctl(ctypes.c_int(option), *values) == 0)


def conceal() -> None:
    """Hide this process from others of its user (/proc/PID/environ, mem, ptrace): its environment may hold a key, and
    an ordinary user's server has the same uid."""
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)


def bare() -> dict[str, str]:
    """The environment of a process that shares the server's uid: what an interpreter's own libraries may need."""
    wanted = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def limit(size: int, alone: bool) -> list[str]:
    """Limits on one file, on memory and, for a uid that is the server's alone, on processes. For an ordinary user
    the kernel counts all that runs as him, so there the limit would hit his other programs' children, and ours by
    theirs."""
    wishes = [(resource.RLIMIT_FSIZE, size), (resource.RLIMIT_CORE, 0)]
    memory = sys.platform == "linux"  # elsewhere RLIMIT_DATA is not what malloc counts against
    if memory:
        wishes += [(resource.RLIMIT_DATA, _DATA_LIMIT), (resource.RLIMIT_AS, _SPACE_LIMIT)]
    if alone:
        wishes.append((resource.RLIMIT_NPROC, _PROCESSES))
    for kind, most in wishes:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    return ["memory"] if memory else []


# --- files: Landlock (linux/landlock.h), the same numbers on every architecture ---

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 9
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_RIGHTS_OF = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights on files a version knows; from 5 on 16
_OWN = _WRITE_FILE | _READ_FILE | _READ_DIR | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK
_OWN |= _REFER | _TRUNCATE  # neither execute nor symbolic links, devices or pipes

_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store")
# what PostgreSQL and glibc read beside libraries: time zones, locales, ICU, dictionaries that Debian converts
_SHARED = ("/usr/share", "/var/cache/postgresql/dicts")
_SINGLE = ("/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/dev/urandom")


def landlock(home: str, postgres: str) -> list[str]:
    """Leave this process its server's directory, the files that postgres is made of, and no more: no /proc, no home,
    no project, no program but postgres."""
    version = _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        return []
    handled = (1 << _RIGHTS_OF.get(version, 16)) - 1
    # bind and connect of TCP (version 4); abstract sockets and signals to processes outside (version 6)
    wish = struct.pack("=QQQ", handled, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _call(_CREATE_RULESET, wish, ctypes.c_size_t(size), ctypes.c_uint(0))
    if rules < 0:
        return []
    for path, rights in _rules(home, postgres):
        _allow(rules, path, rights & handled)
    held = _prctl(_PR_SET_NO_NEW_PRIVS, 1) and _call(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint(0)) == 0
    os.close(rules)
    return ["files", "programs"] if held else []


def _rules(home: str, postgres: str) -> Iterator[tuple[str, int]]:
    yield home, _OWN
    for path in readable(postgres):
        yield path, _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE
    yield os.devnull, _READ_FILE | _WRITE_FILE
    for path in (postgres, interpreter(postgres)):
        yield path, _EXECUTE | _READ_FILE


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this machine
        return
    _call(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(1), struct.pack("=Qi", rights, place), ctypes.c_uint(0))
    os.close(place)


def readable(postgres: str) -> list[str]:
    """Folders and files that a server may read: its installation and the system's libraries and data."""
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(postgres)))
    package = os.path.dirname(prefix)
    own = [os.path.join(prefix, name) for name in ("bin", "lib", "lib64", "share")] + [package + ".libs"]
    return [path for path in (*own, *_LIBRARIES, *_configured(), *_SHARED, *_SINGLE) if os.path.exists(path)]


def _configured() -> Iterator[str]:
    """Where else the loader looks for libraries (man 8 ldconfig)."""
    folder = "/etc/ld.so.conf.d"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    for name in ("/etc/ld.so.conf", *(os.path.join(folder, name) for name in names)):
        with contextlib.suppress(OSError), open(name, encoding="utf-8", errors="replace") as file:
            yield from (line.strip() for line in file if line.startswith("/") and line.strip() != "/")


def interpreter(program: str) -> str:
    """The loader that an ELF program names (PT_INTERP, man 5 elf); empty where it names none."""
    with contextlib.suppress(OSError, struct.error), open(program, "rb") as file:
        ident = file.read(16)
        wide = ident[4:5] == b"\2"
        head = struct.unpack("=HHIQQQIHHH" if wide else "=HHIIIIIHHH", file.read(42 if wide else 30))
        for number in range(head[9]):
            file.seek(head[4] + number * head[8])
            entry = struct.unpack("=IIQQQQ" if wide else "=IIIII", file.read(40 if wide else 20))
            kind, offset, size = entry[0], entry[2 if wide else 1], entry[5 if wide else 4]
            if kind == 3:
                file.seek(offset)
                return file.read(size).rstrip(b"\0").decode()
    return ""


# --- network and programs: a seccomp filter (linux/seccomp.h, linux/filter.h, asm/unistd.h) ---

_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
# the same numbers everywhere since Linux 5.1: io_uring (it connects by another door), mounting, other processes
_COMMON = (425, 428, 429, 430, 431, 432, 434, 438, 440, 442)
_X86_64 = (
    *(42, 46, 307),  # connect sendmsg sendmmsg
    *(322, 101, 310, 311, 312),  # execveat ptrace process_vm_readv process_vm_writev kcmp
    *(161, 155, 165, 166, 272, 308, 304),  # chroot pivot_root mount umount2 unshare setns open_by_handle_at
    *(248, 249, 250, 321, 298, 323),  # keys, bpf perf_event_open userfaultfd
    *(175, 313, 246, 320),  # modules, kexec
)
_AARCH64 = (
    *(203, 211, 269),
    *(281, 117, 270, 271, 272),
    *(51, 41, 40, 39, 97, 268, 265),
    *(217, 218, 219, 280, 241, 282),
    *(105, 273, 104, 294),
)
# an architecture's name in a filter, the calls whose arguments count, the calls that are refused
_ARCHITECTURES: dict[str, tuple[int, dict[str, int], tuple[int, ...]]] = {
    "x86_64": (0xC000003E, {"socket": 41, "sendto": 44, "execve": 59}, _X86_64),
    "aarch64": (0xC00000B7, {"socket": 198, "sendto": 206, "execve": 221}, _AARCH64),
}


def seccomp(program: int) -> list[str]:
    """Refuse connections, every socket but unix ones, and every program but the one whose name lies at the address
    ``program``: the one that this process is about to become."""
    known = _ARCHITECTURES.get(os.uname().machine) if sys.maxsize > 1 << 32 else None
    if known is None or not _prctl(_PR_SET_NO_NEW_PRIVS, 1):
        return []
    return ["programs", "network"] if install(server_filter(known, program)) else []


def install(steps: Sequence[bytes]) -> bool:
    """Put a filter in force; whether the kernel took it."""
    code = ctypes.create_string_buffer(b"".join(steps))
    wish = struct.pack("=HxxxxxxQ", len(steps), ctypes.addressof(code))
    return _prctl(_PR_SET_SECCOMP, 2, ctypes.c_char_p(wish))


def server_filter(known: tuple[int, dict[str, int], tuple[int, ...]], program: int) -> list[bytes]:
    """The filter's instructions. ``seccomp_data`` holds the call's number at 0, the architecture at 4, arguments from 16
    on, eight bytes each."""
    architecture, asked, refused = known
    low, high = program & 0xFFFFFFFF, program >> 32
    steps = [_step(_LOAD, 4), _step(_EQUAL, architecture, 1, 0), _refuse(), _step(_LOAD, 0)]
    steps += [_step(_AT_LEAST, 0x40000000, 0, 1), _refuse()]  # x32, the other table of x86_64
    for number in (*refused, *_COMMON):
        steps += [_step(_EQUAL, number, 0, 1), _refuse()]
    steps += _only(asked["socket"], ((16, 1),), _EAFNOSUPPORT)  # AF_UNIX
    steps += _only(asked["sendto"], ((48, 0), (52, 0)), _EPERM)  # send(): no address
    steps += _only(asked["execve"], ((16, low), (20, high)), _EPERM)
    return [*steps, _step(_RETURN, _ALLOW)]


def _only(number: int, words: Iterable[tuple[int, int]], error: int) -> list[bytes]:
    """A call that is allowed with these words in its arguments alone. The loaded number is lost on the way, so it
    ends here."""
    checks: list[bytes] = [_step(_RETURN, _ALLOW), _refuse(error)]
    for offset, value in reversed(list(words)):
        checks = [_step(_LOAD, offset), _step(_EQUAL, value, 0, len(checks) - 1), *checks]
    return [_step(_EQUAL, number, 0, len(checks)), *checks]


def _refuse(error: int = _EPERM) -> bytes:
    return _step(_RETURN, _ERROR | error)


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


# --- what older kernels have: namespaces of an ordinary user (man 7 user_namespaces, mount_namespaces) ---

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18  # MS_* of linux/mount.h
_LOCKED = 2 | 4 | 8 | 1024 | 2048  # nosuid nodev noexec noatime nodiratime: a remount must not drop them
_DETACH = 2


def namespaces(home: str, postgres: str) -> list[str]:
    """No network, and a root directory that shows what the server may read. Tried in a child first: a user namespace
    that cannot be finished cannot be left."""
    trial = os.fork()
    if trial == 0:
        done = 1
        with contextlib.suppress(OSError):
            _enter(home, postgres)
            done = 0
        os._exit(done)
    if os.waitpid(trial, 0)[1] != 0:
        return []
    _enter(home, postgres)
    return ["files", "programs", "network"]  # no shell is in view, and whatever starts a program starts a shell


def _enter(home: str, postgres: str) -> None:
    uid, gid = os.geteuid(), os.getegid()
    root = os.path.join(home, "root")
    os.makedirs(root, exist_ok=True)
    shown = [*readable(postgres), os.devnull, home]
    if loader := interpreter(postgres):
        shown.append(loader)
    _prctl(_PR_SET_DUMPABLE, 1)  # else /proc/self/uid_map is root's: whoever was root a moment ago is hidden
    _check(_libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWNET))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    _mount("none", root, "tmpfs", 0)
    for path in shown:
        _show(path, root + path, writable=path in (home, os.devnull))
    os.chdir(root)
    _check(_libc().pivot_root(b".", b"."))
    _check(_libc().umount2(b".", _DETACH))
    os.chdir("/")


def _show(path: str, at: str, writable: bool) -> None:
    if os.path.isdir(path):
        os.makedirs(at, exist_ok=True)
    elif os.path.exists(at):  # in a folder that is shown
        return
    else:
        os.makedirs(os.path.dirname(at), exist_ok=True)
        os.close(os.open(at, os.O_WRONLY | os.O_CREAT, 0o600))
    _mount(path, at, None, _BIND)
    if not writable:
        _mount(None, at, None, _BIND | _REMOUNT | _READ_ONLY | os.statvfs(at).f_flag & _LOCKED)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    parts = [None if part is None else os.fsencode(part) for part in (source, target, kind)]
    _check(_libc().mount(*parts, ctypes.c_ulong(flags), None))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


# --- all of it ---


def become(argv: Sequence[str], env: dict[str, str], home: str, narrow: bool, report: int) -> None:
    """Turn this process into postgres, shut in as far as the kernel allows; the names of what held go to the
    descriptor ``report``. ``narrow`` False: only what cannot be in the way of an unusual installation."""
    name = ctypes.create_string_buffer(os.fsencode(argv[0]))
    held: list[str] = []
    if sys.platform == "linux" and narrow:
        if not (_has_landlock() and _has_seccomp()):
            held += namespaces(home, argv[0])
        held += landlock(home, argv[0])
        held += seccomp(ctypes.addressof(name))
    os.write(report, " ".join(held).encode())
    words = (ctypes.c_char_p * (len(argv) + 1))(*map(os.fsencode, argv), None)
    pairs = [os.fsencode(f"{key}={value}") for key, value in env.items()]
    _libc().execve(name, words, (ctypes.c_char_p * (len(pairs) + 1))(*pairs, None))


def _has_landlock() -> bool:
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1)) >= 1


def _has_seccomp() -> bool:
    """Asked with a filter at no address: a kernel that has filters says EFAULT (man 2 prctl)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return os.uname().machine in _ARCHITECTURES and not _prctl(_PR_SET_SECCOMP, 2) and ctypes.get_errno() == 14
