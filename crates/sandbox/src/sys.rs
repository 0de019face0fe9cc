//! System calls the helper needs that have no safe wrapper elsewhere. The only unsafe code of this crate on Linux.
#![allow(unsafe_code, reason = "system calls without a safe wrapper; each block says why it is sound")]

use std::ffi::{CStr, CString};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

use libc::{c_char, c_int, c_long, c_ulong, c_void};
use rustix::process::Pid;

/// One instruction of a system call filter.
pub(crate) use libc::sock_filter;

fn checked(result: c_long) -> io::Result<c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn descriptor(result: c_long) -> io::Result<OwnedFd> {
    let raw = RawFd::try_from(checked(result)?).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Forks with the given namespaces. Returns `None` in the child. Only for a process with a single thread.
pub(crate) fn fork(namespaces: c_int) -> io::Result<Option<Pid>> {
    let flags = c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: without CLONE_VM this is fork. The process has one thread, so that no lock of another one is copied held.
    let pid = checked(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    Ok(i32::try_from(pid).ok().and_then(Pid::from_raw))
}

/// Ends this process without running anything else.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

/// Replaces the program. Returns only to say why not.
pub(crate) fn exec(program: &CStr, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |words: &[CString]| {
        words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect::<Vec<*const c_char>>()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both lists end in a null pointer, and their strings and the program's name outlive the call.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Marks every descriptor from `first` on to be closed by exec.
pub(crate) fn close_on_exec_from(first: u32) -> io::Result<()> {
    let last = u32::MAX;
    // SAFETY: takes no pointers; with this flag no descriptor that is in use is closed.
    checked(unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) }).map(drop)
}

/// Sets and clears attributes of the mount at `path` below `at`, or of `at` itself if `path` is empty.
pub(crate) fn mount_setattr(
    at: impl AsFd,
    path: &CStr,
    recursive: bool,
    set: u64,
    propagation: c_ulong,
) -> io::Result<()> {
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    let attributes = Attributes { set, clear: 0, propagation, user_namespace: 0 };
    let mut flags = libc::AT_EMPTY_PATH;
    if recursive {
        flags |= libc::AT_RECURSIVE;
    }
    // SAFETY: the structure is laid out as the kernel's and its true size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            at.as_fd().as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    checked(result).map(drop)
}

/// The mount attribute read-only.
pub(crate) const READ_ONLY: u64 = 1;

/// Gives up every capability for good: bounding, ambient, permitted. What the kernel does not know is passed over.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    /// Root is nobody special, ambient capabilities cannot be raised; all locked.
    const SECURE_BITS: c_ulong = 0b1110_1111;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: c_int,
    }
    let header = Header { version: 0x2008_0522, pid: 0 };
    let nothing = [0_u32; 6];
    // SAFETY: prctl with these options takes numbers only.
    unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0);
        for capability in 0..64 as c_ulong {
            if libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) == -1 {
                break;
            }
        }
    }
    // SAFETY: version 3 takes a header and two sets of three words, as given.
    checked(unsafe { libc::syscall(libc::SYS_capset, &raw const header, nothing.as_ptr()) }).map(drop)
}

/// Installs a system call filter for this process and what it starts.
pub(crate) fn install_filter(program: &[sock_filter]) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: the program outlives the call, has the given length, and the kernel only reads it.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    checked(result).map(drop)
}

/// What a Landlock ruleset is about. Versions that know less are given a shorter structure.
#[repr(C)]
pub(crate) struct LandlockAttributes {
    pub(crate) files: u64,
    pub(crate) network: u64,
    pub(crate) scoped: u64,
}

/// Returns the Landlock version of the kernel; an error without one.
pub(crate) fn landlock_version() -> io::Result<u32> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel wants no structure.
    let version = checked(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<c_void>(), 0_usize, VERSION)
    })?;
    Ok(u32::try_from(version).unwrap_or_default())
}

/// Makes a Landlock ruleset. `size` is how much of the attributes the kernel's version knows.
pub(crate) fn landlock_ruleset(attributes: &LandlockAttributes, size: usize) -> io::Result<OwnedFd> {
    let size = size.min(size_of::<LandlockAttributes>());
    // SAFETY: the structure is laid out as the kernel's and is at least `size` long.
    descriptor(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, ptr::from_ref(attributes), size, 0_u32)
    })
}

/// Allows `access` at `place` and below it.
pub(crate) fn landlock_allow(ruleset: &OwnedFd, place: impl AsFd, access: u64) -> io::Result<()> {
    const PATH_BENEATH: c_int = 1;
    #[repr(C, packed)]
    struct Rule {
        access: u64,
        place: c_int,
    }
    let rule = Rule { access, place: place.as_fd().as_raw_fd() };
    // SAFETY: the structure is laid out as the kernel's, and both descriptors are open.
    let result = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), PATH_BENEATH, &raw const rule, 0_u32)
    };
    checked(result).map(drop)
}

/// Puts this process under a ruleset.
pub(crate) fn landlock_restrict(ruleset: &OwnedFd) -> io::Result<()> {
    // SAFETY: takes no pointers.
    checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) }).map(drop)
}

/// Blocks `signals` and returns a descriptor from which they are read instead. The end of a child is never ignored: it would be lost.
pub(crate) fn signal_descriptor(signals: &[c_int]) -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by sigemptyset before it is used and outlives the calls.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        checked(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()).into())?;
        descriptor(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK).into())
    }
}

/// Returns the numbers of the signals waiting at a descriptor made by [`signal_descriptor`].
pub(crate) fn signals_waiting(descriptor: &OwnedFd) -> Vec<u32> {
    const SIZE: usize = size_of::<libc::signalfd_siginfo>();
    let mut signals = Vec::new();
    let mut buffer = [0; SIZE];
    while rustix::io::read(descriptor, &mut buffer) == Ok(SIZE) {
        if let Some(number) = buffer.first_chunk() {
            signals.push(u32::from_ne_bytes(*number));
        }
    }
    signals
}

/// Puts every signal back to what a program expects: nothing blocked, nothing ignored.
pub(crate) fn reset_signals() {
    // SAFETY: the set is initialised by sigemptyset; SIG_DFL is always a valid action. Signals that cannot be changed are refused, which
    // is as good.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut());
    }
}

/// Sets the mask for the modes of new files and returns nothing: it cannot fail.
pub(crate) fn set_umask(mask: u32) -> u32 {
    // SAFETY: takes no pointers and cannot fail.
    unsafe { libc::umask(mask) }
}

/// Closes every descriptor but `kept`. Only for a process that ends without touching any other again.
pub(crate) fn close_all_but(kept: &OwnedFd) {
    let kept = kept.as_raw_fd().unsigned_abs();
    for (first, last) in [(0, kept.wrapping_sub(1)), (kept + 1, u32::MAX)] {
        if first <= last {
            // SAFETY: takes no pointers. Owners of these descriptors are never dropped, since the process only waits and exits.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}
