//! Which hooks a configuration has, and which may run.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod place;

use app_server_config::{Hook, HookEvent, HookPlace, HookTrust, Hooks};
use expect_test::expect;
use place::Place;
use pretty_assertions::assert_eq;

fn hooks(place: &Place) -> Hooks {
    Hooks::of(&place.load(&[]).unwrap(), &place.path("work"))
}

fn shown(place: &Place, hooks: &Hooks) -> String {
    let line = |hook: &Hook| {
        let matcher = hook.matcher.as_deref().unwrap_or("-");
        format!(
            "{} {} {matcher} {} s {:?} {:?}\n",
            hook.display_order, hook.key, hook.timeout_s, hook.action, hook.trust
        )
    };
    let mut text: String = hooks.hooks.iter().map(line).collect();
    text += &hooks.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>();
    text += &hooks
        .errors
        .iter()
        .map(|e| format!("error: {}: {}\n", e.path.display(), e.message))
        .collect::<String>();
    place.normal(&text)
}

#[test]
fn hooks_of_every_layer_that_counts() {
    let place = Place::new("");
    place.write(
        "home/config.toml",
        &format!(
            "{}\n[[hooks.Stop]]\nmatcher = '([' # has none\nhooks = [{{ type = 'command', command = 'a' }}]\n\
             [[hooks.PreToolUse]]\nmatcher = 'Bash|Edit'\nhooks = [\n\
             {{ type = 'command', command = 'b', timeout = 5, async = true }},\n\
             {{ type = 'prompt', prompt = 'x' }}, {{ type = 'mcp_tool', server = 's', tool = 't' }},\n\
             {{ type = 'command', command = ' ' }}, {{ type = 'new' }}]\n\
             [[hooks.PostToolUse]]\nmatcher = '(['\nhooks = [{{ type = 'command', command = 'c' }}]\n\
             [[hooks.SessionEnd]]\nhooks = [{{ type = 'command', command = 'd' }}]\n[[hooks.Tomorrow]]\nx = 1\n",
            place.trust("work", "trusted")
        ),
    );
    place.write(
        "home/hooks.json",
        r#"{"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "e"}]}], "Stop": 7}}"#,
    );
    place.write("work/.codex/hooks.json", "{");
    place.write("etc/managed_config.toml", "[[hooks.Stop]]\nhooks = [{ type = 'command', command = 'm' }]");
    expect![[r#"
        0 <place>/home/hooks.json:session_start:0:0 - 600 s Command { command: "e", is_async: false } Untrusted
        1 <place>/home/config.toml:pre_tool_use:0:0 Bash|Edit 5 s Command { command: "b", is_async: true } Untrusted
        2 <place>/home/config.toml:pre_tool_use:0:2 Bash|Edit 600 s McpTool { server: "s", tool: "t" } Untrusted
        3 <place>/home/config.toml:session_end:0:0 - 1 s Command { command: "d", is_async: false } Untrusted
        4 <place>/home/config.toml:stop:0:0 - 600 s Command { command: "a", is_async: false } Untrusted
        5 <place>/etc/managed_config.toml:stop:0:0 - 600 s Command { command: "m", is_async: false } Managed
        warning: hooks are read from both <place>/home/hooks.json and <place>/home/config.toml; keep those of one folder in one file
        warning: hooks of type `prompt` are not supported: hooks.PreToolUse[0].hooks[1] in <place>/home/config.toml
        warning: hooks that call tools are listed and not run: hooks.PreToolUse[0].hooks[2] in <place>/home/config.toml
        warning: a hook without a command is left out: hooks.PreToolUse[0].hooks[3] in <place>/home/config.toml
        warning: invalid matcher "([" in <place>/home/config.toml: non-empty character class has no closing bracket
        error: <place>/work/.codex/hooks.json: EOF while parsing an object at line 1 column 1
        error: <place>/home/hooks.json: hooks.Stop: not a list
        error: <place>/home/config.toml: hooks.PreToolUse[0].hooks[4]: unknown type `new`; known are command, mcp_tool, prompt, agent
    "#]]
    .assert_eq(&shown(&place, &hooks(&place)));
    // A project that is not trusted has none, and its broken file is nobody's concern.
    place.write("home/config.toml", "");
    let found = hooks(&place);
    assert!(found.hooks.iter().all(|hook| !hook.key.contains("/work/")));
    assert_eq!(found.errors.len(), 1);
}

#[test]
fn a_hook_runs_when_this_very_hook_is_trusted_and_switched_on() {
    let place = Place::new("");
    let definition =
        "[[hooks.PreToolUse]]\nmatcher = 'Bash'\nhooks = [{ type = 'command', command = './check.sh' }]\n";
    place.write("work/check.sh", "exit 0");
    let with = |state: &str| {
        place.write("home/config.toml", &format!("{definition}{state}"));
        let hook = hooks(&place).hooks.remove(0);
        (hook.trust, hook.may_run(), hook)
    };
    let (trust, runs, hook) = with("");
    assert_eq!((trust, runs), (HookTrust::Untrusted, false));
    let state =
        |hash: &str, more: &str| format!("[hooks.state.'{}']\ntrusted_hash = '{hash}'\n{more}", hook.key);
    assert_eq!(with(&state("sha256:00", "")).0, HookTrust::Modified);
    let trusted = state(&hook.current_hash, "");
    let (trust, runs, now) = with(&trusted);
    assert_eq!((trust, runs), (HookTrust::Trusted, true));
    assert!(now.matches(&["Bash", "exec_command"]) && !now.matches(&["Bashful"]));
    assert!(!with(&state(&hook.current_hash, "enabled = false")).1);
    assert!(!with(&format!("{trusted}[features]\nhooks = false")).1);

    // The script is the project's, so that anybody who can write there could change what runs.
    let config = place.load(&[]).unwrap();
    let cwd = place.path("work");
    assert!(now.is_unchanged(&HookPlace::of(&config, &cwd)));
    place.write("work/check.sh", "rm -rf ~");
    assert!(!now.is_unchanged(&HookPlace::of(&config, &cwd)));
    assert_eq!(with(&trusted).0, HookTrust::Modified);
}

#[test]
fn a_project_cannot_trust_its_own_hooks() {
    let place = Place::new("");
    place.write("home/config.toml", &place.trust("work", "trusted"));
    let definition = "[[hooks.Stop]]\nhooks = [{ type = 'command', command = 'true' }]\n";
    place.write("work/.codex/config.toml", definition);
    let hook = hooks(&place).hooks.remove(0);
    assert_eq!((hook.event, hook.trust), (HookEvent::Stop, HookTrust::Untrusted));
    let state = format!("{definition}[hooks.state.'{}']\ntrusted_hash = '{}'", hook.key, hook.current_hash);
    place.write("work/.codex/config.toml", &state);
    assert_eq!(hooks(&place).hooks[0].trust, HookTrust::Untrusted);
    let flag = format!("hooks.state={{'{}'={{trusted_hash='{}'}}}}", hook.key, hook.current_hash);
    let config = place.load(&[&flag]).unwrap();
    assert_eq!(Hooks::of(&config, &place.path("work")).hooks[0].trust, HookTrust::Untrusted);
}
