//! Patches: what they do to files, how they are shown, when they are refused.

use std::fs;
use std::path::Path;

use app_server_test_support::{Answer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{CODEX_MODEL, call, completed, only, patch, shell, timeless, until_asked};
use crate::{Scene, turn_status};

const ALL_KINDS: &str = "*** Begin Patch\n*** Add File: added.txt\n+fresh\n*** Update File: upd.txt\n@@\n a\n-b\n+B\n c\n\
                         *** Update File: mv.txt\n*** Move to: moved/mv2.txt\n@@\n-x\n+y\n*** Delete File: gone.txt\n\
                         *** End Patch";
const DONE: &str =
    "Success. Updated the following files:\nA added.txt\nM upd.txt\nM moved/mv2.txt\nD gone.txt\n";

fn write_files(scene: &Scene) {
    for (name, text) in [("upd.txt", "a\nb\nc\n"), ("mv.txt", "x\n"), ("gone.txt", "bye\n")] {
        fs::write(scene.home.work().join(name), text).unwrap();
    }
}

fn read(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

fn assert_all_kinds_are_done(scene: &Scene) {
    let work = scene.home.work();
    let texts = ["added.txt", "upd.txt", "moved/mv2.txt", "mv.txt", "gone.txt"].map(|name| read(&work, name));
    let expected = [Some("fresh\n"), Some("a\nB\nc\n"), Some("y\n"), None, None];
    assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
}

#[test]
fn every_kind_of_change_is_made_and_shown() {
    let scene = Scene::calling(patch(ALL_KINDS));
    write_files(&scene);
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"model": CODEX_MODEL}));
    let messages = server.run_turn(&thread, "patch");
    assert_all_kinds_are_done(&scene);
    assert_eq!(timeless(&scene.told()), format!("Exit code: 0\nWall time: S seconds\nOutput:\n{DONE}"));

    let item = only(&messages, "fileChange");
    assert_eq!((&item["id"], &item["status"]), (&json!("call_1"), &json!("completed")));
    let work = scene.home.work();
    let path = |name: &str| json!(work.join(name));
    let moved = work.join("moved/mv2.txt");
    assert_eq!(
        item["changes"],
        json!([
            {"path": path("added.txt"), "kind": {"type": "add"}, "diff": "fresh\n"},
            {"path": path("gone.txt"), "kind": {"type": "delete"}, "diff": "bye\n"},
            {
                "path": path("mv.txt"), "kind": {"type": "update", "move_path": moved},
                "diff": format!("@@ -1 +1 @@\n-x\n+y\n\n\nMoved to: {}", moved.display()),
            },
            {
                "path": path("upd.txt"), "kind": {"type": "update", "move_path": null},
                "diff": "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n",
            },
        ])
    );
    let diffs: Vec<&Value> = messages
        .iter()
        .filter(|message| message["method"] == "turn/diff/updated")
        .map(|message| &message["params"]["diff"])
        .collect();
    assert_eq!(diffs.len(), 1, "told of when it changes only");
    let diff = diffs[0].as_str().unwrap();
    for line in [
        "diff --git a/added.txt b/added.txt",
        "new file mode 100644",
        "--- a/gone.txt",
        "diff --git a/mv.txt b/moved/mv2.txt",
    ] {
        assert!(diff.contains(&format!("{line}\n")), "{line} in {diff}");
    }
}

/// Runs one call without approvals; returns the turn's messages and what the model was told.
fn run(answer: Answer, prepare: impl Fn(&Scene)) -> (Scene, Vec<Value>, String) {
    let scene = Scene::calling(answer);
    prepare(&scene);
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"model": CODEX_MODEL}));
    let messages = server.run_turn(&thread, "patch");
    assert_eq!(turn_status(&messages), "completed");
    server.close();
    let told = scene.told();
    (scene, messages, told)
}

#[test]
fn a_patch_comes_by_many_ways() {
    let heredoc = format!("apply_patch <<'EOF'\n{ALL_KINDS}\nEOF\n");
    for answer in [
        call("apply_patch", &json!({"input": ALL_KINDS})),
        call("shell", &json!({"command": ["apply_patch", ALL_KINDS]})),
        call("shell", &json!({"command": ["bash", "-lc", heredoc]})),
        call("exec_command", &json!({"cmd": heredoc})),
        shell(&heredoc),
        shell(&heredoc.replace("'EOF'", "EOF")),
        shell(&heredoc.replace("apply_patch", "applypatch")),
        shell(&format!("cd . && {heredoc}")),
    ] {
        let (scene, messages, told) = run(answer, write_files);
        assert!(told.contains("Success. Updated the following files:"), "{told}");
        assert_all_kinds_are_done(&scene);
        assert_eq!(only(&messages, "fileChange")["status"], "completed");
        assert_eq!(completed(&messages, "commandExecution").len(), 0);
    }
}

#[test]
fn a_folder_before_the_patch_is_its_base() {
    let script = "cd sub && apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: a\n+x\n*** End Patch\nEOF\n";
    let (scene, messages, _) =
        run(shell(script), |scene| fs::create_dir(scene.home.work().join("sub")).unwrap());
    assert_eq!(read(&scene.home.work(), "sub/a").as_deref(), Some("x\n"));
    assert_eq!(only(&messages, "fileChange")["changes"][0]["path"], json!(scene.home.work().join("sub/a")));
}

#[test]
fn a_script_that_does_more_is_a_command() {
    let heredoc = "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: a\n+x\n*** End Patch\nEOF\n";
    for script in [
        format!("echo x; {heredoc}"),
        format!("{heredoc}echo x\n"),
        heredoc.replace("<<'EOF'", "<<'EOF' && echo ok"),
        heredoc.replace("apply_patch", "cat").replace("<<'EOF'", "<<'EOF' | cat"),
    ] {
        let (_, messages, _) = run(shell(&script), |_| {});
        assert_eq!(completed(&messages, "fileChange").len(), 0, "{script}");
        assert_eq!(completed(&messages, "commandExecution").len(), 1, "{script}");
    }
}

#[test]
fn a_patch_that_does_not_fit_changes_nothing_and_shows_nothing() {
    let patch_of = |lines: &str| patch(&format!("*** Begin Patch\n{lines}\n*** End Patch"));
    for (answer, told) in [
        (
            patch_of("*** Update File: upd.txt\n@@\n-zzz\n+q"),
            "apply_patch verification failed: Failed to find expected lines in <work>/upd.txt:\nzzz",
        ),
        (
            patch_of("*** Update File: upd.txt\n@@ nowhere\n-b\n+q"),
            "apply_patch verification failed: Failed to find context 'nowhere' in <work>/upd.txt",
        ),
        (
            patch("garbage"),
            "apply_patch verification failed: invalid patch: The first line of the patch must be '*** Begin Patch'",
        ),
        (
            patch_of("*** Delete File: missing.txt"),
            "apply_patch verification failed: Failed to read <work>/missing.txt: ",
        ),
        (patch_of("*** Frobnicate File: a"), "apply_patch verification failed: invalid hunk at line 2, "),
        (
            shell("apply_patch <<'EOF'\n*** Begin Patch\n*** Delete File: missing.txt\n*** End Patch\nEOF\n"),
            "apply_patch verification failed: Failed to read <work>/missing.txt: ",
        ),
    ] {
        let (scene, messages, output) = run(answer, write_files);
        let told = told.replace("<work>", &scene.home.work().to_string_lossy());
        assert!(output.starts_with(&told), "{output}\nis not\n{told}");
        assert_eq!(completed(&messages, "fileChange").len(), 0);
        assert_eq!(read(&scene.home.work(), "upd.txt").as_deref(), Some("a\nb\nc\n"));
    }
}

#[test]
fn lines_are_found_though_blanks_and_marks_differ() {
    for (file, lines, after) in [
        // Lines that are only looked for stay as they are in the file.
        ("a  \nb\n", " a\n-b\n+c", "a  \nc\n"),
        ("  a\nb\n", " a\n-b\n+c", "  a\nc\n"),
        ("say \u{201c}a\u{201d}\u{2014}b\n", "-say \"a\"-b\n+c", "c\n"),
        ("a\nb\na\n", "-a\n+z\n*** End of File", "a\nb\nz\n"),
        ("no newline", "-no newline\n+one", "one\n"),
        ("a\r\nb\r\n", " a\n-b\n+c", "a\r\nc\r\n"),
    ] {
        let text = format!("*** Begin Patch\n*** Update File: f\n@@\n{lines}\n*** End Patch");
        let (scene, _, told) =
            run(patch(&text), |scene| fs::write(scene.home.work().join("f"), file).unwrap());
        assert_eq!(read(&scene.home.work(), "f").as_deref(), Some(after), "{told}");
    }
}

#[test]
fn a_patch_is_asked_for_and_made_once_approved() {
    for (decision, status, is_made) in [("accept", "completed", true), ("decline", "declined", false)] {
        let scene = Scene::calling(patch(ALL_KINDS));
        write_files(&scene);
        let mut server = scene.server();
        let thread = scene.asking_thread(&mut server);
        server.start_turn(&thread, "patch");
        let request = until_asked(&mut server);
        assert_eq!(request["method"], "item/fileChange/requestApproval");
        assert_eq!(
            (&request["params"]["itemId"], &request["params"]["grantRoot"]),
            (&json!("call_1"), &Value::Null)
        );
        server.reply(&request, json!({"decision": decision}));
        let messages = server.until_turn_completed(&thread);
        assert_eq!(turn_status(&messages), "completed");
        assert_eq!(only(&messages, "fileChange")["status"], status);
        if is_made {
            assert_all_kinds_are_done(&scene);
        } else {
            assert_eq!(scene.told(), "patch rejected by user");
            assert_eq!(read(&scene.home.work(), "gone.txt").as_deref(), Some("bye\n"));
        }
    }
}

#[test]
fn a_cancelled_patch_ends_the_turn() {
    let scene = Scene::new([patch(ALL_KINDS)]);
    write_files(&scene);
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    server.start_turn(&thread, "patch");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "cancel"}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    assert_eq!(only(&messages, "fileChange")["status"], "declined");
    assert_eq!(read(&scene.home.work(), "gone.txt").as_deref(), Some("bye\n"));
}

#[test]
fn files_approved_for_the_session_are_asked_for_once() {
    let update = |from: &str, to: &str| {
        patch(&format!("*** Begin Patch\n*** Update File: upd.txt\n@@\n-{from}\n+{to}\n*** End Patch"))
    };
    let other = patch("*** Begin Patch\n*** Add File: other.txt\n+x\n*** End Patch");
    let done = || Answer::message("done");
    let scene = Scene::new([patch(ALL_KINDS), done(), update("B", "b"), done(), other, done()]);
    write_files(&scene);
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    server.start_turn(&thread, "one");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "acceptForSession"}));
    server.until_turn_completed(&thread);
    // Some of the files, unasked.
    let messages = server.run_turn(&thread, "two");
    assert_eq!(only(&messages, "fileChange")["status"], "completed");
    assert_eq!(read(&scene.home.work(), "upd.txt").as_deref(), Some("a\nb\nc\n"));
    // Another file.
    server.start_turn(&thread, "three");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "decline"}));
    server.until_turn_completed(&thread);
    assert_eq!(read(&scene.home.work(), "other.txt"), None);
}

#[test]
fn a_patch_that_leaves_the_workspace_is_refused_or_asked_for() {
    let outside = |scene: &Scene| scene.home.base().join("outside.txt");
    let add = "*** Begin Patch\n*** Add File: ../outside.txt\n+x\n*** End Patch";
    // Nobody may be asked.
    for (sandbox, text) in
        [("workspace-write", add), ("read-only", "*** Begin Patch\n*** Add File: in\n+x\n*** End Patch")]
    {
        let scene = Scene::calling(patch(text)).confined();
        let mut server = scene.server();
        let thread = scene.thread_with(&mut server, json!({"model": CODEX_MODEL, "sandbox": sandbox}));
        let messages = server.run_turn(&thread, "patch");
        assert_eq!(turn_status(&messages), "completed");
        assert!(scene.told().contains("patch rejected: "), "{}", scene.told());
        assert!(!outside(&scene).exists() && !scene.home.work().join("in").exists());
    }
    // The user may be asked.
    let scene = Scene::calling(patch(add)).confined();
    let mut server = scene.server();
    let params = json!({"model": CODEX_MODEL, "approvalPolicy": "on-request", "sandbox": "workspace-write"});
    let thread = scene.thread_with(&mut server, params);
    server.start_turn(&thread, "patch");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "accept"}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(only(&messages, "fileChange")["status"], "completed");
    assert_eq!(fs::read_to_string(outside(&scene)).unwrap(), "x\n");
}

#[test]
fn the_workspace_is_patched_unasked() {
    let scene = Scene::calling(patch(ALL_KINDS));
    write_files(&scene);
    let mut server = scene.server();
    let params = json!({"model": CODEX_MODEL, "approvalPolicy": "on-request", "sandbox": "workspace-write"});
    let thread = scene.thread_with(&mut server, params);
    let messages = server.run_turn(&thread, "patch");
    assert_eq!(only(&messages, "fileChange")["status"], "completed");
    assert_all_kinds_are_done(&scene);
}

#[test]
fn a_link_does_not_lead_a_patch_out_of_the_workspace() {
    let scene = Scene::calling(patch("*** Begin Patch\n*** Add File: link/a\n+x\n*** End Patch")).confined();
    let outside = scene.home.base().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, scene.home.work().join("link")).unwrap();
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"model": CODEX_MODEL, "sandbox": "workspace-write"}));
    server.run_turn(&thread, "patch");
    assert!(!outside.join("a").exists());
}

#[test]
fn the_same_file_twice_in_one_response() {
    let first = "*** Begin Patch\n*** Update File: upd.txt\n@@\n-b\n+1\n*** End Patch";
    let second = "*** Begin Patch\n*** Update File: upd.txt\n@@\n-1\n+2\n*** End Patch";
    let both = Answer::response([
        events::custom_tool_call("call_a", "apply_patch", first),
        events::custom_tool_call("call_b", "apply_patch", second),
    ]);
    let scene = Scene::calling(both);
    write_files(&scene);
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"model": CODEX_MODEL}));
    let messages = server.run_turn(&thread, "patch");
    assert_eq!(completed(&messages, "fileChange").len(), 2);
    assert_eq!(read(&scene.home.work(), "upd.txt").as_deref(), Some("a\n2\nc\n"));
}
