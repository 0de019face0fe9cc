//! Properties that hold for any text: nothing panics, and what a patch does its reverse undoes.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::fs;

use app_server_patch::{Chunk, ChunkLine, Intercepted, ItemChangeKind, Operation, Patch, intercept, verify};
use proptest::prelude::*;

/// Writes a patch the way models do.
fn print(patch: &Patch) -> String {
    let mut text = String::from("*** Begin Patch\n");
    for operation in &patch.operations {
        match operation {
            Operation::Add { path, content } => {
                text.push_str(&format!("*** Add File: {path}\n"));
                content.lines().for_each(|line| text.push_str(&format!("+{line}\n")));
            }
            Operation::Delete { path } => text.push_str(&format!("*** Delete File: {path}\n")),
            Operation::Update { path, move_to, chunks } => {
                text.push_str(&format!("*** Update File: {path}\n"));
                if let Some(target) = move_to {
                    text.push_str(&format!("*** Move to: {target}\n"));
                }
                for chunk in chunks {
                    match &chunk.anchor {
                        Some(anchor) => text.push_str(&format!("@@ {anchor}\n")),
                        None => text.push_str("@@\n"),
                    }
                    for line in &chunk.lines {
                        text.push_str(&match line {
                            ChunkLine::Context(line) => format!(" {line}\n"),
                            ChunkLine::Remove(line) => format!("-{line}\n"),
                            ChunkLine::Add(line) => format!("+{line}\n"),
                        });
                    }
                    if chunk.end_of_file {
                        text.push_str("*** End of File\n");
                    }
                }
            }
        }
    }
    text.push_str("*** End Patch");
    text
}

fn reverse(patch: &Patch) -> Patch {
    let mut patch = patch.clone();
    for operation in &mut patch.operations {
        let Operation::Update { path, move_to, chunks } = operation else { unreachable!() };
        if let Some(target) = move_to {
            std::mem::swap(path, target);
        }
        for line in chunks.iter_mut().flat_map(|chunk| &mut chunk.lines) {
            *line = match std::mem::replace(line, ChunkLine::Context(String::new())) {
                ChunkLine::Add(text) => ChunkLine::Remove(text),
                ChunkLine::Remove(text) => ChunkLine::Add(text),
                context @ ChunkLine::Context(_) => context,
            };
        }
    }
    patch
}

/// A file of unlike lines, and what is to be done to each: kept, removed or replaced.
fn edited_file() -> impl Strategy<Value = (Vec<String>, Vec<u8>, bool, bool)> {
    let line = "[ \t]{0,2}[a-zäß€ \t\"+@*\\-]{0,12}";
    let file = prop::collection::vec(line, 1..40).prop_map(|lines| {
        lines.iter().enumerate().map(|(number, line)| format!("{line}#{number}")).collect::<Vec<_>>()
    });
    file.prop_flat_map(|lines| {
        let edits = prop::collection::vec(0..6_u8, lines.len());
        (Just(lines), edits, any::<bool>(), any::<bool>())
    })
}

/// Chunks of three lines each; one with nothing to change is left out.
fn update(lines: &[String], edits: &[u8], move_to: Option<String>) -> Patch {
    let mut chunks = Vec::new();
    for (lines, edits) in lines.chunks(3).zip(edits.chunks(3)) {
        let mut chunk = Chunk { anchor: None, lines: Vec::new(), end_of_file: false };
        for (line, edit) in lines.iter().zip(edits) {
            match edit {
                0 => chunk.lines.push(ChunkLine::Remove(line.clone())),
                1 => {
                    chunk.lines.push(ChunkLine::Remove(line.clone()));
                    chunk.lines.push(ChunkLine::Add(format!("{line} changed")));
                }
                2 => {
                    chunk.lines.push(ChunkLine::Context(line.clone()));
                    chunk.lines.push(ChunkLine::Add(format!("after {line}")));
                }
                _ => chunk.lines.push(ChunkLine::Context(line.clone())),
            }
        }
        // Without a line that stays, the reverse would be an insertion, which goes to the end of the file.
        let stays = |line: &ChunkLine| matches!(line, ChunkLine::Context(_));
        if chunk.lines.iter().any(stays) && !chunk.lines.iter().all(stays) {
            chunks.push(chunk);
        }
    }
    Patch { operations: vec![Operation::Update { path: "file".to_owned(), move_to, chunks }] }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn reading_never_panics(text in "\\PC*", lines in prop::collection::vec(
        prop::sample::select(vec![
            "*** Begin Patch", "*** End Patch", "*** Add File: a", "*** Delete File: a", "*** Update File: a",
            "*** Move to: b", "*** End of File", "*** Environment ID: x", "@@", "@@ a", "+a", "-a", " a", "", " ",
            "a", "<<EOF", "EOF", "apply_patch <<'EOF'", "cd a && apply_patch <<EOF", "é", "\t",
        ]), 0..30)) {
        let joined = lines.join("\n");
        for text in [&text, &joined, &format!("*** Begin Patch\n{joined}\n*** End Patch")] {
            if let Ok(patch) = Patch::parse(text) {
                for operation in patch.operations {
                    if let Operation::Update { chunks, .. } = operation {
                        prop_assert!(!chunks.is_empty() && chunks.iter().all(|chunk| !chunk.lines.is_empty()));
                    }
                }
            }
            let _: Intercepted = intercept(&["bash".to_owned(), "-lc".to_owned(), text.clone()]);
        }
    }

    #[test]
    fn any_patch_on_any_file_works_or_is_refused(
        file in "[ab \\r\\n]{0,30}",
        lines in prop::collection::vec(
            prop::sample::select(vec!["@@", "@@ a", "+a", "+", "-a", "-", " a", " b", "", "*** End of File"]), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), &file).unwrap();
        let text = format!("*** Begin Patch\n*** Update File: a\n{}\n*** End Patch", lines.join("\n"));
        if let Ok(verified) = Patch::parse(&text).map_err(drop).and_then(|p| verify(&p, folder.path()).map_err(drop)) {
            verified.commit(None).unwrap();
            let after = fs::read_to_string(folder.path().join("a")).unwrap();
            prop_assert!(after.is_empty() || after.ends_with(['\n', '\r']));
        }
    }

    #[test]
    fn printed_and_read_again_a_patch_is_the_same((lines, edits, moves, _) in edited_file()) {
        let patch = update(&lines, &edits, moves.then(|| "moved".to_owned()));
        let Operation::Update { chunks, .. } = &patch.operations[0] else { unreachable!() };
        prop_assume!(!chunks.is_empty());
        prop_assert_eq!(Patch::parse(&print(&patch)).unwrap(), patch);
    }

    #[test]
    fn the_reverse_undoes_the_patch((lines, edits, moves, crlf) in edited_file()) {
        let patch = update(&lines, &edits, moves.then(|| "moved/file".to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let end = if crlf { "\r\n" } else { "\n" };
        let before: String = lines.iter().map(|line| format!("{line}{end}")).collect();
        fs::write(&path, &before).unwrap();
        let verified = verify(&patch, folder.path()).unwrap();
        for item in verified.item_changes() {
            let update = matches!(item.kind, ItemChangeKind::Update { .. });
            prop_assert!(update);
        }
        verified.commit(None).unwrap();
        prop_assert_eq!(path.exists(), !moves);
        verify(&reverse(&patch), folder.path()).unwrap().commit(None).unwrap();
        prop_assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }
}
