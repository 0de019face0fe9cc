//! The system call filter: a list of what is denied, as a program for the kernel.
//!
//! Everything else is allowed, so that programs work; the list is what opens the network, looks into other processes, or reaches parts
//! of the kernel that a build does not need and attacks do.

use std::io;

use libc::{c_int, c_long};

use crate::sys::{self, sock_filter};

// Numbers that are the same everywhere and newer than the list of the C library.
const SYS_OPEN_TREE_ATTR: c_long = 467;

/// Denied whether the network is on or off.
const ALWAYS: &[c_long] = &[
    // Its worker threads do things this filter never sees.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes' memory and descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    // Namespaces and mounts.
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    SYS_OPEN_TREE_ATTR,
    libc::SYS_open_by_handle_at,
    // Keyrings are shared with the user's other sessions.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Parts of the kernel with a history.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
];

/// Denied while the network is off, besides sockets that are not local ones. Reading and writing a socket pair stays possible.
const NETWORK: &[c_long] = &[
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_shutdown,
    libc::SYS_sendto,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
];

/// What the kernel calls this kind of machine; another kind's calls have other numbers.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xC000_003E);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Option<u32> = Some(0xC000_00B7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: Option<u32> = None;

/// Set in the numbers of the x32 calls of x86-64, which are the same calls again.
const X32: u32 = 0x4000_0000;

/// Puts this process and what it starts under the filter. It must not be able to gain privileges any more.
pub(super) fn install(network: bool) -> io::Result<()> {
    let architecture = ARCHITECTURE.ok_or(io::ErrorKind::Unsupported)?;
    sys::install_filter(&program(architecture, network))
}

fn program(architecture: u32, network: bool) -> Vec<sock_filter> {
    let mut code = Program(Vec::with_capacity(160));
    code.load(offset::ARCHITECTURE);
    code.jump(JUMP_EQUAL, architecture, 1, 0);
    code.give(libc::SECCOMP_RET_KILL_PROCESS);
    code.load(offset::NUMBER);
    code.jump(JUMP_NOT_LESS, X32, 0, 1);
    code.give(refused_with(libc::ENOSYS));
    for number in ALWAYS {
        code.deny(*number, libc::EPERM);
    }
    // Its flags are out of the filter's sight. The C library falls back to clone when it is missing.
    code.deny(libc::SYS_clone3, libc::ENOSYS);
    let new_user = low(c_long::from(libc::CLONE_NEWUSER));
    for number in [libc::SYS_clone, libc::SYS_unshare] {
        code.argument(number, offset::FIRST, |code| {
            code.jump(JUMP_ANY_BIT, new_user, 0, 1);
            code.give(refused_with(libc::EPERM));
        });
    }
    // They put words into the mouth of whoever sits at the terminal.
    code.argument(libc::SYS_ioctl, offset::SECOND, |code| {
        for request in [libc::TIOCSTI as u32, libc::TIOCLINUX as u32] {
            code.jump(JUMP_EQUAL, request, 0, 1);
            code.give(refused_with(libc::EPERM));
        }
    });
    if !network {
        for number in NETWORK {
            code.deny(*number, libc::EPERM);
        }
        for number in [libc::SYS_socket, libc::SYS_socketpair] {
            code.argument(number, offset::FIRST, |code| {
                code.jump(JUMP_EQUAL, low(c_long::from(libc::AF_UNIX)), 1, 0);
                code.give(refused_with(libc::EPERM));
            });
        }
    }
    code.give(libc::SECCOMP_RET_ALLOW);
    code.0
}

/// Where things are in what the kernel shows a filter; of arguments the low half, all that the calls in question look at.
mod offset {
    const HALF: u32 = if cfg!(target_endian = "little") { 0 } else { 4 };
    pub(super) const NUMBER: u32 = 0;
    pub(super) const ARCHITECTURE: u32 = 4;
    pub(super) const FIRST: u32 = 16 + HALF;
    pub(super) const SECOND: u32 = 24 + HALF;
}

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const GIVE: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_NOT_LESS: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const JUMP_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;

fn refused_with(error: c_int) -> u32 {
    libc::SECCOMP_RET_ERRNO | error.unsigned_abs()
}

/// Numbers and flags of calls fit into 32 bits.
fn low(number: c_long) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

struct Program(Vec<sock_filter>);

impl Program {
    fn load(&mut self, offset: u32) {
        self.0.push(sock_filter { code: LOAD, jt: 0, jf: 0, k: offset });
    }

    fn give(&mut self, answer: u32) {
        self.0.push(sock_filter { code: GIVE, jt: 0, jf: 0, k: answer });
    }

    /// Skips `then` or `otherwise` instructions.
    fn jump(&mut self, code: u16, value: u32, then: u8, otherwise: u8) {
        self.0.push(sock_filter { code, jt: then, jf: otherwise, k: value });
    }

    fn deny(&mut self, number: c_long, error: c_int) {
        self.jump(JUMP_EQUAL, low(number), 0, 1);
        self.give(refused_with(error));
    }

    /// Runs `check` on an argument of one call and allows what it does not refuse.
    fn argument(&mut self, number: c_long, offset: u32, check: impl FnOnce(&mut Self)) {
        let mut body = Self(Vec::new());
        body.load(offset);
        check(&mut body);
        body.give(libc::SECCOMP_RET_ALLOW);
        let length = u8::try_from(body.0.len()).unwrap_or(u8::MAX);
        self.jump(JUMP_EQUAL, low(number), 0, length);
        self.0.append(&mut body.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: u32 = 0xC000_003E;

    /// Runs the filter as the kernel would.
    fn verdict(network: bool, architecture: u32, number: u32, arguments: [u64; 2]) -> u32 {
        let program = program(HERE, network);
        let [first, second] = arguments.map(|argument| argument as u32);
        let (mut at, mut value) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            let jump = |taken: bool| usize::from(if taken { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    value = match step.k {
                        offset::NUMBER => number,
                        offset::ARCHITECTURE => architecture,
                        offset::FIRST => first,
                        offset::SECOND => second,
                        other => panic!("offset {other}"),
                    }
                }
                GIVE => return step.k,
                JUMP_EQUAL => at += jump(value == step.k),
                JUMP_NOT_LESS => at += jump(value >= step.k),
                JUMP_ANY_BIT => at += jump(value & step.k != 0),
                other => panic!("instruction {other}"),
            }
        }
    }

    #[test]
    fn the_filter_says() {
        let allowed = libc::SECCOMP_RET_ALLOW;
        let denied = refused_with(libc::EPERM);
        let unknown = refused_with(libc::ENOSYS);
        for (number, first, second, off, on) in [
            (libc::SYS_read, 0, 0, allowed, allowed),
            (libc::SYS_recvfrom, 0, 0, allowed, allowed),
            (libc::SYS_sendmsg, 0, 0, allowed, allowed),
            (libc::SYS_io_uring_setup, 0, 0, denied, denied),
            (libc::SYS_ptrace, 0, 0, denied, denied),
            (libc::SYS_quotactl_fd, 0, 0, denied, denied),
            (libc::SYS_clone3, 0, 0, unknown, unknown),
            (libc::SYS_clone, 0x11, 0, allowed, allowed),
            (libc::SYS_clone, 0x1000_0011, 0, denied, denied),
            (libc::SYS_unshare, 0x1000_0000, 0, denied, denied),
            (libc::SYS_unshare, 0x0000_0200, 0, allowed, allowed),
            (libc::SYS_ioctl, 0, 0x5412, denied, denied),
            (libc::SYS_ioctl, 0, 0xFFFF_FFFF_0000_5412, denied, denied),
            (libc::SYS_ioctl, 0, 0x541C, denied, denied),
            (libc::SYS_ioctl, 0, 0x5401, allowed, allowed),
            (libc::SYS_connect, 0, 0, denied, allowed),
            (libc::SYS_socket, 1, 0, allowed, allowed),
            (libc::SYS_socket, 2, 0, denied, allowed),
            (libc::SYS_socketpair, 16, 0, denied, allowed),
        ] {
            let number = low(number);
            assert_eq!(verdict(false, HERE, number, [first, second]), off, "{number} off");
            assert_eq!(verdict(true, HERE, number, [first, second]), on, "{number} on");
            assert_eq!(verdict(true, HERE, number | X32, [first, second]), unknown, "{number} x32");
            assert_eq!(verdict(true, 0x4000_0003, number, [first, second]), libc::SECCOMP_RET_KILL_PROCESS);
        }
    }
}
