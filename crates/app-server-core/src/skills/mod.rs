//! Skills: which there are for a folder, what the model is told of them, and what is put before it when the user asks
//! for one. Where they are found and how they are read is the crate `skills`'.

mod list;
mod roots;
mod section;
mod switches;
mod watching;
mod write;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app_server_config::{Config, ConfigError, LoadRequest};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{ConfigWarningNotification, UserInput, WarningNotification};
use app_server_skills::{Catalogue, Problem, Root, Skill, Wanted, wanted};
use serde_json::value::RawValue;

pub use list::{list, set_extra_roots};
pub use write::write;

use self::switches::Switches;
use crate::services::Services;
use crate::turn::{TurnContext, text_message};

/// Folders whose skills are remembered. Clients ask for few.
const REMEMBERED: usize = 32;
/// Problems that are told in one go.
const TOLD_AT_ONCE: usize = 20;

/// The skills of a session.
#[derive(Default)]
pub(crate) struct SkillsCatalogue {
    state: Mutex<State>,
    watching: watching::Watching,
}

#[derive(Default)]
struct State {
    /// Roots the client has added.
    extra: Vec<PathBuf>,
    /// What was found, by the roots.
    found: HashMap<Vec<Root>, Arc<Catalogue>>,
    /// Files the client has been told of that they cannot be used.
    told: HashSet<PathBuf>,
}

/// The skills for a folder.
struct Skills {
    roots: Vec<Root>,
    found: Arc<Catalogue>,
    switches: Switches,
}

impl SkillsCatalogue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is below the roots: as remembered, if nothing has changed since. Reads the disk.
    fn find(&self, roots: Vec<Root>, anew: bool) -> Arc<Catalogue> {
        let known = self.lock().found.get(&roots).map(Arc::clone);
        if let Some(known) = known.filter(|known| !anew && known.is_current()) {
            return known;
        }
        let found = Arc::new(Catalogue::read(&roots));
        let mut state = self.lock();
        if state.found.len() >= REMEMBERED {
            state.found.clear();
        }
        state.found.insert(roots, Arc::clone(&found));
        found
    }

    /// The problems the client has not been told of; it counts as told of them then.
    fn untold<'a>(&self, problems: &'a [Problem]) -> Vec<&'a Problem> {
        let mut state = self.lock();
        problems.iter().filter(|problem| state.told.insert(problem.path.clone())).collect()
    }
}

impl Skills {
    /// Looks for the skills of a folder. Which are switched off is read anew: it may have changed since the thread began.
    fn of(services: &Services, config: &Config, cwd: &Path, anew: bool) -> Result<Self, ConfigError> {
        let extra = services.skills.lock().extra.clone();
        let roots = roots::of(&services.config, config, cwd, &extra);
        let found = services.skills.find(roots.clone(), anew);
        let switches = if found.skills.is_empty() {
            Switches::default()
        } else {
            Switches::of(&services.config.layers(&LoadRequest::default())?)
        };
        Ok(Skills { roots, found, switches })
    }

    fn usable(&self) -> impl Iterator<Item = &Skill> {
        self.found.skills.iter().filter(|skill| self.switches.is_on(skill))
    }
}

/// The skills as one thread knows them, from the beginning of a turn to that of the next.
#[derive(Default)]
pub(crate) struct ThreadSkills {
    state: Mutex<ThreadState>,
}

#[derive(Default)]
struct ThreadState {
    skills: Option<Arc<Skills>>,
    section: Option<Arc<str>>,
    /// Whether the client knows that not all are told to the model.
    is_cut_told: bool,
    /// Skills whose instructions the model was given in this turn.
    given: HashSet<PathBuf>,
}

impl ThreadSkills {
    fn lock(&self) -> MutexGuard<'_, ThreadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the model is to know of them.
    pub(crate) fn section(&self) -> Option<Arc<str>> {
        self.lock().section.clone()
    }
}

/// Finds out which skills there are for a turn that begins, and tells the client what is wrong with them.
pub(crate) async fn look(context: &TurnContext) {
    let thread = Arc::clone(&context.thread);
    let (config, cwd) = (Arc::clone(&context.settings.config), context.settings.cwd.clone());
    context.thread.skills.lock().given.clear();
    let looked =
        tokio::task::spawn_blocking(move || Skills::of(&thread.services, &config, &cwd, false)).await;
    let skills = match looked {
        Ok(Ok(skills)) => skills,
        Ok(Err(error)) => {
            return tracing::warn!(%error, "skills stay as they were: the configuration does not load");
        }
        Err(error) => return tracing::error!(%error, "skills could not be looked for"),
    };
    let own = &context.thread.skills;
    let section = section::of(skills.usable());
    let left_out = section.as_ref().map_or(0, |section| section.left_out);
    let problems = context.thread.services.skills.untold(&skills.found.problems);
    if !problems.is_empty() {
        context.thread.services.host.notify(ServerNotification::ConfigWarning(cannot_be_used(&problems)));
    }
    let is_news = {
        let mut state = own.lock();
        state.section = section.map(|section| section.text.into());
        state.skills = Some(Arc::new(skills));
        left_out > 0 && !std::mem::replace(&mut state.is_cut_told, true)
    };
    if is_news {
        warn(context, format!("There are more skills than the model is told of: {left_out} are left out."));
    }
}

/// What is put before the model after a message that asks for skills: their instructions. A skill comes once in a turn.
pub(crate) async fn asked_for(context: &TurnContext, input: &[UserInput]) -> Vec<Box<RawValue>> {
    let Some(skills) = context.thread.skills.lock().skills.clone() else { return Vec::new() };
    if skills.found.skills.is_empty() {
        return Vec::new();
    }
    let (mut texts, mut paths) = (Vec::new(), Vec::new());
    for part in input {
        match part {
            UserInput::Text { text, .. } => texts.push(text.clone()),
            UserInput::Skill { path, .. } => paths.push(path.clone()),
            _ => {}
        }
    }
    let read = tokio::task::spawn_blocking(move || {
        let (texts, paths): (Vec<&str>, Vec<&str>) =
            (texts.iter().map(String::as_str).collect(), paths.iter().map(String::as_str).collect());
        let message = Wanted { texts: &texts, paths: &paths };
        let wanted = wanted(&skills.found, |skill| skills.switches.is_on(skill), message);
        wanted.into_iter().map(|skill| (skill.clone(), skill.text())).collect::<Vec<_>>()
    });
    let Ok(read) = read.await else { return Vec::new() };
    let mut messages = Vec::new();
    for (skill, text) in read {
        if !context.thread.skills.lock().given.insert(skill.path.clone()) {
            continue;
        }
        match text {
            Ok(text) => messages.push(instructions(&skill, &text)),
            Err(error) => {
                let path = skill.path.display();
                warn(context, format!("The skill {} cannot be read: {path}: {error}", skill.name));
            }
        }
    }
    messages
}

/// A skill as the model reads it. The tags are the references', which know by them that the user has not written it.
fn instructions(skill: &Skill, text: &str) -> Box<RawValue> {
    let (name, path) = (&skill.name, skill.path.display());
    text_message("user", &format!("<skill>\n<name>{name}</name>\n<path>{path}</path>\n{text}\n</skill>"))
}

fn warn(context: &TurnContext, message: String) {
    let thread_id = Some(context.thread.id().to_owned());
    context.notify(ServerNotification::Warning(WarningNotification { message, thread_id }));
}

fn cannot_be_used(problems: &[&Problem]) -> ConfigWarningNotification {
    let mut lines: Vec<String> = problems
        .iter()
        .take(TOLD_AT_ONCE)
        .map(|problem| format!("{}: {}", problem.path.display(), problem.message))
        .collect();
    if problems.len() > TOLD_AT_ONCE {
        lines.push(format!("and {} more", problems.len() - TOLD_AT_ONCE));
    }
    ConfigWarningNotification {
        details: Some(lines.join("\n")),
        path: None,
        range: None,
        summary: "Some skills cannot be used.".to_owned(),
    }
}
