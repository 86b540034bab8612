//! Codes are nowhere to be read but in the letter to their person.

use signet_storage::dynamo::tables::{TABLES, Table};
use signet_tests::TestRegistry;
use signet_tests::registry::contents;

use super::{number, other_than, with_code};

#[tokio::test]
async fn no_row_holds_a_code() {
    let t = TestRegistry::start();
    let mut codes = Vec::new();
    for n in 900..905 {
        let (id, code) = with_code(&t, &number(n)).await;
        t.client.submit_code(&id, &other_than(&code)).await.expect(200);
        codes.push((id, code));
    }
    assert_eq!(t.rows(Table::Sessions).await.len(), codes.len());
    let mut stored = Vec::new();
    for spec in &TABLES {
        stored.extend(t.rows(spec.table).await.iter().map(contents));
    }
    let known = |bytes: &[u8]| stored.iter().any(|row| row.windows(bytes.len()).any(|window| window == bytes));
    assert!(known(number(900).as_bytes()) && known(codes[0].0.as_bytes()), "the dump shows what there is");
    // Six digits can stand by chance in some longer number of the dump; twice in five is no chance.
    let seen = codes.iter().filter(|(_, code)| known(code.as_bytes())).count();
    assert!(seen <= 1, "{seen} of five codes can be read in the store");
}

#[tokio::test]
async fn no_answer_holds_a_code() {
    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(906)).await;
    for answer in
        [t.client.session(&id).await, t.client.submit_code(&id, "x").await, t.client.submit_code(&id, &code).await]
    {
        assert!(!answer.text.contains(&code) && answer.headers.values().all(|v| v.as_bytes() != code.as_bytes()));
    }
}
