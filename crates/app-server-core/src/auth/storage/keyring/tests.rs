//! A real keyring, for `tests/keyring/run.sh`: ignored otherwise.

use std::path::Path;

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn a_home_has_its_own_entry() {
    // sha256sum of the path.
    assert_eq!(Keyring::new(Path::new("/")).user(), "cli|8a5edab282632443");
    let absent = Keyring::new(Path::new("/nowhere/at all/.codex"));
    assert_eq!(absent.user(), "cli|582efe0d715008e7");

    let home = tempfile::tempdir().unwrap();
    let (folder, link) = (home.path().join("folder"), home.path().join("link"));
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    assert_eq!(Keyring::new(&link).user(), Keyring::new(&folder).user());
    assert_ne!(Keyring::new(&link).user(), Keyring::new(home.path()).user());
}

/// With a Secret Service that runs: `tests/keyring/run.sh` starts one.
#[cfg(all(feature = "keyring", target_os = "linux"))]
mod real {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use pretty_assertions::assert_eq;
    use tempfile::TempDir;

    use super::*;

    /// A home of its own, so that tests do not see each other's entries, which go with it.
    struct Home {
        _folder: TempDir,
        keyring: Keyring,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let keyring = Keyring::new(folder.path());
            Home { _folder: folder, keyring }
        }

        /// Stores an entry by the tool of the Secret Service, with attributes beside service and user.
        fn store(&self, attributes: &[&str], record: &AuthRecord) {
            let mut tool = self
                .tool("store")
                .args(["--label", "of another program"])
                .args(self.attributes())
                .args(attributes)
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            tool.stdin.take().unwrap().write_all(&record.to_compact()).unwrap();
            assert!(tool.wait().unwrap().success());
        }

        /// How many entries the tool finds.
        fn count(&self, attributes: &[&str]) -> usize {
            let found =
                self.tool("search").arg("--all").args(self.attributes()).args(attributes).output().unwrap();
            String::from_utf8(found.stdout).unwrap().lines().filter(|line| line.starts_with('[')).count()
        }

        fn attributes(&self) -> [String; 4] {
            ["service".to_owned(), "Codex Auth".to_owned(), "username".to_owned(), self.keyring.user()]
        }

        fn tool(&self, command: &str) -> Command {
            let mut tool = Command::new("secret-tool");
            tool.arg(command);
            tool
        }
    }

    impl Drop for Home {
        fn drop(&mut self) {
            // A test that failed must not leave its entries to the next run.
            drop(self.keyring.delete());
        }
    }

    fn record(key: &str) -> AuthRecord {
        AuthRecord::of_api_key(key)
    }

    #[test]
    #[ignore = "needs a Secret Service"]
    fn an_entry_comes_and_goes() {
        let home = Home::new();
        assert_eq!(home.keyring.load().unwrap(), None);
        assert!(!home.keyring.delete().unwrap());
        for key in ["sk-1", "sk-2"] {
            home.keyring.save(&record(key)).unwrap();
            assert_eq!(home.keyring.load().unwrap(), Some(record(key)));
        }
        assert_eq!(home.count(&["target", "default"]), 1, "with the attributes of other implementations");
        assert_eq!(Home::new().keyring.load().unwrap(), None, "of another home");

        assert!(home.keyring.delete().unwrap());
        assert_eq!(home.keyring.load().unwrap(), None);
        assert_eq!(home.count(&[]), 0);
    }

    #[test]
    #[ignore = "needs a Secret Service"]
    fn entries_of_others_are_found_changed_and_removed() {
        let of_a_tool: &[&str] = &[];
        let of_another_implementation = &["target", "default", "application", "rust-keyring"];
        for attributes in [of_a_tool, of_another_implementation] {
            let home = Home::new();
            home.store(attributes, &record("theirs"));
            assert_eq!(home.keyring.load().unwrap(), Some(record("theirs")), "{attributes:?}");
            home.keyring.save(&record("ours")).unwrap();
            assert_eq!(home.keyring.load().unwrap(), Some(record("ours")), "{attributes:?}");
            assert_eq!((home.count(attributes), home.count(&[])), (1, 1), "{attributes:?}");
            assert!(home.keyring.delete().unwrap());
            assert_eq!(home.count(&[]), 0, "{attributes:?}");
        }
    }

    #[test]
    #[ignore = "needs a Secret Service"]
    fn one_of_several_entries_is_the_best_and_all_are_removed() {
        let home = Home::new();
        home.store(&["x", "1"], &record("old"));
        home.store(&["x", "2"], &record("older"));
        assert!(matches!(home.keyring.load(), Err(StorageError::Keyring { .. })), "which of them is unclear");
        home.store(&["target", "default"], &record("best"));
        assert_eq!(home.keyring.load().unwrap(), Some(record("best")));
        home.keyring.save(&record("new")).unwrap();
        assert_eq!(home.keyring.load().unwrap(), Some(record("new")));
        assert!(home.keyring.delete().unwrap());
        assert_eq!(home.count(&[]), 0);
    }

    /// The libraries start runtimes of their own.
    #[tokio::test]
    #[ignore = "needs a Secret Service"]
    async fn inside_a_runtime() {
        let home = Home::new();
        home.keyring.save(&record("sk-1")).unwrap();
        assert_eq!(home.keyring.load().unwrap(), Some(record("sk-1")));
    }

    /// Changes the whole keyring, so that the others must not run at the same time.
    #[test]
    #[ignore = "needs a Secret Service, and locks it"]
    fn locked_is_an_error() {
        let home = Home::new();
        home.keyring.save(&record("sk-1")).unwrap();
        // Its exit status says nothing: some versions fail when they have locked it.
        home.tool("lock").status().unwrap();
        let loaded = home.keyring.load();
        assert!(matches!(loaded, Err(StorageError::Keyring { .. })), "{loaded:?}");
    }

    /// On a bus that knows none, or without a bus.
    #[test]
    #[ignore = "needs a session without a Secret Service"]
    fn none_is_an_error() {
        let home = Home::new();
        let loaded = home.keyring.load();
        assert!(matches!(loaded, Err(StorageError::NoKeyring { .. })), "{loaded:?}");
    }
}
