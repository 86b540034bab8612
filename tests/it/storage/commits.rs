//! Commits: all or nothing, and a refusal that names the write and shows what stood in its way.

use signet_storage::dynamo::items::{key, text, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{CommitError, Condition, Dynamo, Item, Write};
use signet_tests::Engine;
use signet_tests::audit::rows;

on_each_engine! {
    a_refused_commit_leaves_nothing,
    the_first_refused_write_is_named_with_the_row_that_stood,
    one_write_alone_is_refused_in_the_same_words,
    a_refused_deletion_deletes_nothing,
    conditions_mean_what_they_say,
    a_hundred_writes_are_one_commit,
}

fn row(claim: &str, holder: &str) -> Item {
    let mut row = key("claim", claim);
    row.insert("holder".to_owned(), text(holder));
    row
}

fn put(label: &'static str, claim: &str, holder: &str) -> Write {
    Write::put(label, Table::Claims, row(claim, holder))
}

async fn holder(dynamo: &Dynamo, claim: &str) -> Option<String> {
    let row = dynamo.get(Table::Claims, key("claim", claim)).await.unwrap()?;
    text_of(&row, "holder").map(str::to_owned)
}

async fn a_refused_commit_leaves_nothing(engine: Engine) {
    let dynamo = engine.open().await.storage.dynamo;
    dynamo.commit("test", vec![put("before", "taken", "old"), put("before", "doomed", "old")]).await.unwrap();
    // Whichever place the failing write has in the list, and whatever the others do.
    for place in 0..4 {
        let mut writes = vec![
            put("new", "a", "me"),
            put("over", "taken", "me"),
            Write::delete("away", Table::Claims, key("claim", "doomed")),
        ];
        writes.insert(place, put("needy", "b", "me").only_if(Condition::Equals("holder", text("me"))));
        let refused = dynamo.commit("test", writes).await.unwrap_err();
        assert_eq!(refused, CommitError::Refused { label: "needy", standing: None }, "place {place}");
        let mut left: Vec<_> = rows(&dynamo, Table::Claims).await.iter().map(shown).collect();
        left.sort();
        assert_eq!(left, ["doomed old", "taken old"], "place {place}");
    }
}

fn shown(row: &Item) -> String {
    format!("{} {}", text_of(row, "claim").unwrap(), text_of(row, "holder").unwrap())
}

async fn the_first_refused_write_is_named_with_the_row_that_stood(engine: Engine) {
    let dynamo = engine.open().await.storage.dynamo;
    dynamo.commit("test", vec![put("x", "one", "her"), put("x", "two", "him")]).await.unwrap();
    let writes = vec![
        put("free", "zero", "me").only_if(Condition::Absent("claim")),
        put("first", "one", "me").only_if(Condition::Absent("claim")),
        put("second", "two", "me").only_if(Condition::Absent("claim")),
    ];
    let refused = dynamo.commit("test", writes).await.unwrap_err();
    assert_eq!(refused, CommitError::Refused { label: "first", standing: Some(row("one", "her")) });
    assert_eq!(holder(&dynamo, "zero").await, None);
}

async fn one_write_alone_is_refused_in_the_same_words(engine: Engine) {
    let dynamo = engine.open().await.storage.dynamo;
    dynamo.commit("test", vec![put("x", "one", "her")]).await.unwrap();
    let mine = || Condition::Equals("holder", text("me"));
    for (write, standing) in [
        (put("put", "one", "me").only_if(Condition::Absent("claim")), Some(row("one", "her"))),
        (put("put", "none", "me").only_if(mine()), None),
        (Write::delete("delete", Table::Claims, key("claim", "one")).only_if(mine()), Some(row("one", "her"))),
        (Write::delete("delete", Table::Claims, key("claim", "none")).only_if(mine()), None),
    ] {
        let label = write.label;
        let refused = dynamo.commit("test", vec![write]).await.unwrap_err();
        assert_eq!(refused, CommitError::Refused { label, standing }, "{label}");
    }
    assert_eq!(holder(&dynamo, "one").await.as_deref(), Some("her"));
    assert_eq!(holder(&dynamo, "none").await, None);
}

async fn a_refused_deletion_deletes_nothing(engine: Engine) {
    let dynamo = engine.open().await.storage.dynamo;
    dynamo.commit("test", vec![put("x", "one", "her"), put("x", "two", "me")]).await.unwrap();
    let delete = |claim| {
        let mine = Condition::Equals("holder", text("me"));
        Write::delete("delete", Table::Claims, key("claim", claim)).only_if(mine)
    };
    let refused = dynamo.commit("test", vec![delete("two"), delete("one")]).await.unwrap_err();
    assert_eq!(refused, CommitError::Refused { label: "delete", standing: Some(row("one", "her")) });
    assert_eq!(holder(&dynamo, "two").await.as_deref(), Some("me"));
    dynamo.commit("test", vec![delete("two"), put("put", "three", "me")]).await.unwrap();
    assert_eq!(holder(&dynamo, "two").await, None);
}

async fn conditions_mean_what_they_say(engine: Engine) {
    let dynamo = engine.open().await.storage.dynamo;
    dynamo.commit("test", vec![put("x", "one", "her")]).await.unwrap();
    let equals = |who| Condition::Equals("holder", text(who));
    // "version" and "commit" are words of DynamoDB's own language.
    let absent = || Condition::Absent("version");
    for (what, condition, holds) in [
        ("equals", equals("her"), true),
        ("does not equal", equals("him"), false),
        ("absent", absent(), true),
        ("present", Condition::Absent("holder"), false),
        ("no such attribute equals nothing", Condition::Equals("commit", text("her")), false),
        ("either, first", equals("her").or(equals("him")), true),
        ("either, second", equals("him").or(equals("her")), true),
        ("either, none", equals("him").or(equals("them")), false),
        ("both", equals("her").and(absent()), true),
        ("both, one fails", equals("him").and(absent()), false),
        ("or binds within and", absent().and(equals("him").or(equals("her"))), true),
        ("and binds within or", equals("him").or(absent().and(equals("her"))), true),
    ] {
        let kept = put("same", "one", "her").only_if(condition);
        // Alone it is a plain write, in company a transaction.
        for writes in [vec![kept.clone()], vec![kept.clone(), put("other", "two", "x")]] {
            assert_eq!(dynamo.commit("test", writes).await.is_ok(), holds, "{what}");
        }
    }
}

async fn a_hundred_writes_are_one_commit(engine: Engine) {
    let dynamo = engine.open().await.storage.dynamo;
    let writes: Vec<_> = (0..100).map(|n| put("many", &format!("row {n}"), "me")).collect();
    dynamo.commit("test", writes).await.unwrap();
    assert_eq!(rows(&dynamo, Table::Claims).await.len(), 100);
    let deletions = (0..99).map(|n| Write::delete("many", Table::Claims, key("claim", format!("row {n}"))));
    let refused = put("needy", "row 99", "me").only_if(Condition::Absent("claim"));
    let writes: Vec<_> = deletions.chain([refused]).collect();
    assert!(matches!(dynamo.commit("test", writes).await, Err(CommitError::Refused { label: "needy", .. })));
    assert_eq!(rows(&dynamo, Table::Claims).await.len(), 100);
}
