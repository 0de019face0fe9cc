//! Edits of exact texts: what goes in, what comes out, byte for byte.

use pretty_assertions::assert_eq;
use serde_json::{Value as Json, json};

use super::*;

const REPLACE: bool = false;
const UPSERT: bool = true;

fn edit(key_path: &str, value: &Json, upsert: bool) -> Edit {
    Edit::from_json(key_path, value, upsert).unwrap()
}

/// Makes one edit; a second time it must change nothing.
fn after(text: &str, edit: &Edit) -> String {
    let edited = apply(text, std::slice::from_ref(edit)).unwrap();
    let again = apply(&edited.text, std::slice::from_ref(edit)).unwrap();
    assert_eq!(again, edited, "the same edit changed the text again");
    edited.text
}

fn set(text: &str, key_path: &str, value: &Json) -> String {
    after(text, &edit(key_path, value, REPLACE))
}

fn upsert(text: &str, key_path: &str, value: &Json) -> String {
    after(text, &edit(key_path, value, UPSERT))
}

fn clear(text: &str, key_path: &str) -> String {
    set(text, key_path, &Json::Null)
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    let text = "# top\nmodel   =  'old' # mine\n\n[a]\n  b = [\n    1, # one\n    2,\n  ]\n";
    assert_eq!(
        set(text, "model", &json!("new")),
        "# top\nmodel   =  \"new\" # mine\n\n[a]\n  b = [\n    1, # one\n    2,\n  ]\n"
    );
    assert_eq!(set(text, "a.b", &json!([3])), "# top\nmodel   =  'old' # mine\n\n[a]\n  b = [3]\n");
    // The same value in another spelling stays as it is.
    assert_eq!(set(text, "model", &json!("old")), text);
    assert_eq!(set(text, "a.b", &json!([1, 2])), text);
}

#[test]
fn a_new_key_goes_behind_the_last_of_its_section() {
    let text = "model = 'x'\n# about a\n\n# of a\n[a]\n  b = 1\n\n# of c\n[c]\n";
    assert_eq!(
        set(text, "flag", &json!(true)),
        "model = 'x'\nflag = true\n# about a\n\n# of a\n[a]\n  b = 1\n\n# of c\n[c]\n"
    );
    assert_eq!(
        set(text, "a.d", &json!(1.5)),
        "model = 'x'\n# about a\n\n# of a\n[a]\n  b = 1\n  d = 1.5\n\n# of c\n[c]\n"
    );
    assert_eq!(set(text, "c.d", &json!(["x", 1])), format!("{text}d = [\"x\", 1]\n"));
}

#[test]
fn the_first_key_of_a_file_goes_above_its_first_header() {
    assert_eq!(set("", "model", &json!("x")), "model = \"x\"\n");
    assert_eq!(set("\n\n", "model", &json!("x")), "model = \"x\"\n\n\n");
    assert_eq!(set("# only a comment", "model", &json!("x")), "# only a comment\nmodel = \"x\"\n");
    assert_eq!(set("[a]\nb = 1\n", "model", &json!("x")), "model = \"x\"\n\n[a]\nb = 1\n");
    assert_eq!(
        set("# the file\n\n# of a\n[a]\n", "model", &json!("x")),
        "# the file\n\nmodel = \"x\"\n\n# of a\n[a]\n"
    );
}

#[test]
fn new_tables_go_to_the_end_with_their_parents() {
    let text = "model = 'x'\n\n[a]\nb = 1\n\n\n";
    assert_eq!(
        set(text, "sandbox_workspace_write.network_access", &json!(true)),
        "model = 'x'\n\n[a]\nb = 1\n\n[sandbox_workspace_write]\nnetwork_access = true\n\n\n"
    );
    assert_eq!(
        upsert(text, "tools", &json!({"web_search": {"context_size": "low"}})),
        "model = 'x'\n\n[a]\nb = 1\n\n[tools]\n\n[tools.web_search]\ncontext_size = \"low\"\n\n\n"
    );
    assert_eq!(set("model = 'x'", "a.b.c", &json!(1)), "model = 'x'\n\n[a]\n\n[a.b]\nc = 1\n");
    assert_eq!(set("", "a", &json!({})), "[a]\n");
    assert_eq!(
        set("[a]\n", "a.list", &json!([{"x": 1, "y": {"z": 2}}, {"x": 3}])),
        "[a]\n\n[[a.list]]\nx = 1\n\n[a.list.y]\nz = 2\n\n[[a.list]]\nx = 3\n"
    );
}

#[test]
fn keys_and_values_are_quoted_as_they_must_be() {
    assert_eq!(
        set("", "projects.\"/home/me/a.b\".trust_level", &json!("trusted")),
        "[projects]\n\n[projects.\"/home/me/a.b\"]\ntrust_level = \"trusted\"\n"
    );
    assert_eq!(
        set("", "a", &json!("quote \" back \\ line\r\n\ttab \u{1} ü 日本")),
        "a = \"quote \\\" back \\\\ line\\r\\n\\ttab \\u0001 ü 日本\"\n"
    );
    assert_eq!(set("'sp ace' = 1\n", "\"sp ace\"", &json!(2)), "'sp ace' = 2\n");
    assert_eq!(set("", "ü", &json!(-1)), "\"ü\" = -1\n");
}

#[test]
fn line_endings_and_the_byte_order_mark_stay() {
    let text = "\u{feff}model = 'x'\r\n\r\n[a]\r\nb = \"\"\"\r\nlong\r\n\"\"\"\r\n";
    assert_eq!(
        set(text, "a.c", &json!(1)),
        "\u{feff}model = 'x'\r\n\r\n[a]\r\nb = \"\"\"\r\nlong\r\n\"\"\"\r\nc = 1\r\n"
    );
    assert_eq!(set(text, "d.e", &json!("two\nlines")), format!("{text}\r\n[d]\r\ne = \"two\\nlines\"\r\n"));
    assert_eq!(clear(text, "model"), "\u{feff}\r\n[a]\r\nb = \"\"\"\r\nlong\r\n\"\"\"\r\n");
    assert_eq!(set("\u{feff}", "a", &json!(1)), "\u{feff}a = 1\n");
    // No newline at the end: one is added only where something is appended.
    assert_eq!(set("a = 1\nb = 2", "a", &json!(3)), "a = 3\nb = 2");
    assert_eq!(set("a = 1\r\nb = 2", "c", &json!(3)), "a = 1\r\nb = 2\r\nc = 3\r\n");
    assert_eq!(clear("a = 1\nb = 2", "b"), "a = 1\n");
}

#[test]
fn a_cleared_key_takes_its_lines_and_no_others() {
    let text = "# above\na = 1 # beside\n# below\nb = [\n  2,\n]\n[c]\nd = 1\n";
    assert_eq!(clear(text, "a"), "# above\n# below\nb = [\n  2,\n]\n[c]\nd = 1\n");
    assert_eq!(clear(text, "b"), "# above\na = 1 # beside\n# below\n[c]\nd = 1\n");
    assert_eq!(clear(text, "c.d"), "# above\na = 1 # beside\n# below\nb = [\n  2,\n]\n[c]\n");
    for missing in ["x", "x.y", "c.x", "c.d.e", "a.b", "b.c"] {
        assert_eq!(clear(text, missing), text);
    }
}

#[test]
fn a_cleared_table_takes_all_its_sections() {
    let text = "[a]\nx = 1\n\n# of b\n[b]\ny = 1\n\n[a.c]\nz = 1\n# of d\n\n[d]\n";
    assert_eq!(clear(text, "a"), "# of b\n[b]\ny = 1\n\n# of d\n\n[d]\n");
    assert_eq!(clear(text, "a.c"), "[a]\nx = 1\n\n# of b\n[b]\ny = 1\n\n# of d\n\n[d]\n");
    assert_eq!(clear("k = 1\n\n[a]\n\n[b]\n", "a"), "k = 1\n\n[b]\n");
    let tables = "[[a]]\nx = 1\n[a.b]\n[[a]]\nx = 2\n[c]\n";
    assert_eq!(clear(tables, "a"), "[c]\n");
}

#[test]
fn dotted_keys_are_edited_as_they_stand() {
    let text = "a.b = 1 # one\n  a . \"c d\".e = 2\nz = 3\n";
    assert_eq!(set(text, "a.b", &json!(5)), "a.b = 5 # one\n  a . \"c d\".e = 2\nz = 3\n");
    assert_eq!(set(text, "a.x", &json!(1)), "a.b = 1 # one\n  a . \"c d\".e = 2\n  a.x = 1\nz = 3\n");
    assert_eq!(
        set(text, "a.\"c d\".f.g", &json!(1)),
        "a.b = 1 # one\n  a . \"c d\".e = 2\n  a.\"c d\".f.g = 1\nz = 3\n"
    );
    assert_eq!(clear(text, "a.\"c d\""), "a.b = 1 # one\nz = 3\n");
    assert_eq!(clear(text, "a"), "z = 3\n");
    assert_eq!(set("[t]\na.b = 1\n[u]\n", "t.a.c", &json!({"d": 1})), "[t]\na.b = 1\na.c = { d = 1 }\n[u]\n");
}

#[test]
fn inline_tables_stay_inline() {
    let text = "a = { b = 1, c.d = 2 } # keep\n";
    assert_eq!(set(text, "a.b", &json!("x")), "a = { b = \"x\", c.d = 2 } # keep\n");
    assert_eq!(set(text, "a.e", &json!({"f": 1})), "a = { b = 1, c.d = 2, e = { f = 1 } } # keep\n");
    assert_eq!(set(text, "a.e.f", &json!(1)), "a = { b = 1, c.d = 2, e.f = 1 } # keep\n");
    assert_eq!(set(text, "a.c.g", &json!(1)), "a = { b = 1, c.d = 2, c.g = 1 } # keep\n");
    assert_eq!(clear(text, "a.b"), "a = { c.d = 2 } # keep\n");
    assert_eq!(clear(text, "a.c"), "a = { b = 1 } # keep\n");
    assert_eq!(clear("a = { b = 1 }\n", "a.b"), "a = {}\n");
    assert_eq!(set("a = {}\n", "a.b", &json!(1)), "a = { b = 1 }\n");
    assert_eq!(set("a = { }\n", "a.b", &json!([])), "a = { b = [] }\n");
    assert_eq!(set("a = {b={c=1}}\n", "a.b.d", &json!(2)), "a = {b={c=1, d = 2}}\n");
    let long = "a = {\n  b = 1, # one\n  c = 2, # two\n}\n";
    assert_eq!(set(long, "a.d", &json!(3)), "a = {\n  b = 1, # one\n  c = 2, d = 3, # two\n}\n");
    assert_eq!(clear(long, "a.b"), "a = {\n  # one\n  c = 2, # two\n}\n");
}

#[test]
fn a_scalar_in_the_way_becomes_a_table_and_a_table_a_scalar() {
    assert_eq!(set("a = 1 # c\nb = 2\n", "a.x.y", &json!(3)), "a = { x = { y = 3 } } # c\nb = 2\n");
    assert_eq!(set("b = 2\n\n[a]\nx = 1\n", "a", &json!(3)), "b = 2\na = 3\n\n");
    assert_eq!(set("[a.b]\nx = 1\n", "a", &json!(true)), "a = true\n");
    assert_eq!(set("a.b = 1\n", "a", &json!("x")), "a = \"x\"\n");
    assert_eq!(set("[[a]]\nx = 1\n", "a", &json!([1])), "a = [1]\n");
    assert_eq!(set("[[a]]\nx = 1\n[b]\n", "a", &json!([{"x": 2}])), "[b]\n\n[[a]]\nx = 2\n");
}

#[test]
fn super_tables_need_not_come_first() {
    let text = "[a.b]\nx = 1\n\n[c]\n";
    assert_eq!(set(text, "a.y", &json!(2)), "[a.b]\nx = 1\n\n[c]\n\n[a]\ny = 2\n");
    assert_eq!(set(text, "a.d.e", &json!(2)), "[a.b]\nx = 1\n\n[c]\n\n[a.d]\ne = 2\n");
    let late = "[a.b]\nx = 1\n[c]\n[a]\ny = 1\n";
    assert_eq!(set(late, "a.z", &json!(2)), "[a.b]\nx = 1\n[c]\n[a]\ny = 1\nz = 2\n");
    assert_eq!(set(late, "a.b.z", &json!(2)), "[a.b]\nx = 1\nz = 2\n[c]\n[a]\ny = 1\n");
}

#[test]
fn replacing_a_table_touches_what_differs() {
    let text = "[a]\nkeep = 'as is' # yes\ngo = 1\nchange = 2\n\n[a.b]\nx = 1\n";
    assert_eq!(
        set(text, "a", &json!({"keep": "as is", "change": 3, "new": 4})),
        "[a]\nkeep = 'as is' # yes\nchange = 3\nnew = 4\n\n"
    );
    assert_eq!(
        upsert(text, "a", &json!({"change": 3, "b": {"y": 2}})),
        "[a]\nkeep = 'as is' # yes\ngo = 1\nchange = 3\n\n[a.b]\nx = 1\ny = 2\n"
    );
    assert_eq!(upsert(text, "a", &json!({})), text);
}

fn element(array: &str, index: usize, key: Option<&str>) -> Vec<Segment> {
    let mut path = parse_key_path(array).unwrap();
    path.push(Segment::Index(index));
    path.extend(key.map(Segment::from));
    path
}

fn at(path: Vec<Segment>, value: &Json) -> Edit {
    Edit { path, change: Change::Replace(overrides::from_json_value(value).unwrap()) }
}

#[test]
fn elements_are_appended_and_changed_by_their_index() {
    let entry = json!({"path": "/s", "enabled": false});
    let new = apply("model = 'x'\n", &[at(element("skills.config", 0, None), &entry)]).unwrap();
    assert_eq!(new.text, "model = 'x'\n\n[skills]\n\n[[skills.config]]\npath = \"/s\"\nenabled = false\n");

    let text = "[[skills.config]]\n# first\npath = '/a' # a\nenabled = true\n\n[z]\n";
    let more = apply(text, &[at(element("skills.config", 1, None), &entry)]).unwrap();
    assert_eq!(
        more.text,
        "[[skills.config]]\n# first\npath = '/a' # a\nenabled = true\n\n\
         [[skills.config]]\npath = \"/s\"\nenabled = false\n\n[z]\n"
    );
    assert_eq!(
        after(text, &at(element("skills.config", 0, Some("enabled")), &json!(false))),
        "[[skills.config]]\n# first\npath = '/a' # a\nenabled = false\n\n[z]\n"
    );
    assert_eq!(
        after(text, &at(element("skills.config", 0, Some("note")), &json!({"x": 1}))),
        "[[skills.config]]\n# first\npath = '/a' # a\nenabled = true\nnote = { x = 1 }\n\n[z]\n"
    );
    let gone = Edit { path: element("skills.config", 0, None), change: Change::Clear };
    assert_eq!(
        apply(&more.text, &[gone]).unwrap().text,
        "[[skills.config]]\npath = \"/s\"\nenabled = false\n\n[z]\n"
    );

    let inline = "skills = { config = [{ path = '/a' }] }\n";
    assert_eq!(
        apply(inline, &[at(element("skills.config", 1, None), &json!({"path": "/b"}))]).unwrap().text,
        "skills = { config = [{ path = '/a' }, { path = \"/b\" }] }\n"
    );
    assert_eq!(
        after(inline, &at(element("skills.config", 0, Some("enabled")), &json!(false))),
        "skills = { config = [{ path = '/a', enabled = false }] }\n"
    );
    assert_eq!(apply("a = []\n", &[at(element("a", 0, None), &json!(1))]).unwrap().text, "a = [1]\n");
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |text: &str, edit: &Edit| apply(text, std::slice::from_ref(edit)).unwrap_err();
    let in_array = EditError::InArray("a".to_owned());
    assert_eq!(refused("a = [{ b = 1 }]\n", &edit("a.b", &json!(2), REPLACE)), in_array);
    assert_eq!(refused("[[a]]\nb = 1\n", &edit("a.0.b", &json!(2), UPSERT)), in_array);
    assert_eq!(refused("a = [1]\n", &at(element("a", 2, None), &json!(2))), in_array);
    assert!(matches!(refused("a = \n", &edit("a", &json!(1), REPLACE)), EditError::Unreadable(_)));
    assert_eq!(
        Edit::from_json("a", &json!({"b": [1, null]}), REPLACE),
        Err(EditError::NullElement("a".to_owned()))
    );
    assert_eq!(Edit::from_json("", &json!(1), REPLACE), Err(KeyPathError::Empty.into()));
}

#[test]
fn edits_of_a_batch_see_each_other() {
    let edits = [
        edit("a.b", &json!(1), REPLACE),
        edit("a.c", &json!({"d": null, "e": 2}), UPSERT),
        edit("a.b", &Json::Null, REPLACE),
    ];
    let edited = apply("x = 1", &edits).unwrap();
    assert_eq!(edited.text, "x = 1\n\n[a]\n\n[a.c]\ne = 2\n");
    assert_eq!(edited.table, toml::from_str(&edited.text).unwrap());
    assert_eq!(apply("x = 1", &[]).unwrap().text, "x = 1");
}
