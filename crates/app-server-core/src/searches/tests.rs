//! What is kept of searches, and for how long.

use std::fs;

use app_server_test_support::TempHome;
use pretty_assertions::assert_eq;

use super::*;
use crate::host::tests::Silent;

fn searches(home: &TempHome) -> Arc<Searches> {
    Arc::new(Searches::new(Arc::new(Silent), &home.work()))
}

async fn find(searches: &Arc<Searches>, root: &str, query: &str) -> Vec<String> {
    let wanted = searches.begin(None);
    let so_far = Arc::default();
    let hits = whole_search(searches, &wanted, query.to_owned(), vec![root.to_owned()], &so_far);
    hits.await.unwrap().into_iter().map(|hit| hit.path).collect()
}

#[tokio::test]
async fn names_are_given_up_when_nobody_uses_them() {
    let home = TempHome::new().unwrap();
    fs::write(home.work().join("found"), "").unwrap();
    let searches = searches(&home);
    assert_eq!(find(&searches, ".", "found").await, ["found"]);
    let used = searches.lock().indexes[0].used;
    let work = Arc::clone(&searches.lock().indexes[0].index);
    let later = used + KEPT * 2;
    assert_eq!(searches.lock().give_up(later), Some(later + KEPT), "somebody works with it");
    drop(work);
    assert_eq!(searches.lock().give_up(later + KEPT / 2), Some(later + KEPT));
    assert_eq!(searches.lock().give_up(later + KEPT), None);
    assert!(searches.lock().indexes.is_empty());
    assert!(!searches.lock().is_swept);
    assert_eq!(find(&searches, ".", "found").await, ["found"]);
}

#[tokio::test]
async fn few_sets_of_roots_are_kept() {
    let home = TempHome::new().unwrap();
    let searches = searches(&home);
    for number in 0..MAX_INDEXES * 2 {
        let name = number.to_string();
        fs::create_dir(home.work().join(&name)).unwrap();
        fs::write(home.work().join(&name).join("f"), "").unwrap();
        assert_eq!(find(&searches, &name, "f").await, ["f"]);
        assert_eq!(find(&searches, "0", "f").await, ["f"]);
    }
    let state = searches.lock();
    assert_eq!(state.indexes.len(), MAX_INDEXES);
    assert!(state.indexes.iter().any(|kept| kept.roots == ["0"]), "the one in use stays");
}

#[tokio::test]
async fn the_latest_request_of_a_token_is_the_one_that_is_wanted() {
    let home = TempHome::new().unwrap();
    let searches = searches(&home);
    let first = searches.begin(Some("t"));
    let other = searches.begin(Some("u"));
    let second = searches.begin(Some("t"));
    assert!(first.cancelled.is_cancelled() && first.stop.is_stopped());
    assert!(!second.cancelled.is_cancelled() && !other.cancelled.is_cancelled());
    searches.done(Some("t"), first.number);
    assert_eq!(searches.lock().tokens.len(), 2, "the end of the first is not that of the second");
    searches.done(Some("t"), second.number);
    searches.done(Some("u"), other.number);
    assert!(searches.lock().tokens.is_empty());
}
