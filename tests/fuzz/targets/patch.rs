//! Patches: reading never panics, working one out and writing it never does either, and what a patch does its reverse
//! undoes.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use app_server_patch::{Chunk, ChunkLine, Operation, Patch, intercept, verify};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// Everything is written here, whatever path an input names.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

const FILES: [&str; 2] = ["a", "sub/b"];

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = intercept(&["bash".to_owned(), "-lc".to_owned(), text.clone().into_owned()]);
    // An input is a file and a patch for it.
    let at = text.find("*** Begin Patch").unwrap_or(0);
    let (file, patch) = text.split_at(at);
    if let Ok(patch) = Patch::parse(patch) {
        applies_or_is_refused(file, patch);
    }
    // It is also a file in which the first character of a line says what happens to the line.
    reverse_undoes(&text);
});

fn clean() {
    for file in FILES {
        let _ = fs::remove_file(FOLDER.path().join(file));
    }
    fs::create_dir_all(FOLDER.path().join("sub")).unwrap();
}

/// The paths of an input are not its own: it could name anything on this machine.
fn in_folder(path: &mut String) {
    *path = FILES[path.len() % 2].to_owned();
}

fn applies_or_is_refused(file: &str, mut patch: Patch) {
    for operation in &mut patch.operations {
        match operation {
            Operation::Add { path, .. } | Operation::Delete { path } => in_folder(path),
            Operation::Update { path, move_to, chunks } => {
                assert!(!chunks.is_empty() && chunks.iter().all(|chunk| !chunk.lines.is_empty()));
                in_folder(path);
                move_to.iter_mut().for_each(in_folder);
            }
        }
    }
    clean();
    fs::write(FOLDER.path().join(FILES[0]), file).unwrap();
    let Ok(verified) = verify(&patch, FOLDER.path()) else { return };
    let _ = (verified.item_changes(), verified.summary());
    verified.commit(None).unwrap();
}

/// Makes a patch of the text's lines and takes it back.
fn reverse_undoes(text: &str) {
    let crlf = text.len() % 2 == 1;
    let is_line = |line: &&str| !line.contains(['\r', '\n']) && line.chars().next().is_some();
    // Numbers make the lines unlike, so that a block is found where it was taken from.
    let lines: Vec<String> = text
        .split('\n')
        .filter(is_line)
        .take(60)
        .enumerate()
        .map(|(number, line)| format!("{line}#{number}"))
        .collect();
    let moves = lines.len() % 3 == 0;
    let chunks: Vec<Chunk> = lines.chunks(3).filter_map(chunk).collect();
    if chunks.is_empty() {
        return;
    }
    let operation = |path: &str, target: &str, chunks| Patch {
        operations: vec![Operation::Update {
            path: path.to_owned(),
            move_to: moves.then(|| target.to_owned()),
            chunks,
        }],
    };
    let back = chunks.iter().map(reversed).collect();
    let [first, second] = FILES;
    let last = if moves { second } else { first };
    let end = if crlf { "\r\n" } else { "\n" };
    let before: String = lines.iter().map(|line| format!("{line}{end}")).collect();
    clean();
    let path = |name: &str| Path::new(FOLDER.path()).join(name);
    fs::write(path(first), &before).unwrap();
    verify(&operation(first, second, chunks), FOLDER.path()).unwrap().commit(None).unwrap();
    assert_eq!(path(first).exists(), !moves);
    verify(&operation(last, first, back), FOLDER.path()).unwrap().commit(None).unwrap();
    assert_eq!(fs::read_to_string(path(first)).unwrap(), before);
}

/// What happens to up to three lines; `None` when nothing does. A line stays somewhere, because the reverse would be an
/// insertion otherwise, and those go to the end of the file.
fn chunk(lines: &[String]) -> Option<Chunk> {
    let mut chunk = Chunk { anchor: None, lines: Vec::new(), end_of_file: false };
    for line in lines {
        match line.as_bytes().first() {
            Some(b'-') => chunk.lines.push(ChunkLine::Remove(line.clone())),
            Some(b'+') => {
                chunk.lines.push(ChunkLine::Context(line.clone()));
                chunk.lines.push(ChunkLine::Add(format!("after {line}")));
            }
            Some(b'*') => {
                chunk.lines.push(ChunkLine::Remove(line.clone()));
                chunk.lines.push(ChunkLine::Add(format!("{line} changed")));
            }
            _ => chunk.lines.push(ChunkLine::Context(line.clone())),
        }
    }
    let stays = |line: &ChunkLine| matches!(line, ChunkLine::Context(_));
    (chunk.lines.iter().any(stays) && !chunk.lines.iter().all(stays)).then_some(chunk)
}

fn reversed(chunk: &Chunk) -> Chunk {
    let mut chunk = chunk.clone();
    for line in &mut chunk.lines {
        *line = match line.clone() {
            ChunkLine::Add(text) => ChunkLine::Remove(text),
            ChunkLine::Remove(text) => ChunkLine::Add(text),
            context @ ChunkLine::Context(_) => context,
        };
    }
    chunk
}
