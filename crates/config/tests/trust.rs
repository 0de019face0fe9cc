//! Trust of projects: it holds for what their folders held when the user gave it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod place;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use app_server_config::{
    ApprovalPolicy, Config, ConfigLoader, LoadRequest, SandboxMode, TrustChange, TrustLevel, TrustRecords,
    TrustSource,
};
use place::Place;
use pretty_assertions::assert_eq;

/// Keeps records in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<TrustRecords>);

impl TrustSource for Memory {
    fn records(&self) -> Arc<TrustRecords> {
        Arc::new(self.0.lock().unwrap().clone())
    }

    fn keep(&self, changes: &[TrustChange]) {
        let mut records = self.0.lock().unwrap();
        for change in changes {
            match change {
                TrustChange::Record { entry, folder, hash } => {
                    records.entry(entry.clone()).or_default().insert(folder.clone(), hash.clone());
                }
                TrustChange::Forget { entry } => {
                    records.remove(entry);
                }
            }
        }
    }
}

/// A repository in `work` that the user trusts.
struct Trusted {
    place: Place,
    loader: ConfigLoader,
}

impl Trusted {
    fn new() -> Self {
        let place = Place::new("");
        place.write("home/config.toml", &place.trust("work", "trusted"));
        fs::create_dir_all(place.path("work/.git")).unwrap();
        let loader = place.loader(&[]).with_trust_records(Arc::new(Memory::default()));
        Self { place, loader }
    }

    fn write(&self, name: &str, text: &str) {
        self.place.write(name, text);
    }

    /// Loads as a thread does.
    fn load_in(&self, dir: &str) -> Config {
        let cwd = self.place.path(dir);
        let config = self.loader.load(&LoadRequest { cwd: Some(&cwd), ..LoadRequest::default() }).unwrap();
        self.loader.keep_trust(&config.layers);
        config
    }

    /// Why the layers of projects do not count.
    fn reasons(&self, dir: &str) -> Vec<String> {
        let config = self.load_in(dir);
        let reasons = config.layers.iter().filter_map(|layer| layer.disabled_reason.as_deref());
        reasons.map(|reason| self.place.normal(reason)).collect()
    }

    fn counts(&self, dir: &str) -> bool {
        self.reasons(dir).is_empty()
    }
}

#[test]
fn a_folder_that_changes_is_no_longer_trusted() {
    let project = Trusted::new();
    project.write("work/.codex/config.toml", "model = 'project'");
    project.write("work/.codex/hooks/check.sh", "#!/bin/sh");
    let config = project.load_in("work");
    assert_eq!((config.model_slug(), config.trust), ("project", Some(TrustLevel::Trusted)));
    assert!(project.counts("work"));

    project.write("work/.codex/config.toml", "model = 'other'");
    let config = project.load_in("work");
    assert_ne!(config.model_slug(), "other");
    assert_eq!(config.trust, Some(TrustLevel::Untrusted));
    assert_eq!(config.approval_policy, ApprovalPolicy::Untrusted);
    assert_eq!(config.sandbox_mode, SandboxMode::WorkspaceWrite);
    assert!(
        config.layers.rules_folders().iter().all(|folder| !folder.starts_with(project.place.path("work")))
    );
    assert_eq!(
        project.reasons("work"),
        [
            "the .codex folder of <place>/work has changed since it was trusted; to confirm what it holds now, set \
             trust_level = \"trusted\" under [projects.\"<place>/work\"] again"
        ]
    );
    // What is put back as it was is what was trusted.
    project.write("work/.codex/config.toml", "model = 'project'");
    assert!(project.counts("work"));
    for change in ["work/.codex/rules/new.rules", "work/.codex/hooks/check.sh"] {
        project.write(change, "something");
        assert!(!project.counts("work"), "{change}");
        project.loader.confirm_trust(project.place.path("work").to_str().unwrap());
        assert!(project.counts("work"), "{change} was confirmed");
    }
}

#[test]
fn a_folder_that_comes_later_is_not_trusted() {
    let project = Trusted::new();
    assert!(project.counts("work"));
    project.write("work/.codex/config.toml", "model = 'pulled'");
    assert!(project.reasons("work")[0].contains("has changed since it was trusted"));
    project.loader.confirm_trust(project.place.path("work").to_str().unwrap());
    assert!(project.counts("work"));
    project.write("work/deep/.codex/config.toml", "model = 'pulled'");
    assert!(project.reasons("work/deep")[0].contains("work/deep has come since the project was trusted"));
    // An entry of its own is an answer of its own.
    let both = project.place.trust("work", "trusted") + &project.place.trust("work/deep", "trusted");
    project.write("home/config.toml", &both);
    assert!(project.counts("work/deep"));
    project.write("work/.codex/config.toml", "model = 'pulled again'");
    assert_eq!(project.reasons("work/deep").len(), 1);
}

#[test]
fn removing_the_entry_and_setting_it_again_confirms() {
    let project = Trusted::new();
    project.write("work/.codex/config.toml", "model = 'one'");
    assert!(project.counts("work"));
    project.write("work/.codex/config.toml", "model = 'two'");
    assert!(!project.counts("work"));
    let entry = project.place.trust("work", "trusted");
    project.write("home/config.toml", &project.place.trust("work", "untrusted"));
    assert!(project.reasons("work")[0].contains("is marked untrusted"));
    project.write("home/config.toml", &entry);
    assert!(project.counts("work"));
}

#[test]
fn a_load_that_is_no_threads_changes_nothing() {
    let project = Trusted::new();
    let cwd = project.place.path("work");
    let request = LoadRequest { cwd: Some(&cwd), ..LoadRequest::default() };
    let config = project.loader.load(&request).unwrap();
    assert_eq!(config.layers.trust_changes().len(), 1);
    project.write("work/.codex/config.toml", "model = 'x'");
    assert!(project.counts("work"));
}

#[test]
fn a_work_tree_is_trusted_for_what_its_repository_holds() {
    let project = Trusted::new();
    project.write("work/.codex/config.toml", "model = 'same'");
    let admin = project.place.path("work/.git/worktrees/tree");
    fs::create_dir_all(&admin).unwrap();
    project.write("tree/.git", &format!("gitdir: {}\n", admin.display()));
    let back = project.place.path("tree/.git");
    project.write("work/.git/worktrees/tree/gitdir", &format!("{}\n", back.display()));
    project.write("tree/.codex/config.toml", "model = 'same'");
    assert!(project.counts("work"));
    assert!(project.counts("tree"));
    project.write("tree/.codex/config.toml", "model = 'other branch'");
    assert!(!project.counts("tree"));
    assert!(project.counts("work"));
}

#[test]
fn what_cannot_be_read_as_a_whole_is_not_trusted() {
    let project = Trusted::new();
    fs::create_dir_all(project.place.path("work/.codex")).unwrap();
    let file = fs::File::create(project.place.path("work/.codex/large")).unwrap();
    file.set_len(64 << 20).unwrap();
    assert!(project.reasons("work")[0].contains("cannot be trusted: its files are larger than 32 MiB"));
}

#[test]
fn the_users_own_folder_is_no_projects() {
    let place = Place::new("");
    place.write("home/config.toml", &format!("model = 'mine'\n{}", place.trust("", "trusted")));
    fs::rename(place.path("home"), place.path(".codex")).unwrap();
    let environment = app_server_config::Environment::from_pairs([("PWD", place.path("work"))]);
    let loader = ConfigLoader::new(Arc::new(environment), place.path(".codex"), Vec::new())
        .with_system_folder(place.path("etc"))
        .with_trust_records(Arc::new(Memory::default()));
    let cwd = place.path("");
    let load = |cwd: &Path| loader.load(&LoadRequest { cwd: Some(cwd), ..LoadRequest::default() }).unwrap();
    loader.keep_trust(&load(&cwd).layers);
    place.write(".codex/history.jsonl", "changes all the time");
    assert!(load(&cwd).layers.iter().all(|layer| layer.is_enabled()));
}

#[test]
fn requirements_hold_for_files_flags_and_requests() {
    let place = Place::new("approval_policy = 'never'");
    place.write("etc/requirements.toml", "allowed_approval_policies = ['untrusted', 'on-request']");
    let error = place.normal(&place.load(&[]).unwrap_err().to_string());
    assert_eq!(
        error,
        "<place>/home/config.toml:1:19: approval policy \"never\" is not allowed by <place>/etc/requirements.toml; \
         allowed: untrusted, on-request"
    );
    let config = place.load(&["approval_policy=on-request"]).unwrap();
    assert_eq!(config.approval_policy, ApprovalPolicy::OnRequest);
    place.write("home/config.toml", "");
    assert_eq!(place.load(&[]).unwrap().approval_policy, ApprovalPolicy::Untrusted);
    place.write("etc/requirements.toml", "allowed_sandbox_modes = 7");
    assert_eq!(place.load(&[]).unwrap_err().path, Some(place.path("etc/requirements.toml")));
    assert!(place.loader(&[]).requirements().is_err());
    fs::remove_file(place.path("etc/requirements.toml")).unwrap();
    place.write("etc/managed_config.toml", "sandbox_mode = 'read-only'");
    assert!(place.loader(&[]).requirements().unwrap().check_sandbox("workspace-write").is_err());
    place.write("home/config.toml", "sandbox_mode = 'danger-full-access'");
    assert_eq!(place.load(&[]).unwrap().sandbox_mode, SandboxMode::ReadOnly);
}

#[test]
fn switched_features_count_above_flags_and_below_requests() {
    let place = Place::new("");
    let loader = place.loader(&["features.goals=true"]);
    loader.switch_features(&[("goals".to_owned(), false)].into());
    assert!(!loader.load(&LoadRequest::default()).unwrap().features.enabled("goals"));
    let request = [("features.goals".to_owned(), true.into())];
    let request = LoadRequest { overrides: &request, ..LoadRequest::default() };
    assert!(loader.load(&request).unwrap().features.enabled("goals"));
    place.write("home/config.toml", "[features]\napps = true\nshell_snapshot = true\ngoals = true");
    let warnings = loader.at_startup(None).1;
    assert_eq!(warnings[0].details.as_deref(), Some("apps, shell_snapshot"));
    place.write("home/config.toml", "suppress_unstable_features_warning = true\n[features]\napps = true");
    assert_eq!(loader.at_startup(None).1, []);
}
