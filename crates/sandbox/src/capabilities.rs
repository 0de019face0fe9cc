//! What the system's kernel lets a sandbox do, and what is lost without it.

/// What was found when the helper tried everything once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The mechanism was found and answered. If not, confined commands do not start.
    pub helper: bool,
    /// Own user, mount, process and IPC namespaces.
    pub namespaces: bool,
    /// A `/proc` that shows the sandbox's processes only.
    pub fresh_proc: bool,
    /// A `/dev` with nothing but harmless devices, private shared memory and pseudo-terminals.
    pub private_dev: bool,
    /// The Landlock version in use; 0 without.
    pub landlock_abi: u32,
    /// The system call filter.
    pub seccomp: bool,
    /// No network interface but a loopback of its own while the network is off.
    pub network_namespace: bool,
    /// The platform's own sandbox does all this (macOS).
    pub seatbelt: bool,
}

impl Capabilities {
    /// Returns whether confined commands start at all.
    pub fn usable(&self) -> bool {
        self.seatbelt || (self.helper && self.seccomp && (self.namespaces || self.landlock_abi > 0))
    }

    /// Returns whether nothing is missing.
    pub fn is_full(&self) -> bool {
        self.missing().is_empty()
    }

    /// Returns what is missing, a sentence for each, to be shown to the user.
    pub fn missing(&self) -> Vec<&'static str> {
        if self.seatbelt {
            return Vec::new();
        }
        if !self.helper {
            return vec!["The sandbox helper could not be run: sandboxed commands do not start."];
        }
        let mut missing = Vec::new();
        if !self.seccomp {
            missing.push("The kernel has no system call filter (seccomp): sandboxed commands do not start.");
        }
        if !self.namespaces && self.landlock_abi == 0 {
            missing.push(
                "The kernel offers neither user namespaces nor Landlock: sandboxed commands do not start.",
            );
            return missing;
        }
        if !self.namespaces {
            missing.push(
                "The kernel refuses user namespaces or mounts in them: .git, .codex and .agents in the workspace can be changed, \
                 modes and times of files elsewhere too, and other processes are visible.",
            );
        } else {
            if !self.fresh_proc {
                missing.push(
                    "The kernel refuses a private /proc: other processes are visible to sandboxed commands.",
                );
            }
            if !self.private_dev {
                missing.push("The kernel refuses a private /dev: sandboxed commands have no shared memory and no terminals.");
            }
            if !self.network_namespace {
                missing.push("The kernel refuses network namespaces: the network is closed by the system call filter alone.");
            }
        }
        match self.landlock_abi {
            0 => missing.push("The kernel has no Landlock: files are protected by mounts alone."),
            1 => missing.push("Landlock is too old to allow renames between folders (version 1)."),
            2 if !self.namespaces => {
                missing.push(
                    "Landlock is too old to stop files elsewhere from being cut to nothing (version 2).",
                );
            }
            2..=5 if !self.namespaces => {
                missing.push("Landlock is too old to stop signals to other processes (before version 6).")
            }
            _ => {}
        }
        missing
    }

    /// Encodes for the helper's answer.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn encode(&self) -> String {
        let flag = u8::from;
        format!(
            "{} {} {} {} {} {} {} {}",
            flag(self.helper),
            flag(self.namespaces),
            flag(self.fresh_proc),
            flag(self.private_dev),
            self.landlock_abi,
            flag(self.seccomp),
            flag(self.network_namespace),
            flag(self.seatbelt),
        )
    }

    /// Reads what [`Capabilities::encode`] wrote.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let numbers: Option<Vec<u32>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
        let [helper, namespaces, fresh_proc, private_dev, landlock_abi, seccomp, network_namespace, seatbelt] =
            numbers?.try_into().ok()?;
        Some(Self {
            helper: helper == 1,
            namespaces: namespaces == 1,
            fresh_proc: fresh_proc == 1,
            private_dev: private_dev == 1,
            landlock_abi,
            seccomp: seccomp == 1,
            network_namespace: network_namespace == 1,
            seatbelt: seatbelt == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Capabilities {
        Capabilities {
            helper: true,
            namespaces: true,
            fresh_proc: true,
            private_dev: true,
            landlock_abi: 7,
            seccomp: true,
            network_namespace: true,
            seatbelt: false,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for capabilities in [full(), Capabilities::default(), Capabilities { landlock_abi: 3, ..full() }] {
            assert_eq!(Capabilities::decode(&capabilities.encode()), Some(capabilities));
        }
        assert_eq!(Capabilities::decode("1 1"), None);
    }

    #[test]
    fn each_thing_that_is_missing_is_said() {
        assert!(full().is_full() && full().usable());
        let weaker: [fn(&mut Capabilities); 7] = [
            |c| c.helper = false,
            |c| c.namespaces = false,
            |c| c.fresh_proc = false,
            |c| c.private_dev = false,
            |c| c.landlock_abi = 0,
            |c| c.seccomp = false,
            |c| c.network_namespace = false,
        ];
        for weaken in weaker {
            let mut capabilities = full();
            weaken(&mut capabilities);
            assert_eq!(capabilities.missing().len(), 1, "{capabilities:?}");
        }
        let mut neither = full();
        neither.namespaces = false;
        neither.landlock_abi = 0;
        assert!(!neither.usable());
    }
}
