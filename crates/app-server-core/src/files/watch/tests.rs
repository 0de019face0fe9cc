//! Watches as other parts of the server use them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use app_server_test_support::TempHome;
use pretty_assertions::assert_eq;
use tokio::sync::mpsc;

use super::*;
use crate::host::tests::Silent;

struct Told(mpsc::Receiver<Vec<PathBuf>>);

impl Told {
    /// Waits for the next paths.
    async fn next(&mut self) -> Vec<PathBuf> {
        let told = tokio::time::timeout(Duration::from_secs(30), self.0.recv()).await;
        told.expect("changes are told").expect("the watch is there")
    }

    /// Waits until a path is among those that are told.
    async fn until(&mut self, path: &Path) {
        while !self.next().await.iter().any(|told| told == path) {}
    }
}

fn watch(watcher: &Watcher, path: &Path) -> (Watch, Told) {
    let (sender, receiver) = mpsc::channel(100);
    let watch = watcher.watch(path, Box::new(move |paths| sender.try_send(paths).unwrap())).unwrap();
    (watch, Told(receiver))
}

#[tokio::test]
async fn what_is_in_a_folder_is_told_once_it_is_quiet() {
    let home = TempHome::new().unwrap();
    let watcher = Watcher::new(Arc::new(Silent));
    let (made, mut told) = watch(&watcher, &home.work());
    assert_eq!(made.path, home.work());
    for name in ["b", "a"] {
        fs::write(home.work().join(name), "x").unwrap();
    }
    fs::write(home.work().join(super::super::temporary_name()), "x").unwrap();
    watcher.open(made.id);
    assert_eq!(told.next().await, [home.work().join("a"), home.work().join("b")]);
    fs::create_dir(home.work().join("deep")).unwrap();
    told.until(&home.work().join("deep")).await;
    fs::write(home.work().join("deep/in"), "x").unwrap();
    fs::remove_file(home.work().join("a")).unwrap();
    assert_eq!(told.next().await, [home.work().join("a")], "what is deeper is not told");
}

#[tokio::test]
async fn a_file_is_watched_through_its_replacements() {
    let home = TempHome::new().unwrap();
    let watcher = Watcher::new(Arc::new(Silent));
    let (path, other) = (home.work().join("f"), home.work().join("other"));
    let (made, mut told) = watch(&watcher, &path);
    watcher.open(made.id);
    fs::write(&path, "made").unwrap();
    assert_eq!(told.next().await, [path.as_path()], "it need not be there at first");
    fs::write(&other, "renamed").unwrap();
    fs::rename(&other, &path).unwrap();
    assert_eq!(told.next().await, [path.as_path()]);
    fs::remove_file(&path).unwrap();
    assert_eq!(told.next().await, [path.as_path()]);
    fs::write(&path, "made again").unwrap();
    assert_eq!(told.next().await, [path]);
}

#[tokio::test]
async fn a_folder_that_goes_is_told_once_and_two_watches_do_not_disturb_each_other() {
    let home = TempHome::new().unwrap();
    let watcher = Watcher::new(Arc::new(Silent));
    let folder = home.work().join("d");
    fs::create_dir(&folder).unwrap();
    let (first, mut told) = watch(&watcher, &folder);
    let (second, mut told_too) = watch(&watcher, &folder);
    watcher.open(first.id);
    watcher.open(second.id);
    watcher.unwatch(first.id);
    fs::write(folder.join("a"), "x").unwrap();
    told_too.until(&folder.join("a")).await;
    assert_eq!(told.0.recv().await, None, "an ended watch tells nothing");
    fs::rename(&folder, home.work().join("elsewhere")).unwrap();
    told_too.until(&folder).await;
    fs::write(home.work().join("elsewhere/b"), "x").unwrap();
    fs::create_dir(&folder).unwrap();
    let (third, mut told) = watch(&watcher, &folder);
    watcher.open(third.id);
    fs::write(folder.join("c"), "x").unwrap();
    told.until(&folder.join("c")).await;
    assert!(told_too.0.try_recv().is_err(), "the path was watched, not what became of the folder");
}

#[tokio::test]
async fn without_a_watch_nothing_listens() {
    let home = TempHome::new().unwrap();
    let watcher = Watcher::new(Arc::new(Silent));
    assert!(watcher.shared.lock().armed.is_none());
    watcher.watch(&home.work().join("no/file"), Box::new(|_| {})).unwrap_err();
    assert!(watcher.shared.lock().armed.is_none());
    let (first, _) = watch(&watcher, &home.work());
    let (second, _) = watch(&watcher, &home.home());
    watcher.unwatch(first.id);
    let end = watcher.shared.lock().armed.as_ref().unwrap().end.clone();
    assert!(!end.is_cancelled());
    watcher.unwatch(second.id);
    watcher.unwatch(second.id);
    assert!(end.is_cancelled() && watcher.shared.lock().armed.is_none());
    let (_, mut told) = watch(&watcher, &home.work());
    drop(watcher);
    assert_eq!(told.0.recv().await, None);
}

#[tokio::test]
async fn looking_again_and_again_finds_the_same() {
    let home = TempHome::new().unwrap();
    fs::write(home.work().join("kept"), "x").unwrap();
    fs::write(home.work().join("gone"), "x").unwrap();
    let (mut system, mut source) = poll::System::open().unwrap();
    let key = system.adder().add(&home.work()).unwrap();
    system.register(key, WatchId(7));
    fs::write(home.work().join("new"), "x").unwrap();
    fs::remove_file(home.work().join("gone")).unwrap();
    // A look may be taken between the two.
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(source.next().await.unwrap());
    }
    for name in ["new", "gone"] {
        assert!(seen.contains(&Change { key, what: What::Name(name.into()) }), "{seen:?}");
    }
    fs::write(home.work().join("kept"), "longer").unwrap();
    let kept = Change { key, what: What::Name("kept".into()) };
    assert!(source.next().await.unwrap().contains(&kept));
    fs::remove_dir_all(home.work()).unwrap();
    let gone = Change { key, what: What::Gone };
    while !source.next().await.unwrap().contains(&gone) {}
    assert_eq!(system.watches_of(key), [WatchId(7)]);
    assert_eq!(system.forget(key), [WatchId(7)]);
    system.remove(WatchId(7));
}

#[tokio::test]
async fn lost_changes_are_changes_of_everything() {
    let home = TempHome::new().unwrap();
    let watcher = Watcher::new(Arc::new(Silent));
    let file = home.home().join("f");
    let (first, mut told) = watch(&watcher, &home.work());
    let (second, mut told_too) = watch(&watcher, &file);
    watcher.open(first.id);
    watcher.open(second.id);
    let lost = Change { key: -1, what: What::Lost };
    watcher.shared.lock().gather(vec![lost], Instant::now());
    watcher.shared.opened.notify_one();
    assert_eq!(told.next().await, [home.work()]);
    assert_eq!(told_too.next().await, [file]);
}
