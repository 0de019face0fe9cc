//! Files and trees on a real disk, swapped under the hands of whoever works on them.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::atomic::AtomicBool;

use app_server_protocol::v2::{
    FsCopyParams, FsGetMetadataParams, FsReadDirectoryParams, FsRemoveParams, FsWriteFileParams,
};
use app_server_test_support::TempHome;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pretty_assertions::{assert_eq, assert_ne};

use super::*;

/// How often a folder is swapped for a link while others work in it.
const SWAPS: usize = 10_000;

fn wire(path: &Path) -> AbsolutePathBuf {
    AbsolutePathBuf(path.to_str().unwrap().to_owned())
}

fn write(path: &Path, text: &str) -> Result<(), CoreError> {
    let params = FsWriteFileParams { data_base64: STANDARD.encode(text), path: wire(path) };
    write_file(&params).map(drop)
}

fn copy_all(source: &Path, destination: &Path) -> Result<(), CoreError> {
    let (source_path, destination_path) = (wire(source), wire(destination));
    copy(&FsCopyParams { destination_path, recursive: true, source_path }).map(drop)
}

fn remove_all(path: &Path) -> Result<(), CoreError> {
    tree::remove_path(&FsRemoveParams { force: None, path: wire(path), recursive: None }, None)
}

fn text(error: &CoreError) -> String {
    match error {
        CoreError::Invalid(text) => format!("invalid: {text}"),
        CoreError::Internal(text) => format!("internal: {text}"),
        error => panic!("{error:?}"),
    }
}

fn names(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn make_pipe(path: &Path) {
    let status = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

#[test]
fn what_is_no_file_is_neither_opened_nor_replaced() {
    let home = TempHome::new().unwrap();
    let pipe = home.work().join("pipe");
    make_pipe(&pipe);
    for path in [&pipe, Path::new("/dev/null"), &home.work()] {
        let refused = format!("invalid: path `{}` is not a file", path.display());
        assert_eq!(text(&read::content(path).unwrap_err()), refused);
        assert_eq!(text(&read::size(path).unwrap_err()), refused);
    }
    for path in [&pipe, Path::new("/dev/null")] {
        let refused = format!("invalid: path `{}` is not a file", path.display());
        assert_eq!(text(&write(path, "x").unwrap_err()), refused);
    }
    assert_eq!(text(&write(&home.work(), "x").unwrap_err()), "internal: Is a directory (os error 21)");
    let copied = copy_all(&pipe, &home.work().join("copy")).unwrap_err();
    assert_eq!(text(&copied), "invalid: fs/copy takes files, folders and links only");
    assert_eq!(names(&home.work()), ["pipe"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_files_of_the_system_do_not_harm() {
    let error = text(&read::content(Path::new("/proc/self/mem")).unwrap_err());
    assert!(error.starts_with("internal: ") && error.ends_with("(os error 5)"), "{error}");
    let limits = STANDARD.decode(read::content(Path::new("/proc/self/limits")).unwrap()).unwrap();
    assert!(limits.starts_with(b"Limit"), "files without a size are read to their end");
    assert!(write(Path::new("/proc/self/new"), "x").is_err());
    assert!(remove_all(Path::new("/proc/self/limits")).is_err());
}

#[test]
fn a_large_file_is_refused_before_it_is_read() {
    let home = TempHome::new().unwrap();
    let path = home.work().join("large");
    let file = fs::File::create(&path).unwrap();
    file.set_len(200 << 20).unwrap();
    let refused = format!("invalid: path `{}` is larger than 64 MiB", path.display());
    assert_eq!(text(&read::size(&path).unwrap_err()), refused);
    assert_eq!(text(&read::content(&path).unwrap_err()), refused);
    file.set_len(64 << 20).unwrap();
    assert_eq!(read::content(&path).unwrap().len(), (64_usize << 20).div_ceil(3) * 4);
}

#[test]
fn a_written_file_keeps_its_place_behind_links_and_its_mode() {
    let home = TempHome::new().unwrap();
    let (real, link, other) = (home.work().join("real"), home.work().join("link"), home.work().join("other"));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(&real, &other).unwrap();
    symlink("real", &link).unwrap();
    write(&link, "new").unwrap();
    assert!(link.is_symlink());
    assert_eq!(
        (fs::read_to_string(&real).unwrap(), fs::read_to_string(&other).unwrap()),
        ("new".to_owned(), "old".to_owned())
    );
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o640);
    symlink("not/there", home.work().join("broken")).unwrap();
    let error = write(&home.work().join("broken"), "x").unwrap_err();
    assert_eq!(text(&error), "internal: No such file or directory (os error 2)");
    fs::create_dir(home.work().join("not")).unwrap();
    write(&home.work().join("broken"), "x").unwrap();
    assert_eq!(fs::read_to_string(home.work().join("not/there")).unwrap(), "x");
    symlink("loop", home.work().join("loop")).unwrap();
    assert!(write(&home.work().join("loop"), "x").is_err());
    assert_eq!(names(&home.work()), ["broken", "link", "loop", "not", "other", "real"]);
}

#[test]
fn readers_see_the_old_content_or_the_new_one() {
    let home = TempHome::new().unwrap();
    let path = home.work().join("f");
    let texts = ["a".repeat(200_000), "b".repeat(300_000)];
    write(&path, &texts[0]).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..100 {
                write(&path, &texts[round % 2]).unwrap();
            }
        });
        while !writer.is_finished() {
            assert!(texts.contains(&fs::read_to_string(&path).unwrap()));
        }
    });
}

#[test]
fn bad_base64_is_told_with_its_place() {
    let params = FsWriteFileParams { data_base64: "!!".to_owned(), path: wire(Path::new("/nowhere/f")) };
    let error = text(&write_file(&params).unwrap_err());
    assert_eq!(error, "invalid: fs/writeFile requires valid base64 dataBase64: Invalid symbol 33, offset 0.");
}

#[test]
fn a_tree_is_copied_with_its_links_and_modes() {
    let home = TempHome::new().unwrap();
    let (from, to) = (home.work().join("from"), home.work().join("to"));
    fs::create_dir_all(from.join("sub/deep")).unwrap();
    let strange = OsStr::from_bytes(b"not\xffutf8");
    fs::write(from.join(strange), "strange").unwrap();
    fs::write(from.join("sub/run"), "run").unwrap();
    fs::set_permissions(from.join("sub/run"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(from.join("sub"), Permissions::from_mode(0o555)).unwrap();
    symlink("/etc", from.join("out")).unwrap();
    symlink("nowhere", from.join("broken")).unwrap();
    make_pipe(&from.join("pipe"));
    copy_all(&from, &to).unwrap();
    assert_eq!(names(&to), [OsStr::new("broken"), strange, OsStr::new("out"), OsStr::new("sub")]);
    assert_eq!(fs::read_link(to.join("out")).unwrap(), Path::new("/etc"));
    assert_eq!(fs::read(to.join(strange)).unwrap(), b"strange");
    assert_eq!(fs::metadata(to.join("sub")).unwrap().mode() & 0o777, 0o555);
    assert_eq!(fs::metadata(to.join("sub/run")).unwrap().mode() & 0o777, 0o755);

    fs::write(to.join("kept"), "kept").unwrap();
    fs::set_permissions(to.join("sub"), Permissions::from_mode(0o755)).unwrap();
    fs::write(to.join("sub/run"), "changed").unwrap();
    copy_all(&from, &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("sub/run")).unwrap(), "run", "once more over what is there");
    assert_eq!(fs::read_to_string(to.join("kept")).unwrap(), "kept");

    copy_all(&from.join("broken"), &home.work().join("link")).unwrap();
    assert_eq!(fs::read_link(home.work().join("link")).unwrap(), Path::new("nowhere"));
    let into = home.work().join("from/sub/../sub/deep/x");
    assert_eq!(
        text(&copy_all(&from, &into).unwrap_err()),
        "invalid: fs/copy does not copy a folder into itself"
    );
    symlink(&from, home.work().join("alias")).unwrap();
    assert!(copy_all(&from, &home.work().join("alias/y")).is_err(), "nor through a link");
    assert!(copy_all(&from.join("sub/run"), &to).is_err(), "a file does not replace a folder");
    for tree in [&from, &to] {
        fs::set_permissions(tree.join("sub"), Permissions::from_mode(0o755)).unwrap();
    }
    remove_all(&from).unwrap();
    remove_all(&to).unwrap();
    assert_eq!(names(&home.work()), ["alias", "link"]);
}

#[test]
fn the_root_and_the_home_are_not_removed() {
    let home = TempHome::new().unwrap();
    let user = home.work().join("users/me");
    fs::create_dir_all(user.join("project")).unwrap();
    symlink(&user, home.work().join("link")).unwrap();
    let remove = |path: &Path| {
        let params = FsRemoveParams { force: None, path: wire(path), recursive: None };
        tree::remove_path(&params, Some(&user))
    };
    for path in
        [Path::new("/"), Path::new("/tmp/../"), &user, &home.work().join("users"), &user.join("project/..")]
    {
        assert!(
            text(&remove(path).unwrap_err()).starts_with("invalid: fs/remove does not remove `"),
            "{path:?}"
        );
    }
    remove(&home.work().join("link")).unwrap();
    remove(&user.join("project")).unwrap();
    assert_eq!(names(&home.work()), ["users"]);
    assert_eq!(names(&user), [""; 0]);
}

/// Swaps `root/a/hot` for a link to `outside` and back while `work` goes on.
fn while_swapping(root: &Path, outside: &Path, work: impl Fn()) {
    let (hot, aside) = (root.join("a/hot"), root.join("aside"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let link = root.join("link");
            for _ in 0..SWAPS {
                // Each of them fails when `work` has removed what is swapped.
                let _ = fs::create_dir_all(hot.join("inner"));
                let _ = fs::write(hot.join("inner/f"), "inside");
                let _ = fs::rename(&hot, &aside);
                let _ = symlink(outside, &link);
                let _ = fs::rename(&link, &hot);
                let _ = fs::remove_file(&hot);
                let _ = fs::rename(&aside, &hot);
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            work();
        }
    });
}

#[test]
fn removing_does_not_follow_a_folder_that_becomes_a_link() {
    let home = TempHome::new().unwrap();
    let outside = home.home().join("outside");
    fs::create_dir_all(outside.join("inner")).unwrap();
    fs::write(outside.join("inner/f"), "precious").unwrap();
    while_swapping(&home.work(), &outside, || {
        // It may find things gone or come again.
        let _ = remove_all(&home.work().join("a"));
    });
    assert_eq!(fs::read_to_string(outside.join("inner/f")).unwrap(), "precious");
}

#[test]
fn copying_does_not_follow_a_folder_that_becomes_a_link() {
    let home = TempHome::new().unwrap();
    let outside = home.home().join("outside");
    fs::create_dir_all(outside.join("inner")).unwrap();
    fs::write(outside.join("inner/f"), "secret").unwrap();
    let copy = home.home().join("copy");
    while_swapping(&home.work(), &outside, || {
        let _ = copy_all(&home.work().join("a"), &copy);
        let copied = fs::read_to_string(copy.join("hot/inner/f"));
        if copy.join("hot").is_dir() && !copy.join("hot").is_symlink() {
            // It may be read while it is written.
            assert_ne!(copied.ok().as_deref(), Some("secret"));
        }
        remove_all(&copy).unwrap();
    });
    assert_eq!(names(&outside.join("inner")), ["f"]);
}

#[test]
fn a_very_deep_tree_is_an_error_and_no_crash() {
    let home = TempHome::new().unwrap();
    let root = home.work().join("deep");
    fs::create_dir(&root).unwrap();
    let mut folder: std::os::fd::OwnedFd = fs::File::open(&root).unwrap().into();
    for _ in 0..400 {
        rustix::fs::mkdirat(&folder, "d", rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        folder = rustix::fs::openat(&folder, "d", flags, rustix::fs::Mode::empty()).unwrap();
    }
    let refused = "internal: folders are nested more than 256 deep";
    assert_eq!(text(&copy_all(&root, &home.work().join("copy")).unwrap_err()), refused);
    assert_eq!(text(&remove_all(&root).unwrap_err()), refused);
    // Not by the temporary folder's own means, which may need a descriptor for each level.
    let removed = std::process::Command::new("rm")
        .arg("-rf")
        .args(fs::read_dir(home.work()).unwrap().map(|entry| entry.unwrap().path()))
        .status();
    assert!(removed.unwrap().success());
}

#[test]
fn links_are_told_by_what_they_lead_to() {
    let home = TempHome::new().unwrap();
    fs::create_dir(home.work().join("d")).unwrap();
    symlink("d", home.work().join("link")).unwrap();
    symlink("nowhere", home.work().join("broken")).unwrap();
    make_pipe(&home.work().join("pipe"));
    let listed = read_directory(&FsReadDirectoryParams { path: wire(&home.work()) }).unwrap();
    let mut entries: Vec<_> = listed
        .entries
        .into_iter()
        .map(|entry| (entry.file_name, entry.is_directory, entry.is_file))
        .collect();
    entries.sort();
    let entry = |name: &str, is_directory| (name.to_owned(), is_directory, false);
    assert_eq!(
        entries,
        [entry("broken", false), entry("d", true), entry("link", true), entry("pipe", false)]
    );
    let metadata = |name: &str| get_metadata(&FsGetMetadataParams { path: wire(&home.work().join(name)) });
    let link = metadata("link").unwrap();
    assert!(link.is_symlink && link.is_directory && !link.is_file && link.modified_at_ms > 0);
    assert!(metadata("broken").is_err());
}
