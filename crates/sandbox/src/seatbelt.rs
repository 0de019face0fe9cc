//! The macOS sandbox: a policy as the command line of the system's `sandbox-exec`. Pure text; nothing here runs anything.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Policy;

/// The system's program, by its full path on purpose: another one of this name on the `PATH` is not it.
pub const PROGRAM: &str = "/usr/bin/sandbox-exec";

/// What every confined command may do.
const BASE: &str = r#"(version 1)
(deny default)

(allow process-exec)
(allow process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))

(allow file-read*)
(allow file-write-data
  (require-all (literal "/dev/null") (vnode-type CHARACTER-DEVICE)))

(allow pseudo-tty)
(allow file-read* file-write* file-ioctl (literal "/dev/ptmx"))
(allow file-read* file-write* (require-all (regex #"^/dev/ttys[0-9]+$") (extension "com.apple.sandbox.pty")))
(allow file-ioctl (regex #"^/dev/ttys[0-9]+$"))
(allow file-read* file-write* file-ioctl (literal "/dev/tty"))

(allow ipc-posix-sem)
(allow ipc-posix-shm-read* (ipc-posix-name "apple.cfprefs"))
(allow mach-lookup
  (global-name "com.apple.PowerManagement.control")
  (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow iokit-open (iokit-registry-entry-class "RootDomainUserClient"))

(allow sysctl-read
  (sysctl-name-prefix "hw.")
  (sysctl-name-prefix "kern.")
  (sysctl-name "vm.loadavg")
  (sysctl-name "vm.swapusage")
  (sysctl-name "machdep.cpu.brand_string")
  (sysctl-name-prefix "net.routetable."))
(allow sysctl-write (sysctl-name "kern.grade_cputype"))
"#;

/// What is added when the network is on.
const NETWORK: &str = r#"
(allow network-outbound)
(allow network-inbound)
(allow system-socket)
(allow mach-lookup
  (global-name "com.apple.bsd.dirhelper")
  (global-name "com.apple.system.opendirectoryd.membership")
  (global-name "com.apple.SecurityServer")
  (global-name "com.apple.networkd")
  (global-name "com.apple.ocspd")
  (global-name "com.apple.trustd.agent")
  (global-name "com.apple.SystemConfiguration.DNSConfiguration")
  (global-name "com.apple.SystemConfiguration.configd"))
"#;

/// Returns the command line that runs `argv` under `policy`.
pub fn command(policy: &Policy, argv: &[OsString]) -> Vec<OsString> {
    let profile = profile(policy);
    let mut line = vec![PROGRAM.into(), "-p".into(), profile.text.into()];
    for (name, path) in profile.parameters {
        let mut definition = OsString::from(format!("-D{name}="));
        definition.push(path);
        line.push(definition);
    }
    line.push("--".into());
    line.extend(argv.iter().cloned());
    line
}

struct Profile {
    text: String,
    parameters: Vec<(String, PathBuf)>,
}

fn profile(policy: &Policy) -> Profile {
    let mut profile = Profile { text: BASE.into(), parameters: Vec::new() };
    let mut protected = Vec::new();
    for (number, root) in policy.writable.iter().enumerate() {
        // Names that do not exist are protected like those that do: the kernel compares names, not files.
        for (kind, paths) in [("RO", &root.read_only), ("NEW", &root.forbidden)] {
            for (index, path) in paths.iter().enumerate() {
                protected.push(profile.parameter(format!("WRITABLE_ROOT_{number}_{kind}_{index}"), path));
            }
        }
    }
    for (number, root) in policy.writable.iter().enumerate() {
        let name = profile.parameter(format!("WRITABLE_ROOT_{number}"), &root.path);
        profile.text.push_str(&format!("(allow file-write* (subpath (param \"{name}\")))\n"));
    }
    // The last rule that matches decides. A protected path itself cannot be moved away either.
    for name in protected {
        profile.text.push_str(&format!("(deny file-write* (subpath (param \"{name}\")))\n"));
    }
    for (index, path) in policy.unreadable.iter().enumerate() {
        let name = profile.parameter(format!("UNREADABLE_{index}"), path);
        profile.text.push_str(&format!("(deny file-read* file-write* (subpath (param \"{name}\")))\n"));
    }
    if policy.network {
        profile.text.push_str(NETWORK);
    }
    profile
}

impl Profile {
    /// Names a path, so that no character of it is ever read as a rule.
    fn parameter(&mut self, name: String, path: &Path) -> String {
        self.parameters.push((name.clone(), canonical(path)));
        name
    }
}

/// The kernel compares real paths. Of one that does not exist, the real part that does counts.
fn canonical(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => canonical(parent).join(name),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::WritableRoot;

    /// Shows what a policy adds to the base profile, and the parameters.
    fn check(policy: &Policy, expected: &Expect) {
        let line = command(policy, &["ls".into(), "-l".into()]);
        let line: Vec<String> = line.into_iter().map(|word| word.into_string().unwrap()).collect();
        assert_eq!(line[..2], [PROGRAM, "-p"]);
        let added = line[2].strip_prefix(BASE).unwrap();
        expected.assert_eq(&format!("{added}{}\n", line[3..].join("\n")));
    }

    fn policy(network: bool) -> Policy {
        Policy { writable: Vec::new(), network, unreadable: Vec::new(), quarantine: None }
    }

    #[test]
    fn nothing_is_added_for_reading() {
        check(
            &policy(false),
            &expect![[r#"
            --
            ls
            -l
        "#]],
        );
    }

    #[test]
    fn roots_come_before_what_is_protected_in_any_of_them() {
        let root = |path: &str, read_only: &str, forbidden: &str| WritableRoot {
            path: path.into(),
            read_only: vec![format!("{path}/{read_only}").into()],
            forbidden: vec![format!("{path}/{forbidden}").into()],
        };
        let policy = Policy {
            writable: vec![
                root("/nowhere/a", ".git", ".codex"),
                root("/nowhere/a/b\") (allow default", ".codex", ".agents"),
            ],
            unreadable: vec!["/nowhere/h/auth.json".into()],
            ..policy(false)
        };
        check(
            &policy,
            &expect![[r#"
            (allow file-write* (subpath (param "WRITABLE_ROOT_0")))
            (allow file-write* (subpath (param "WRITABLE_ROOT_1")))
            (deny file-write* (subpath (param "WRITABLE_ROOT_0_RO_0")))
            (deny file-write* (subpath (param "WRITABLE_ROOT_0_NEW_0")))
            (deny file-write* (subpath (param "WRITABLE_ROOT_1_RO_0")))
            (deny file-write* (subpath (param "WRITABLE_ROOT_1_NEW_0")))
            (deny file-read* file-write* (subpath (param "UNREADABLE_0")))
            -DWRITABLE_ROOT_0_RO_0=/nowhere/a/.git
            -DWRITABLE_ROOT_0_NEW_0=/nowhere/a/.codex
            -DWRITABLE_ROOT_1_RO_0=/nowhere/a/b") (allow default/.codex
            -DWRITABLE_ROOT_1_NEW_0=/nowhere/a/b") (allow default/.agents
            -DWRITABLE_ROOT_0=/nowhere/a
            -DWRITABLE_ROOT_1=/nowhere/a/b") (allow default
            -DUNREADABLE_0=/nowhere/h/auth.json
            --
            ls
            -l
        "#]],
        );
    }

    #[test]
    fn the_network_is_opened_by_its_own_rules() {
        let line = command(&policy(true), &["ls".into()]);
        assert!(line[2].to_str().unwrap().ends_with(NETWORK));
        assert!(!BASE.contains("network"));
    }
}
