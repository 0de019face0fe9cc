//! The decision table: every policy and sandbox against every kind of command and patch.

use app_server_exec_policy::{
    ApprovalPolicy, CommandRequest, Judgement, OnDenial, PatchVerdict, Rules, SandboxKind, Verdict, judge,
    judge_patch, looks_denied, patch_on_denial,
};
use pretty_assertions::assert_eq;

use crate::support::{Machine, request, rules, script, words};

const POLICIES: [(&str, ApprovalPolicy); 4] = [
    ("untrusted", ApprovalPolicy::Untrusted),
    ("on-request", ApprovalPolicy::OnRequest),
    ("never", ApprovalPolicy::Never),
    ("on-failure", ApprovalPolicy::OnFailure),
];
const SANDBOXES: [(&str, SandboxKind); 4] = [
    ("read-only", SandboxKind::ReadOnly),
    ("workspace", SandboxKind::WorkspaceWrite),
    ("full", SandboxKind::FullAccess),
    ("external", SandboxKind::External),
];

/// The verdict in a letter, with what follows a refusal of the sandbox: `-` runs, `A` asks, `X` is refused; `s`
/// sandboxed, `d` direct; then nothing (reported), `r` (again, direct) or `R` (asks, then again, direct).
fn cell(judgement: &Judgement) -> String {
    let place = |sandboxed: &bool| if *sandboxed { "s" } else { "d" };
    let verdict = match &judgement.verdict {
        Verdict::Run { sandboxed } => format!("-{}", place(sandboxed)),
        Verdict::Ask { sandboxed, .. } => format!("A{}", place(sandboxed)),
        Verdict::Reject { .. } => "X".to_owned(),
    };
    let denial = match judgement.on_denial {
        OnDenial::Report => "",
        OnDenial::RetryDirect => "r",
        OnDenial::AskThenRetryDirect => "R",
    };
    verdict + denial
}

#[test]
fn table_of_decisions() {
    let machine = Machine::new();
    let safe = script("ls");
    let pipe = script("cat f && ls | wc -l");
    let redirected = script("ls > /dev/null");
    let inside = script("echo hi > made");
    let removal = script("rm -rf nothing");
    let unknown = script("unk x");
    let escalated = CommandRequest { escalated: true, ..request(&unknown) };
    let escalated_safe = CommandRequest { escalated: true, ..request(&safe) };
    let requests = [
        request(&safe),
        request(&pipe),
        request(&redirected),
        request(&inside),
        request(&removal),
        request(&unknown),
        escalated,
        escalated_safe,
    ];
    let mut table = String::new();
    for (policy_name, policy) in POLICIES {
        for (sandbox_name, sandbox) in SANDBOXES {
            let cells = requests
                .iter()
                .map(|request| cell(&judge(request, policy, sandbox, &Rules::default(), &machine.around())));
            let row: Vec<String> = cells.map(|cell| format!("{cell:4}")).collect();
            table += format!("{policy_name:11}{sandbox_name:10} {}", row.join(" ")).trim_end();
            table += "\n";
        }
    }
    expect_test::expect![[r"
        untrusted  read-only  -sR  -sR  Asr  Asr  Asr  Asr  X    X
        untrusted  workspace  -sR  -sR  Asr  Asr  Asr  Asr  X    X
        untrusted  full       -d   -d   Ad   Ad   Ad   Ad   X    X
        untrusted  external   -d   -d   Ad   Ad   Ad   Ad   X    X
        on-request read-only  -s   -s   -s   -s   As   -s   Ad   Ad
        on-request workspace  -s   -s   -s   -s   As   -s   Ad   Ad
        on-request full       -d   -d   -d   -d   Ad   -d   -d   -d
        on-request external   -d   -d   -d   -d   Ad   -d   -d   -d
        never      read-only  -s   -s   -s   -s   X    -s   X    X
        never      workspace  -s   -s   -s   -s   X    -s   X    X
        never      full       -d   -d   -d   -d   X    -d   X    X
        never      external   -d   -d   -d   -d   X    -d   X    X
        on-failure read-only  -sR  -sR  -sR  -sR  Asr  -sR  X    X
        on-failure workspace  -sR  -sR  -sR  -sR  Asr  -sR  X    X
        on-failure full       -d   -d   -d   -d   Ad   -d   X    X
        on-failure external   -d   -d   -d   -d   Ad   -d   X    X
    "]]
    .assert_eq(&table);
}

#[test]
fn table_of_patches() {
    let mut table = String::new();
    for (policy_name, policy) in POLICIES {
        for (sandbox_name, sandbox) in SANDBOXES {
            table += &format!("{policy_name:11}{sandbox_name:10}");
            // In a read-only sandbox no path is one to write to.
            for inside in [sandbox != SandboxKind::ReadOnly, false] {
                table += match judge_patch(policy, sandbox, inside) {
                    PatchVerdict::Run => " -",
                    PatchVerdict::Ask => " A",
                    PatchVerdict::Reject { .. } => " X",
                };
            }
            table += "\n";
        }
    }
    expect_test::expect![[r"
        untrusted  read-only  A A
        untrusted  workspace  A A
        untrusted  full       A A
        untrusted  external   A A
        on-request read-only  A A
        on-request workspace  - A
        on-request full       - -
        on-request external   - -
        never      read-only  X X
        never      workspace  - X
        never      full       - -
        never      external   - -
        on-failure read-only  - -
        on-failure workspace  - -
        on-failure full       - -
        on-failure external   - -
    "]]
    .assert_eq(&table);
    assert_eq!(
        judge_patch(ApprovalPolicy::Never, SandboxKind::ReadOnly, false),
        PatchVerdict::Reject {
            text: "patch rejected: writing outside of the project; rejected by user approval settings"
                .to_owned()
        }
    );
    assert_eq!(patch_on_denial(ApprovalPolicy::Never, false), OnDenial::Report);
    assert_eq!(patch_on_denial(ApprovalPolicy::OnRequest, false), OnDenial::AskThenRetryDirect);
    assert_eq!(patch_on_denial(ApprovalPolicy::Untrusted, true), OnDenial::RetryDirect);
}

fn verdict(
    request: &CommandRequest<'_>,
    policy: ApprovalPolicy,
    sandbox: SandboxKind,
    rules: &Rules,
) -> Verdict {
    judge(request, policy, sandbox, rules, &Machine::new().around()).verdict
}

fn rejection(line: &str, policy: ApprovalPolicy, rules: &Rules) -> String {
    match verdict(&request(&words(line)), policy, SandboxKind::FullAccess, rules) {
        Verdict::Reject { text } => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn what_the_model_is_told() {
    let none = Rules::default();
    assert_eq!(rejection("rm -rf x", ApprovalPolicy::Never, &none), "`rm -rf x` rejected: blocked by policy");
    let ruled = rules(
        "prefix_rule(pattern=['a'], decision='forbidden')\n\
         prefix_rule(pattern=['a', 'b'], decision='forbidden', justification='use c')\n\
         prefix_rule(pattern=['p'], decision='prompt')\n",
    );
    assert_eq!(
        rejection("a x", ApprovalPolicy::OnRequest, &ruled),
        "`a x` rejected: policy forbids commands starting with `a`"
    );
    assert_eq!(rejection("a b x", ApprovalPolicy::OnRequest, &ruled), "`a b x` rejected: use c");
    assert_eq!(
        rejection("p x", ApprovalPolicy::Never, &ruled),
        "approval required by policy, but AskForApproval is set to Never"
    );
    for (name, policy) in [
        ("UnlessTrusted", ApprovalPolicy::Untrusted),
        ("OnFailure", ApprovalPolicy::OnFailure),
        ("Never", ApprovalPolicy::Never),
    ] {
        let argv = words("ls");
        let request = CommandRequest { escalated: true, ..request(&argv) };
        // Not even a rule lifts that.
        let allowing = rules("prefix_rule(pattern=['ls'])");
        let text = format!(
            "approval policy is {name}; reject command — you should not ask for escalated permissions if the \
             approval policy is {name}"
        );
        assert_eq!(verdict(&request, policy, SandboxKind::ReadOnly, &allowing), Verdict::Reject { text });
    }
    let argv = script("rm -rf x");
    let Verdict::Reject { text } =
        verdict(&request(&argv), ApprovalPolicy::Never, SandboxKind::FullAccess, &none)
    else {
        panic!()
    };
    assert_eq!(text, "`bash -lc 'rm -rf x'` rejected: blocked by policy");
}

#[test]
fn granular_switches_off_kinds_of_questions() {
    let ruled = rules("prefix_rule(pattern=['p'], decision='prompt')");
    let ask = |line: &str, escalated: bool, sandbox_approval: bool, by_rules: bool| {
        let argv = words(line);
        let request = CommandRequest { escalated, ..request(&argv) };
        let policy = ApprovalPolicy::Granular { sandbox_approval, rules: by_rules };
        cell(&judge(&request, policy, SandboxKind::WorkspaceWrite, &ruled, &Machine::new().around()))
    };
    for (line, escalated, on, off) in
        [("unk", true, "Ad", "X"), ("rm -f x", false, "As", "X"), ("unk", false, "-s", "-s")]
    {
        assert_eq!(ask(line, escalated, true, false), on);
        assert_eq!(ask(line, escalated, false, true), off);
    }
    assert_eq!(ask("p", false, false, true), "As");
    assert_eq!(ask("p", false, true, false), "X");
}

#[test]
fn rules_decide_first() {
    let ruled = rules(
        "prefix_rule(pattern=['cp'])\n\
         prefix_rule(pattern=['rm', '-rf', 'target'])\n\
         prefix_rule(pattern=['ls', '-R'], decision='prompt', justification='slow')\n\
         prefix_rule(pattern=['cp', '/etc'], decision='forbidden')\n",
    );
    let check = |expected: &str, text: &str, policy| {
        let judgement = judge(
            &request(&script(text)),
            policy,
            SandboxKind::WorkspaceWrite,
            &ruled,
            &Machine::new().around(),
        );
        assert_eq!(cell(&judgement), expected, "{text}");
        judgement
    };
    for (_, policy) in POLICIES {
        check("-d", "cp a b", policy);
        check("-d", "cp a b && cp c d", policy);
        check("-d", "rm -rf target", policy);
        check("X", "cp a b; cp /etc x", policy);
    }
    // Only if all commands are allowed by rules does the chain leave the sandbox.
    check("-s", "cp a b && ls", ApprovalPolicy::OnRequest);
    check("-sR", "cp a b && ls", ApprovalPolicy::Untrusted);
    check("Asr", "cp a b && touch x", ApprovalPolicy::Untrusted);
    check("Asr", "cp a > b", ApprovalPolicy::Untrusted);
    check("As", "cp a b && rm -rf x", ApprovalPolicy::OnRequest);
    check("X", "ls -R", ApprovalPolicy::Never);
    let judgement = check("Asr", "ls -R", ApprovalPolicy::Untrusted);
    let Verdict::Ask { reason, amendment, .. } = judgement.verdict else { panic!() };
    assert_eq!(reason.as_deref(), Some("`bash -lc 'ls -R'` requires approval: slow"));
    assert_eq!(amendment, None);
    // Of a shell that the project brought along nothing is believed.
    let argv = ["./bash", "-lc", "cp a b"].map(str::to_owned);
    let judgement = judge(
        &request(&argv),
        ApprovalPolicy::Untrusted,
        SandboxKind::WorkspaceWrite,
        &ruled,
        &Machine::new().around(),
    );
    assert_eq!(cell(&judgement), "Asr");
    // An escalated command that a rule allows needs no question.
    let argv = words("cp a b");
    let escalated = CommandRequest { escalated: true, ..request(&argv) };
    let found = verdict(&escalated, ApprovalPolicy::OnRequest, SandboxKind::ReadOnly, &ruled);
    assert_eq!(found, Verdict::Run { sandboxed: false });
}

/// The reason and the rule offered for `text` under a policy.
fn question(
    text: &str,
    prefix: Option<&str>,
    escalated: bool,
    ruled: &str,
) -> (Option<String>, Option<String>) {
    let argv = script(text);
    let prefix = prefix.map(words);
    let request = CommandRequest {
        argv: &argv,
        escalated,
        justification: Some("why not"),
        prefix_rule: prefix.as_deref(),
    };
    let policy = if escalated { ApprovalPolicy::OnRequest } else { ApprovalPolicy::Untrusted };
    match verdict(&request, policy, SandboxKind::WorkspaceWrite, &rules(ruled)) {
        Verdict::Ask { reason, amendment, .. } => (reason, amendment.map(|words| words.join(" "))),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn rules_offered_with_a_question() {
    for (text, prefix, escalated, expected) in [
        ("touch a4 ; touch a5", None, false, Some("touch a4")),
        ("ls && touch a", None, false, Some("touch a")),
        ("touch a > b", None, false, Some("bash -lc touch a > b")),
        ("touch $X", Some("touch"), true, Some("bash -lc touch $X")),
        ("touch a", None, true, Some("touch a")),
        ("touch a", Some("touch"), true, Some("touch")),
        ("touch a", Some("touch"), false, Some("touch")),
        ("touch a; touch b", Some("touch"), true, Some("touch")),
        ("touch a; mkdir b", Some("touch"), true, Some("touch a")),
        ("touch a | cat", Some("touch"), true, Some("touch a")),
        ("touch a && ls", Some("touch"), false, Some("touch")),
        ("touch a", Some("mkdir"), true, Some("touch a")),
        ("touch a", Some("bash -lc"), true, Some("touch a")),
        ("touch a", Some(""), true, Some("touch a")),
        ("python3 x.py", Some("python3"), true, Some("python3 x.py")),
        ("python3 -m http", Some("python3 -m"), true, Some("python3 -m http")),
        ("rm -rf zz", Some("rm -rf zz"), true, Some("rm -rf zz")),
        ("npm run build", Some("npm run"), true, Some("npm run build")),
        // Such a rule would allow everything.
        ("python3", None, false, None),
        ("bash -x", None, false, None),
    ] {
        let (reason, amendment) = question(text, prefix, escalated, "");
        assert_eq!(amendment.as_deref(), expected, "{text} {prefix:?}");
        assert_eq!(reason.as_deref(), Some("why not"));
    }
    let ruled = "prefix_rule(pattern=['touch'], decision='prompt')";
    let (reason, amendment) = question("touch a", Some("touch"), true, ruled);
    assert_eq!(reason.as_deref(), Some("`bash -lc 'touch a'` requires approval by policy"));
    assert_eq!(amendment, None);
}

#[test]
fn rules_offered_after_a_refusal_of_the_sandbox() {
    let offered = |text: &str, policy, ruled: &str| {
        let argv = script(text);
        judge(&request(&argv), policy, SandboxKind::ReadOnly, &rules(ruled), &Machine::new().around())
            .retry_amendment
    };
    assert_eq!(offered("touch a; touch b", ApprovalPolicy::OnFailure, ""), Some(words("touch a")));
    assert_eq!(offered("ls x", ApprovalPolicy::Untrusted, ""), Some(words("ls x")));
    assert_eq!(offered("touch a; ls", ApprovalPolicy::OnFailure, "prefix_rule(pattern=['ls'])"), None);
    assert_eq!(offered("touch a", ApprovalPolicy::OnRequest, ""), None);
    assert_eq!(offered("touch a", ApprovalPolicy::Untrusted, ""), None);
}

#[test]
fn output_of_a_denied_command() {
    for (code, output, expected) in [
        (1, "touch: x: Read-only file system", true),
        (1, "PERMISSION DENIED", true),
        (2, "Operation not permitted", true),
        (127, "blocked by Landlock", true),
        (1, "seccomp", true),
        (1, "the sandbox", true),
        (1, "Failed to write file a", true),
        (0, "permission denied", false),
        (1, "no such file", false),
        (2, "", false),
        (126, "", false),
        (127, "not found", false),
        (159, "", cfg!(target_os = "linux")),
        (137, "", false),
    ] {
        assert_eq!(looks_denied(code, output), expected, "{code} {output}");
    }
}
