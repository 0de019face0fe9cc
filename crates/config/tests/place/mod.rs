//! A made-up machine: a home, a machine folder and a working directory.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use app_server_config::overrides::parse_override;
use app_server_config::{Config, ConfigError, ConfigLoader, Environment, LoadRequest};

/// A home, a machine folder and a working directory of their own.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(user_file: &str) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        for name in ["home", "etc", "work"] {
            fs::create_dir(place.path(name)).unwrap();
        }
        place.write("home/config.toml", user_file);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn loader(&self, flags: &[&str]) -> ConfigLoader {
        let environment = Environment::from_pairs([("PWD", self.path("work"))]);
        let flags = flags.iter().map(|flag| parse_override(flag).unwrap()).collect();
        ConfigLoader::new(Arc::new(environment), self.path("home"), flags)
            .with_system_folder(self.path("etc"))
    }

    pub(crate) fn load(&self, flags: &[&str]) -> Result<Config, ConfigError> {
        self.loader(flags).load(&LoadRequest { cwd: Some(&self.path("work")), ..LoadRequest::default() })
    }

    pub(crate) fn trust(&self, dir: &str, level: &str) -> String {
        format!("[projects.\"{}\"]\ntrust_level = \"{level}\"\n", self.path(dir).display())
    }

    /// Replaces the place's folder in a text, which is different at every run.
    pub(crate) fn normal(&self, text: &str) -> String {
        text.replace(&*self.path("").to_string_lossy(), "<place>/")
    }
}
