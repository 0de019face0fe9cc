//! Every mode with a keyring that works, is absent or is locked.

use std::fs;

use CredentialsStore::{Auto, Ephemeral, File as InFile, Keyring as InKeyring};
use pretty_assertions::assert_eq;
use tempfile::TempDir;

use super::*;

/// A keyring that works, is absent, or refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Health {
    Well,
    Absent,
    Locked,
}

struct FakeKeyring {
    health: Health,
    entry: Arc<Memory>,
}

impl FakeKeyring {
    fn open(&self) -> Result<&Memory, StorageError> {
        match self.health {
            Health::Well => Ok(&self.entry),
            Health::Absent => Err(StorageError::NoKeyring { reason: "none runs".to_owned() }),
            Health::Locked => Err(StorageError::Keyring { reason: "locked".to_owned() }),
        }
    }
}

impl CredentialBackend for FakeKeyring {
    fn load(&self) -> Result<Option<AuthRecord>, StorageError> {
        self.open()?.load()
    }

    fn save(&self, record: &AuthRecord) -> Result<(), StorageError> {
        self.open()?.save(record)
    }

    fn delete(&self) -> Result<bool, StorageError> {
        self.open()?.delete()
    }
}

/// Three places of a home, each with a key of its own name or nothing.
struct Places {
    home: TempDir,
    memory: Arc<Memory>,
    entry: Arc<Memory>,
}

impl Places {
    /// `filled` names the places that have something: `f`ile, `k`eyring, `m`emory.
    fn new(filled: &str) -> Self {
        let places =
            Places { home: tempfile::tempdir().unwrap(), memory: Arc::default(), entry: Arc::default() };
        for place in filled.chars() {
            let backend: &dyn CredentialBackend = match place {
                'f' => &File::new(places.home.path()),
                'k' => &*places.entry,
                _ => &*places.memory,
            };
            backend.save(&record(&place.to_string())).unwrap();
        }
        places
    }

    fn storage(&self, mode: CredentialsStore, health: Health) -> AuthStorage {
        let keyring = FakeKeyring { health, entry: Arc::clone(&self.entry) };
        AuthStorage::with_keyring(self.home.path(), mode, &self.memory, Box::new(keyring))
    }

    /// What is where, as `place=key`.
    fn content(&self) -> String {
        let file = File::new(self.home.path());
        let places: [(char, &dyn CredentialBackend); 3] =
            [('f', &file), ('k', &*self.entry), ('m', &*self.memory)];
        let mut content = Vec::new();
        for (name, backend) in places {
            if let Some(record) = backend.load().unwrap() {
                content.push(format!("{name}={}", key(&record)));
            }
        }
        content.join(" ")
    }
}

fn record(key: &str) -> AuthRecord {
    AuthRecord::of_api_key(key)
}

fn key(record: &AuthRecord) -> &str {
    record.api_key().unwrap().expose()
}

/// An outcome in a word.
fn word<T>(result: Result<T, StorageError>, of: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => of(value),
        Err(StorageError::NoKeyring { .. }) => "absent".to_owned(),
        Err(StorageError::Keyring { .. }) => "locked".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn loading() {
    use Health::{Absent, Locked, Well};
    for (mode, health, filled, expected) in [
        (InFile, Well, "", "none"),
        (InFile, Well, "fk", "f"),
        (InFile, Well, "k", "none"),
        (InFile, Locked, "f", "f"),
        (InFile, Well, "fkm", "m"),
        (InKeyring, Well, "", "none"),
        (InKeyring, Well, "fk", "k"),
        (InKeyring, Well, "f", "none"),
        (InKeyring, Well, "fkm", "m"),
        (InKeyring, Absent, "f", "absent"),
        (InKeyring, Locked, "fk", "locked"),
        (InKeyring, Absent, "m", "m"),
        (Auto, Well, "", "none"),
        (Auto, Well, "fk", "k"),
        (Auto, Well, "f", "f"),
        (Auto, Absent, "f", "f"),
        (Auto, Absent, "", "none"),
        (Auto, Locked, "fk", "f"),
        (Auto, Well, "fkm", "m"),
        (Ephemeral, Well, "fk", "none"),
        (Ephemeral, Absent, "m", "m"),
    ] {
        let places = Places::new(filled);
        let before = places.content();
        let loaded = places.storage(mode, health).load();
        let found = word(loaded, |record| record.map_or("none".to_owned(), |record| key(&record).to_owned()));
        assert_eq!(found, expected, "{mode:?} {health:?} {filled:?}");
        assert_eq!(places.content(), before, "{mode:?} {health:?} {filled:?}");
    }
}

#[test]
fn saving() {
    use Health::{Absent, Locked, Well};
    for (mode, health, filled, outcome, content) in [
        (InFile, Well, "", "saved", "f=new"),
        (InFile, Locked, "fkm", "saved", "f=new k=k"),
        (InKeyring, Well, "", "saved", "k=new"),
        (InKeyring, Well, "fkm", "saved", "k=new"),
        (InKeyring, Absent, "f", "absent", "f=f"),
        (InKeyring, Locked, "fkm", "locked", "f=f k=k m=m"),
        (Auto, Well, "fkm", "saved", "k=new"),
        (Auto, Absent, "", "saved", "f=new"),
        (Auto, Absent, "fm", "saved", "f=new"),
        (Auto, Locked, "f", "saved", "f=new"),
        (Ephemeral, Well, "", "saved", "m=new"),
        (Ephemeral, Absent, "fkm", "saved", "f=f k=k m=new"),
    ] {
        let places = Places::new(filled);
        let saved = places.storage(mode, health).save(&record("new"));
        assert_eq!(word(saved, |()| "saved".to_owned()), outcome, "{mode:?} {health:?} {filled:?}");
        assert_eq!(places.content(), content, "{mode:?} {health:?} {filled:?}");
    }
}

#[test]
fn deleting() {
    use Health::{Absent, Locked, Well};
    for (mode, health, filled, outcome, content) in [
        (InFile, Well, "", "false", ""),
        (InFile, Well, "fk", "true", "k=k"),
        (InFile, Well, "m", "true", ""),
        (InKeyring, Well, "", "false", ""),
        (InKeyring, Well, "fkm", "true", ""),
        (InKeyring, Well, "f", "true", ""),
        (InKeyring, Absent, "f", "true", ""),
        (InKeyring, Absent, "", "false", ""),
        (InKeyring, Locked, "k", "locked", "k=k"),
        (Auto, Well, "fkm", "true", ""),
        (Auto, Well, "k", "true", ""),
        (Auto, Absent, "f", "true", ""),
        (Auto, Absent, "", "false", ""),
        (Auto, Locked, "fk", "true", "k=k"),
        (Auto, Locked, "", "locked", ""),
        (Ephemeral, Locked, "fkm", "true", "f=f k=k"),
        (Ephemeral, Well, "f", "false", "f=f"),
    ] {
        let places = Places::new(filled);
        let deleted = places.storage(mode, health).delete();
        assert_eq!(
            word(deleted, |was_there| was_there.to_string()),
            outcome,
            "{mode:?} {health:?} {filled:?}"
        );
        assert_eq!(places.content(), content, "{mode:?} {health:?} {filled:?}");
    }
}

#[test]
fn of_two_records_the_later_one_counts() {
    let dated = |key: &str, day: u8| {
        let json = format!(
            r#"{{"OPENAI_API_KEY":"{key}","auth_mode":"apikey","last_refresh":"2026-01-{day:02}T00:00:00Z"}}"#
        );
        AuthRecord::parse(json.as_bytes()).unwrap()
    };
    for (in_file, in_keyring, expected) in [(2, 1, "in the file"), (1, 2, "in the keyring")] {
        let places = Places::new("");
        places.storage(InKeyring, Health::Well).save(&dated("in the keyring", in_keyring)).unwrap();
        places.storage(InFile, Health::Well).save(&dated("in the file", in_file)).unwrap();
        let loaded = places.storage(Auto, Health::Well).load().unwrap().unwrap();
        assert_eq!(key(&loaded), expected);
    }
}

#[test]
fn a_file_that_stays_does_not_fail_a_save_to_the_keyring() {
    let places = Places::new("");
    let in_the_way = places.home.path().join("auth.json");
    fs::create_dir(&in_the_way).unwrap();
    places.storage(InKeyring, Health::Well).save(&record("new")).unwrap();
    fs::remove_dir(in_the_way).unwrap();
    assert_eq!(places.content(), "k=new");
}

#[test]
fn a_damaged_file_is_an_error_and_stays() {
    let places = Places::new("");
    let path = places.home.path().join("auth.json");
    fs::write(&path, "{").unwrap();
    for mode in [InFile, Auto] {
        let loaded = places.storage(mode, Health::Well).load();
        assert!(matches!(loaded, Err(StorageError::Damaged(_))), "{loaded:?}");
    }
    assert_eq!(places.storage(InKeyring, Health::Well).load().unwrap(), None);
    assert_eq!(fs::read_to_string(path).unwrap(), "{");
}

#[test]
fn stamps() {
    let places = Places::new("");
    for (mode, file_counts) in [(InFile, true), (Auto, true), (InKeyring, false), (Ephemeral, false)] {
        let storage = places.storage(mode, Health::Well);
        let before = storage.stamp();
        assert_eq!(storage.stamp(), before);
        // Another process.
        File::new(places.home.path()).save(&record("sk-1")).unwrap();
        assert_eq!(storage.stamp() != before, file_counts, "{mode:?}");
        let before = storage.stamp();
        places.storage(Ephemeral, Health::Well).save(&record("sk-2")).unwrap();
        assert_ne!(storage.stamp(), before, "{mode:?}");
    }
}

#[test]
fn locks_are_of_a_home() {
    let (one, other) = (Places::new(""), Places::new(""));
    let lock = |places: &Places| places.storage(InFile, Health::Well).lock(Duration::ZERO);
    let _held = lock(&one).unwrap();
    assert!(matches!(lock(&one), Err(StorageError::Locked)));
    lock(&other).unwrap();
}
