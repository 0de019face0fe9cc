//! Cases about what the model has done: a short command, very much output, a large patch.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::client::{EndedItem, Server, output_text};
use super::homes::Home;
use super::model::Model;
use super::report::Measure;
use super::subject::Subject;
use super::tools::Act;
use super::usage::{self, Clock, Spent};
use super::{FULL_ACCESS, Unable};

const COMMAND_TURNS: usize = 50;

/// Lines of 125 bytes: 200 MB.
const OUTPUT_LINES: usize = 1_600_000;
const OUTPUT_FILE: &str = "output.txt";

/// After so many bytes on the wire the client stops reading for a while.
const PAUSE_AFTER_BYTES: usize = 40_000_000;
const PAUSE: Duration = Duration::from_secs(3);

/// Files added by the patch, and as many that it changes.
const PATCHED_FILES: usize = 250;
const PATCHED_FILE_LINES: usize = 60;
const ADDED_FILE_LINES: usize = 10;

/// Turns with one short command each, one after the other.
pub(super) fn command(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    let thread = server.start_acting_thread(home.work(), FULL_ACCESS)?;
    model.answer_with_acts(vec![Act::Command("echo hello".to_owned())]);
    let turn = |server: &mut Server| {
        let items = server.run_acting_turn(&thread, ("commandExecution", 1), |_| Ok(()))?;
        all_ran(&model, &items, 1)
    };
    // The first turn of a process pays for connections and caches.
    turn(&mut server)?;

    let clock = Clock::start(server.pid())?;
    for _ in 0..COMMAND_TURNS {
        turn(&mut server)?;
    }
    let Spent { wall, cpu, children } = clock.read()?;
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    let turns = COMMAND_TURNS as f64;
    Ok(vec![
        Measure::seconds("wall per turn with one `echo`, of 50", wall / turns),
        Measure::seconds("CPU per turn", cpu / turns),
        Measure::seconds("CPU of the server's children per turn", children / turns),
        Measure::bytes("RSS after them", memory.resident),
    ])
}

/// A command with 200 MB of output, and a client that stops reading in the middle for some seconds.
pub(super) fn output(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let file = home.work().join(OUTPUT_FILE);
    let size = write_output(&file)?;
    let mut server = Server::start(subject, &home)?;
    let thread = server.start_acting_thread(home.work(), FULL_ACCESS)?;
    model.answer_with_acts(vec![Act::Command(format!("cat {OUTPUT_FILE}"))]);

    let valve = server.valve();
    let mut lines = Vec::new();
    let mut bytes = 0;
    let mut paused = Duration::ZERO;
    let clock = Clock::start(server.pid())?;
    let items = server.run_acting_turn(&thread, ("commandExecution", 1), |line| {
        bytes += line.len();
        // Read when all is over: it would take CPU from the server.
        lines.push(line);
        if bytes >= PAUSE_AFTER_BYTES && paused.is_zero() {
            paused = PAUSE;
            valve.close();
            thread::sleep(PAUSE);
            valve.open();
        }
        Ok(())
    })?;
    let Spent { wall, cpu, .. } = clock.read()?;
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    all_ran(&model, &items, 1)?;

    let mut check = Check::new(&file)?;
    for line in &lines {
        check.push(&output_text(line)?)?;
    }
    ensure!(check.arrived <= size, "more output than the command wrote: {} bytes", check.arrived);
    let megabytes = check.arrived as f64 / 1e6;
    Ok(vec![
        Measure::bytes("arrived of the 200 MB", check.arrived),
        Measure::bytes("arrived before the first gap", check.in_order),
        Measure::count("deltas", lines.len()),
        Measure::seconds("wall, less the 3 s without reading", wall - paused.as_secs_f64()),
        Measure::seconds("CPU", cpu),
        Measure::seconds("CPU per MB that arrived", cpu / megabytes),
        Measure::bytes("peak RSS", memory.peak),
    ])
}

/// One patch that adds 250 files and changes 250 others.
pub(super) fn patch(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    let thread = server.start_acting_thread(home.work(), FULL_ACCESS)?;
    // The first turn of a process pays for connections and caches.
    server.run_turn(&thread, "warm up")?;
    write_patched_files(home.work())?;
    model.answer_with_acts(vec![Act::Patch(patch_text())]);

    let clock = Clock::start(server.pid())?;
    let items = server.run_acting_turn(&thread, ("fileChange", 1), |_| Ok(()))?;
    let Spent { wall, cpu, children } = clock.read()?;
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    let completed = items.iter().any(|item| item.status.as_deref() == Some("completed"));
    if model.lacked_tool() || !completed {
        return Err(Unable(format!("the patch was not applied: {items:?}")).into());
    }
    check_patched_files(home.work())?;
    Ok(vec![
        Measure::seconds("wall of a turn that patches 500 files", wall),
        Measure::seconds("CPU", cpu),
        Measure::seconds("CPU of the server's children", children),
        Measure::bytes("peak RSS", memory.peak),
    ])
}

/// Checks that so many commands ran and went well; a server that ran none of them, or could not, is unable to.
pub(super) fn all_ran(model: &Model, items: &[EndedItem], count: usize) -> anyhow::Result<()> {
    let well = items.iter().filter(|item| item.exit_code == Some(0)).count();
    if model.lacked_tool() || well != count {
        let odd = items.iter().find(|item| item.exit_code != Some(0));
        return Err(Unable(format!("{well} of {count} commands went well; {odd:?}")).into());
    }
    Ok(())
}

/// Writes numbered lines and returns their size.
fn write_output(path: &Path) -> anyhow::Result<u64> {
    let mut file = BufWriter::new(File::create(path).context("cannot write the output to come")?);
    let rest = "The quick brown fox jumps over the lazy dog. ".repeat(3);
    for line in 0..OUTPUT_LINES {
        writeln!(file, "{line:08} {:.115}", rest)?;
    }
    file.flush()?;
    Ok(fs::metadata(path)?.len())
}

/// Compares what arrives with what was written.
struct Check {
    written: BufReader<File>,
    arrived: u64,
    /// Bytes that arrived before the first that was not the one to come.
    in_order: u64,
    intact: bool,
}

impl Check {
    fn new(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { written: BufReader::new(File::open(path)?), arrived: 0, in_order: 0, intact: true })
    }

    fn push(&mut self, text: &str) -> anyhow::Result<()> {
        self.arrived += text.len() as u64;
        if !self.intact {
            return Ok(());
        }
        let mut expected = Vec::with_capacity(text.len());
        self.written.by_ref().take(text.len() as u64).read_to_end(&mut expected)?;
        let same = expected.iter().zip(text.as_bytes()).take_while(|(a, b)| a == b).count();
        self.in_order += same as u64;
        self.intact = same == text.len();
        Ok(())
    }
}

fn patched_file(index: usize) -> String {
    format!("src/part_{:02}/changed_{index:03}.txt", index % 20)
}

fn added_file(index: usize) -> String {
    format!("src/part_{:02}/added_{index:03}.txt", index % 20)
}

fn patched_line(index: usize, line: usize) -> String {
    format!("line {line} of file {index}")
}

fn added_text(index: usize) -> Vec<String> {
    (0..ADDED_FILE_LINES).map(|line| format!("new line {line} of file {index}")).collect()
}

/// Lines that the patch changes, one in each half.
const CHANGED_LINES: [usize; 2] = [PATCHED_FILE_LINES / 4, PATCHED_FILE_LINES * 3 / 4];

fn write_patched_files(work: &Path) -> anyhow::Result<()> {
    for index in 0..PATCHED_FILES {
        let path = work.join(patched_file(index));
        fs::create_dir_all(path.parent().context("a file without a folder")?)?;
        let lines: Vec<_> = (0..PATCHED_FILE_LINES).map(|line| patched_line(index, line) + "\n").collect();
        fs::write(path, lines.concat())?;
    }
    Ok(())
}

fn patch_text() -> String {
    let mut patch = "*** Begin Patch\n".to_owned();
    for index in 0..PATCHED_FILES {
        let _ = writeln!(patch, "*** Update File: {}", patched_file(index));
        for line in CHANGED_LINES {
            let text = |line| patched_line(index, line);
            let _ =
                writeln!(patch, "@@\n {}\n-{}\n+CHANGED\n {}", text(line - 1), text(line), text(line + 1));
        }
        let _ = writeln!(patch, "*** Add File: {}", added_file(index));
        for line in added_text(index) {
            let _ = writeln!(patch, "+{line}");
        }
    }
    patch.push_str("*** End Patch");
    patch
}

fn check_patched_files(work: &Path) -> anyhow::Result<()> {
    for index in 0..PATCHED_FILES {
        let changed = fs::read_to_string(work.join(patched_file(index)))?;
        ensure!(changed.lines().count() == PATCHED_FILE_LINES, "a patched file has lost lines");
        for (line, text) in changed.lines().enumerate() {
            let right = match CHANGED_LINES.contains(&line) {
                true => text == "CHANGED",
                false => text == patched_line(index, line),
            };
            ensure!(right, "a patched file is wrong at line {line}: {text}");
        }
        let added = fs::read_to_string(work.join(added_file(index)))?;
        ensure!(added.lines().eq(added_text(index)), "an added file is wrong: {added}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Check;

    #[test]
    fn gaps_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        fs::write(&path, "0123456789").unwrap();
        let mut whole = Check::new(&path).unwrap();
        for part in ["012", "3456", "789"] {
            whole.push(part).unwrap();
        }
        assert_eq!((whole.arrived, whole.in_order), (10, 10));
        let mut gap = Check::new(&path).unwrap();
        for part in ["012", "36", "789"] {
            gap.push(part).unwrap();
        }
        assert_eq!((gap.arrived, gap.in_order), (8, 4));
    }
}
