//! Where skills are looked for (wire specification 15).

use std::path::{Path, PathBuf};

use app_server_config::{Config, ConfigLoader, roots};
use app_server_skills::{Links, Root, Scope};

/// The folder of skills within a configuration folder.
const FOLDER: &str = "skills";

/// The roots for a thread in `cwd`, those that win first: the project's from its top down, the user's, those the client
/// has added, the product's, the machine's. A project's are looked at whether it is trusted or not, since nothing of a
/// skill is run (both references do so), and links in them must stay in the project.
pub(super) fn of(loader: &ConfigLoader, config: &Config, cwd: &Path, extra: &[PathBuf]) -> Vec<Root> {
    let own = loader.codex_home().join(FOLDER);
    let agents = loader.environment().home_dir().map(|home| home.join(".agents").join(FOLDER));
    let mut users: Vec<PathBuf> = std::iter::once(own.clone()).chain(agents).collect();
    users.extend_from_slice(extra);
    let top = roots::project_root(cwd, &config.project_root_markers);
    let within = Links::Within(top.canonicalize().unwrap_or_else(|_| top.to_owned()));
    let project = roots::chain(top, cwd)
        .into_iter()
        .flat_map(|folder| [".codex", ".agents"].map(|name| folder.join(name).join(FOLDER)))
        // A home folder may be a project, too.
        .filter(|path| !users.contains(path));
    let mut found: Vec<Root> =
        project.map(|path| Root { path, scope: Scope::Repo, links: within.clone() }).collect();
    let of_user = |path| Root { path, scope: Scope::User, links: Links::Follow };
    found.extend(users.iter().cloned().map(of_user));
    found.push(Root { path: own.join(".system"), scope: Scope::System, links: Links::Ignore });
    let machine = loader.system_folder().join(FOLDER);
    found.push(Root { path: machine, scope: Scope::Admin, links: Links::Follow });
    found
}
