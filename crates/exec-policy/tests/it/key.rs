//! What an answer for the whole session covers.

use app_server_exec_policy::{ApprovalKey, Surroundings};

use crate::support::{Machine, plant, script, words};

#[test]
fn covers_the_same_command_and_no_other() {
    let mut machine = Machine::new();
    let key = |argv: &[String], around: &Surroundings<'_>| ApprovalKey::new(argv, false, false, around);
    for argv in [words("npm test"), script("npm test")] {
        let approved = key(&argv, &machine.around());
        assert_eq!(approved, key(&argv, &machine.around()));
        for other in [
            script("npm test; id"),
            script("npm test --x"),
            script("npm  test"),
            words("npm test --x"),
            words("npm"),
            words("./npm test"),
        ] {
            assert_ne!(approved, key(&other, &machine.around()), "{other:?}");
        }
        let elsewhere = machine.work.join("sub");
        assert_ne!(approved, key(&argv, &Surroundings { cwd: &elsewhere, ..machine.around() }));
        assert_ne!(approved, ApprovalKey::new(&argv, true, false, &machine.around()));
        assert_ne!(approved, ApprovalKey::new(&argv, false, true, &machine.around()));

        // Another program of that name comes first.
        let bin = machine.bin.display().to_string();
        plant(&machine.work.join("early/npm"));
        machine.search(&format!("{}/early:{bin}", machine.work.display()));
        assert_ne!(approved, key(&argv, &machine.around()));
        machine.search(&bin);
    }
}
