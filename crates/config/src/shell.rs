//! Which shell commands run in: that of the user's account, if it is one whose scripts the models write. It starts no
//! process.

use std::path::{Path, PathBuf};

use crate::env::Environment;

/// The shells whose command line we know.
const KNOWN: &[&str] = &["zsh", "bash", "sh"];

/// What stands in for a shell we do not know, such as fish.
const STAND_INS: &[&str] = if cfg!(target_os = "macos") { &["zsh", "bash"] } else { &["bash", "zsh"] };

/// The shell every system has.
const LAST: &str = "/bin/sh";

/// Returns the shell that commands run in: the user's own if it is zsh, bash or sh (where the account says, else on
/// `PATH`, else in `/bin`), else bash or zsh, else `/bin/sh` (tools.md 5.1).
pub fn login_shell(environment: &Environment) -> PathBuf {
    let own = environment.user_shell().and_then(|path| {
        let name = path.file_stem()?.to_str()?;
        KNOWN.contains(&name).then(|| find(name, Some(path), environment))?
    });
    own.or_else(|| STAND_INS.iter().find_map(|name| find(name, None, environment)))
        .unwrap_or_else(|| PathBuf::from(LAST))
}

/// Finds the program `name`: `preferred` if it is there, else the first on `PATH`, else that in `/bin`.
fn find(name: &str, preferred: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    // An entry that is not absolute would name a program of whatever folder the thread works in.
    let on_path = std::env::split_paths(environment.var("PATH").unwrap_or_default())
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name));
    let usual = Path::new("/bin").join(name);
    preferred.map(Path::to_owned).into_iter().chain(on_path).chain([usual]).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Reads the shell of the user we run as from the passwd file. Users of a directory service are not in it.
#[cfg(unix)]
pub(crate) fn of_this_user() -> Option<PathBuf> {
    let passwd = std::fs::read("/etc/passwd").ok()?;
    shell_of(&passwd, rustix::process::getuid().as_raw())
}

/// There are no passwd files elsewhere.
#[cfg(not(unix))]
pub(crate) fn of_this_user() -> Option<PathBuf> {
    None
}

/// Finds the shell of a user in the text of a passwd file; an empty field means `/bin/sh`.
#[cfg(unix)]
fn shell_of(passwd: &[u8], uid: u32) -> Option<PathBuf> {
    let shell = passwd.split(|byte| *byte == b'\n').find_map(|line| {
        // Another entry's name may be in any encoding: only the line that is asked for must be text.
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let [_, _, id, _, _, _, shell] = fields[..] else { return None };
        let id: u32 = str::from_utf8(id).ok()?.parse().ok()?;
        (id == uid).then_some(shell)
    })?;
    match str::from_utf8(shell).ok()?.trim() {
        "" => Some(PathBuf::from(LAST)),
        shell => Some(PathBuf::from(shell)).filter(|path| path.is_absolute()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn the_shell_of_a_passwd_entry() {
        let passwd = b"root:x:0:0:root:/:/bin/bash\n# note\n+::::::\nd\xff:x:1:1::/:/usr/sbin/nologin\nshort:x:2\n\
            me:x:1000:100:Me,,,:/h/me:/usr/bin/fish\nempty:x:3:3::/:\nrel:x:4:4::/:bash\nme2:x:1000:1::/:/bin/zsh";
        for (uid, shell) in [
            (0, Some("/bin/bash")),
            (1, Some("/usr/sbin/nologin")),
            (2, None),
            (3, Some("/bin/sh")),
            (4, None),
            (1000, Some("/usr/bin/fish")),
            (1001, None),
        ] {
            assert_eq!(shell_of(passwd, uid), shell.map(PathBuf::from), "{uid}");
        }
        assert_eq!(shell_of(b"", 0), None);
    }

    #[test]
    fn which_shell_commands_run_in() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path();
        for (name, mode) in [("own/zsh", 0o755), ("own/bash", 0o644), ("on/bash", 0o755), ("on/zsh", 0o755)] {
            let path = place.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = format!("on:{0}/nowhere:{0}/on", place.display());
        let stand_in = if cfg!(target_os = "macos") { "on/zsh" } else { "on/bash" };
        for (shell, expected) in [
            (Some("own/zsh"), "own/zsh"),
            // Not there, or not a program: the same kind is looked for.
            (Some("gone/zsh"), "on/zsh"),
            (Some("own/bash"), "on/bash"),
            (Some("own/fish"), stand_in),
            (Some("own/nologin"), stand_in),
            (None, stand_in),
        ] {
            let mut pairs = vec![("PATH", path.clone())];
            pairs.extend(shell.map(|shell| ("SHELL", place.join(shell).display().to_string())));
            let environment = Environment::from_pairs(pairs);
            assert_eq!(login_shell(&environment), place.join(expected), "{shell:?}");
        }
        // A name that is no path says nothing.
        let environment = Environment::from_pairs([("PATH", path.as_str()), ("SHELL", "zsh")]);
        assert_eq!(environment.user_shell(), None);
        assert_eq!(login_shell(&environment), place.join(stand_in));
        // Every system has this one.
        let environment = Environment::from_pairs([("SHELL", "/gone/sh")]);
        assert_eq!(login_shell(&environment), Path::new(LAST));
    }
}
