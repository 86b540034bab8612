//! The gauge of pools by size.

use signet::prekeys::Census;
use signet_tests::Table;

use super::{Person, both, ec, start};

#[tokio::test]
async fn pools_are_counted_by_their_size() {
    let t = start();
    let people = [0, 1, 20, 21].into_iter().enumerate();
    for (n, left) in people {
        let person = Person::register(&t, &format!("+120255501{n:02}")).await;
        if left > 0 {
            let body =
                if left < 20 { both(&person.me.aci, 1..=left) } else { serde_json::json!({"preKeys": ec(1..=left)}) };
            person.upload(&t, &body).await.expect(204);
        }
    }
    let census = Census::with_turns_of(t.registry.keys.clone(), 3, 2);
    let mut table = Table::default();
    table.row("six of eight rows", census.go_on().await, Ok(None));
    table.row("the rest", census.go_on().await, Ok(Some([[5, 2, 1, 0], [7, 1, 0, 0]])));
    // The next walk counts anew.
    let person = Person::register(&t, "+12025550199").await;
    person.upload(&t, &both(&person.me.aci, 1..=51)).await.expect(204);
    table.row("the next walk", census.go_on().await, Ok(None));
    table.row("its end", census.go_on().await, Ok(Some([[6, 2, 1, 1], [8, 1, 0, 1]])));
    // The gauge belongs to the process, which is that of all tests: another registry may have set it since.
    let metrics = t.client.manage("/metrics").await.text;
    for (kind, size) in
        ["ec", "kem"].into_iter().flat_map(|kind| ["0", "1-20", "21-50", "51-100"].map(|size| (kind, size)))
    {
        let line = format!(r#"signet_prekey_pools{{kind="{kind}",size="{size}"}} "#);
        table.row(&line, metrics.lines().any(|found| found.starts_with(&line)), true);
    }
    table.close();
}
