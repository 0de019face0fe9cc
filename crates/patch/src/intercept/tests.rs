//! Scripts a model may write, and what they are taken for.

use pretty_assertions::assert_eq;

use super::*;

const BODY: &str = "*** Begin Patch\n*** Add File: f.txt\n+cost $1 `x` \\n\n*** End Patch";

fn bash(script: &str) -> Intercepted {
    intercept(&["bash".to_owned(), "-lc".to_owned(), script.replace("BODY", BODY)])
}

fn patch(dir: Option<&str>) -> Intercepted {
    Intercepted::Patch { body: BODY.to_owned(), dir: dir.map(str::to_owned) }
}

#[test]
fn a_heredoc_alone_is_a_patch() {
    for script in [
        "apply_patch <<'EOF'\nBODY\nEOF\n",
        "apply_patch <<EOF\nBODY\nEOF",
        "apply_patch <<\"EOF\"\nBODY\nEOF",
        "applypatch << 'PATCH'\nBODY\nPATCH\n",
        "apply_patch<<\\EOF\nBODY\nEOF\n",
        "\n\n  apply_patch <<'EOF'  \nBODY\nEOF \n\n",
        "apply_patch <<-'EOF'\nBODY\nEOF",
        "apply_patch <<'EOF'\nBODY",
        "apply_patch <<'EOF'\r\nBODY\r\nEOF\r\n",
    ] {
        assert_eq!(bash(script), patch(None), "{script}");
    }
}

#[test]
fn tabs_before_the_lines_go_where_the_script_says_so() {
    let script = format!("apply_patch <<-EOF\n\t{}\n\tEOF", BODY.replace('\n', "\n\t"));
    assert_eq!(bash(&script), patch(None));
}

#[test]
fn a_folder_may_come_first() {
    for (script, dir) in [
        ("cd sub && apply_patch <<'EOF'\nBODY\nEOF", "sub"),
        ("cd 'a b' && apply_patch <<'EOF'\nBODY\nEOF", "a b"),
        ("cd \"a b\"&&applypatch <<'EOF'\nBODY\nEOF", "a b"),
        ("cd a\\ b && apply_patch <<'EOF'\nBODY\nEOF", "a b"),
        ("cd /abs/x &&\napply_patch <<'EOF'\nBODY\nEOF", "/abs/x"),
    ] {
        assert_eq!(bash(script), patch(Some(dir)), "{script}");
    }
}

#[test]
fn anything_more_is_an_ordinary_command() {
    for script in [
        "apply_patch <<'EOF'\nBODY\nEOF\necho x",
        "echo x; apply_patch <<'EOF'\nBODY\nEOF",
        "apply_patch <<'EOF' && echo ok\nBODY\nEOF",
        "apply_patch <<'EOF' >log\nBODY\nEOF",
        "apply_patch <<'EOF';\nBODY\nEOF",
        "apply_patch <<'EOF' &\nBODY\nEOF",
        "apply_patch 'BODY'",
        "apply_patch x <<'EOF'\nBODY\nEOF",
        "apply_patch <<<'BODY'",
        "cat <<EOF | apply_patch\nBODY\nEOF",
        "cat <<EOF\nBODY\nEOF",
        "./apply_patch <<'EOF'\nBODY\nEOF",
        "(apply_patch <<'EOF'\nBODY\nEOF\n)",
        "! apply_patch <<'EOF'\nBODY\nEOF",
        "# patch\napply_patch <<'EOF'\nBODY\nEOF",
        "cd a b && apply_patch <<'EOF'\nBODY\nEOF",
        "cd a || apply_patch <<'EOF'\nBODY\nEOF",
        "cd a; apply_patch <<'EOF'\nBODY\nEOF",
        "cd a & apply_patch <<'EOF'\nBODY\nEOF",
        "cd a && cd b && apply_patch <<'EOF'\nBODY\nEOF",
        "cd && apply_patch <<'EOF'\nBODY\nEOF",
        "cd - && apply_patch <<'EOF'\nBODY\nEOF",
        "cd ~ && apply_patch <<'EOF'\nBODY\nEOF",
        "cd $HOME && apply_patch <<'EOF'\nBODY\nEOF",
        "cd \"$HOME\" && apply_patch <<'EOF'\nBODY\nEOF",
        "cd a*b && apply_patch <<'EOF'\nBODY\nEOF",
        "cd a'b' && apply_patch <<'EOF'\nBODY\nEOF",
        "cd 'a",
        "apply_patch",
        "apply_patch <<",
        "apply_patch <<''\nBODY\n",
        "",
    ] {
        assert_eq!(bash(script), Intercepted::No, "{script}");
    }
}

#[test]
fn a_bare_patch_was_meant_for_the_tool() {
    assert_eq!(bash("BODY"), Intercepted::PatchWithoutCall);
    assert_eq!(intercept(&[BODY.to_owned()]), Intercepted::PatchWithoutCall);
    assert_eq!(bash("*** Begin Patch\nnonsense"), Intercepted::No);
}

#[test]
fn the_ways_to_call() {
    let call = |argv: &[&str]| {
        intercept(&argv.iter().map(|word| word.replace("BODY", BODY)).collect::<Vec<String>>())
    };
    let script = "apply_patch <<'EOF'\nBODY\nEOF";
    assert_eq!(call(&["apply_patch", "BODY"]), patch(None));
    assert_eq!(call(&["applypatch", "BODY"]), patch(None));
    assert_eq!(
        call(&["apply_patch", "nonsense"]),
        Intercepted::Patch { body: "nonsense".to_owned(), dir: None }
    );
    for argv in [
        &["/usr/bin/zsh", "-lc", script][..],
        &["sh", "-c", script],
        &["C:\\Windows\\powershell.exe", "-Command", script],
        &["pwsh", "-NoProfile", "-Command", script],
        &["cmd.exe", "/c", script],
    ] {
        assert_eq!(call(argv), patch(None), "{argv:?}");
    }
    for argv in [
        &["bash", "-x", script][..],
        &["bash", "-lc", script, "extra"],
        &["fish", "-c", script],
        &["apply_patch"],
        &["apply_patch", "BODY", "more"],
        &["python3", "-c", script],
        &[],
    ] {
        assert_eq!(call(argv), Intercepted::No, "{argv:?}");
    }
}
