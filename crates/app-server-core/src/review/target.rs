//! What is reviewed: whether it is said properly, how the client is told of it, and what the reviewer is asked.

use app_server_protocol::v2::ReviewTarget;

/// Digits of a commit that are shown.
const SHORT_SHA: usize = 7;

/// Takes a target, its texts without the white space around them.
///
/// # Errors
/// What is missing, in words.
pub(crate) fn check(target: ReviewTarget) -> Result<ReviewTarget, String> {
    let trimmed = |text: &str, name: &str| match text.trim() {
        "" => Err(format!("{name} must not be empty")),
        text => Ok(text.to_owned()),
    };
    Ok(match target {
        ReviewTarget::UncommittedChanges => ReviewTarget::UncommittedChanges,
        ReviewTarget::BaseBranch { branch } => {
            ReviewTarget::BaseBranch { branch: trimmed(&branch, "branch")? }
        }
        ReviewTarget::Commit { sha, title } => {
            let title = title.map(|title| title.trim().to_owned()).filter(|title| !title.is_empty());
            ReviewTarget::Commit { sha: trimmed(&sha, "sha")?, title }
        }
        ReviewTarget::Custom { instructions } => {
            ReviewTarget::Custom { instructions: trimmed(&instructions, "instructions")? }
        }
    })
}

/// What the client is told is reviewed.
pub(crate) fn label(target: &ReviewTarget) -> String {
    match target {
        ReviewTarget::UncommittedChanges => "current changes".to_owned(),
        ReviewTarget::BaseBranch { branch } => format!("changes against '{branch}'"),
        ReviewTarget::Commit { sha, title: Some(title) } => format!("commit {}: {title}", short(sha)),
        ReviewTarget::Commit { sha, title: None } => format!("commit {}", short(sha)),
        ReviewTarget::Custom { instructions } => instructions.clone(),
    }
}

/// The same as a sentence, for clients of the first public form.
pub(crate) fn sentence(target: &ReviewTarget) -> String {
    match target {
        ReviewTarget::UncommittedChanges => "Review uncommitted changes".to_owned(),
        ReviewTarget::BaseBranch { branch } => format!("Review changes against base branch '{branch}'"),
        ReviewTarget::Commit { .. } => format!("Review {}", label(target)),
        ReviewTarget::Custom { .. } => label(target),
    }
}

/// The branch whose common ancestor with the checkout the request is better for naming. One that a program would take
/// for an option is left to the reviewer.
pub(crate) fn base_of(target: &ReviewTarget) -> Option<&str> {
    match target {
        ReviewTarget::BaseBranch { branch } if !branch.starts_with('-') => Some(branch),
        _ => None,
    }
}

/// What the reviewer is asked. The merge base is that of the base branch, where it is known.
pub(crate) fn request(target: &ReviewTarget, merge_base: Option<&str>) -> String {
    let what = match (target, merge_base) {
        (ReviewTarget::UncommittedChanges, _) => {
            "Review the changes of this checkout that are not committed yet: staged ones, unstaged ones and \
             untracked files."
                .to_owned()
        }
        (ReviewTarget::BaseBranch { branch }, Some(base)) => format!(
            "Review what this checkout adds to the branch '{branch}'. Both have the commit {base} in common, so \
             `git diff {base}` shows the changes."
        ),
        (ReviewTarget::BaseBranch { branch }, None) => format!(
            "Review what this checkout adds to the branch '{branch}'. Find out first what both have in common, for \
             instance with `git merge-base HEAD \"$(git rev-parse --abbrev-ref '{branch}@{{upstream}}')\"` or with \
             `git merge-base HEAD '{branch}'`; `git diff` against that commit shows the changes."
        ),
        (ReviewTarget::Commit { sha, title: Some(title) }, _) => {
            format!("Review what the commit {sha} (\"{title}\") changes.")
        }
        (ReviewTarget::Commit { sha, title: None }, _) => format!("Review what the commit {sha} changes."),
        (ReviewTarget::Custom { instructions }, _) => return instructions.clone(),
    };
    format!("{what} Report what its author would want to mend, the most important first.")
}

fn short(sha: &str) -> &str {
    sha.char_indices().nth(SHORT_SHA).map_or(sha, |(at, _)| &sha[..at])
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn commit(sha: &str, title: Option<&str>) -> ReviewTarget {
        ReviewTarget::Commit { sha: sha.to_owned(), title: title.map(str::to_owned) }
    }

    fn branch(name: &str) -> ReviewTarget {
        ReviewTarget::BaseBranch { branch: name.to_owned() }
    }

    fn custom(instructions: &str) -> ReviewTarget {
        ReviewTarget::Custom { instructions: instructions.to_owned() }
    }

    #[test]
    fn a_target_says_what_it_is_about() {
        assert_eq!(check(branch(" ")), Err("branch must not be empty".to_owned()));
        assert_eq!(check(commit("", Some("t"))), Err("sha must not be empty".to_owned()));
        assert_eq!(check(custom(" \n")), Err("instructions must not be empty".to_owned()));
        assert_eq!(check(branch(" main ")), Ok(branch("main")));
        assert_eq!(check(commit(" a ", Some(" "))), Ok(commit("a", None)));
        assert_eq!(check(custom("  Look. ")), Ok(custom("Look.")));
        assert_eq!(check(ReviewTarget::UncommittedChanges), Ok(ReviewTarget::UncommittedChanges));
    }

    #[test]
    fn labels_sentences_and_requests() {
        let targets = [
            (ReviewTarget::UncommittedChanges, None),
            (branch("main"), Some("0123456789")),
            (branch("main"), None),
            (commit("1234567deadbeef", Some("Polish")), None),
            (commit("12345", None), None),
            (commit("äöüäöüäöü", None), None),
            (custom("Check the tests"), None),
        ];
        let shown: Vec<String> = targets
            .iter()
            .map(|(target, base)| {
                format!("{}\n{}\n{}\n", label(target), sentence(target), request(target, *base))
            })
            .collect();
        expect![[r#"
            current changes
            Review uncommitted changes
            Review the changes of this checkout that are not committed yet: staged ones, unstaged ones and untracked files. Report what its author would want to mend, the most important first.

            changes against 'main'
            Review changes against base branch 'main'
            Review what this checkout adds to the branch 'main'. Both have the commit 0123456789 in common, so `git diff 0123456789` shows the changes. Report what its author would want to mend, the most important first.

            changes against 'main'
            Review changes against base branch 'main'
            Review what this checkout adds to the branch 'main'. Find out first what both have in common, for instance with `git merge-base HEAD "$(git rev-parse --abbrev-ref 'main@{upstream}')"` or with `git merge-base HEAD 'main'`; `git diff` against that commit shows the changes. Report what its author would want to mend, the most important first.

            commit 1234567: Polish
            Review commit 1234567: Polish
            Review what the commit 1234567deadbeef ("Polish") changes. Report what its author would want to mend, the most important first.

            commit 12345
            Review commit 12345
            Review what the commit 12345 changes. Report what its author would want to mend, the most important first.

            commit äöüäöüä
            Review commit äöüäöüä
            Review what the commit äöüäöüäöü changes. Report what its author would want to mend, the most important first.

            Check the tests
            Check the tests
            Check the tests
        "#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn only_a_branch_has_a_base() {
        assert_eq!(base_of(&branch("main")), Some("main"));
        assert_eq!(base_of(&branch("--help")), None);
        assert_eq!(base_of(&ReviewTarget::UncommittedChanges), None);
    }
}
