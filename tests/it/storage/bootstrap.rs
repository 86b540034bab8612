//! Making the tables exist: by nobody in particular, any number of times, and never over what is there already.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use signet_storage::dynamo::items::{key, text_of};
use signet_storage::dynamo::tables::{TABLES, Table};
use signet_storage::dynamo::{Dynamo, Write};
use signet_tests::Engine;

on_each_engine! {
    starting_again_finds_everything_as_it_was,
    sixteen_may_start_at_once_on_an_empty_store,
    what_is_missing_is_added,
    a_table_that_differs_is_refused_with_a_reason,
    rows_that_expire_by_another_attribute_are_refused,
}

async fn starting_again_finds_everything_as_it_was(engine: Engine) {
    let store = engine.open().await;
    let row = key("claim", "kept");
    let write = Write::put("kept", Table::Claims, row.clone());
    store.storage.dynamo.commit("test", vec![write]).await.unwrap();
    for _ in 0..3 {
        store.storage.dynamo.bootstrap().await.unwrap();
    }
    let kept = store.storage.dynamo.get(Table::Claims, row).await.unwrap().unwrap();
    assert_eq!(text_of(&kept, "claim"), Some("kept"));
    for spec in &TABLES {
        assert!(table_names(&store.storage.dynamo).await.contains(&store.storage.dynamo.table_name(spec.table)));
    }
}

async fn sixteen_may_start_at_once_on_an_empty_store(engine: Engine) {
    let mut nodes = vec![engine.connect().await.storage.dynamo];
    while nodes.len() < 16 {
        let another = if engine.is_embedded() { nodes[0].clone() } else { engine.connect().await.storage.dynamo };
        nodes.push(another);
    }
    let starts = nodes.into_iter().map(|node| tokio::spawn(async move { node.bootstrap().await }));
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
}

async fn what_is_missing_is_added(engine: Engine) {
    let dynamo = engine.connect().await.storage.dynamo;
    // As if the one before had been stopped half way, or knew of no time to live where there is one now: tables without it, and
    // others missing.
    let without = [Table::Sessions, Table::Claims];
    for table in without {
        create(dynamo.client(), &Shape::of(&dynamo, table)).await;
    }
    dynamo.bootstrap().await.unwrap();
    for table in without {
        let name = dynamo.table_name(table);
        let found = dynamo.client().describe_time_to_live().table_name(name).send().await.unwrap();
        let found = found.time_to_live_description.unwrap();
        assert_eq!(found.attribute_name(), Some("expires"));
        assert!(["ENABLED", "ENABLING"].contains(&found.time_to_live_status().unwrap().as_str()));
    }
    assert!(table_names(&dynamo).await.contains(&dynamo.table_name(Table::Keys)));
}

async fn a_table_that_differs_is_refused_with_a_reason(engine: Engine) {
    use ScalarAttributeType::{N, S};
    type Change = fn(&mut Shape);
    let cases: [(&str, Table, Change, &str); 7] = [
        ("key name", Table::Accounts, |t| t.partition = ("id", S), "its key is HASH id, not HASH aci"),
        ("key type", Table::Accounts, |t| t.partition.1 = N, "attribute aci has type N, not S"),
        ("no index", Table::Accounts, |t| t.index = None, "index phoneNumberIndex is missing"),
        (
            "index key",
            Table::Accounts,
            |t| t.index = Some(("phoneNumberIndex", "phone", S)),
            "index phoneNumberIndex has the key HASH phone",
        ),
        (
            "index type",
            Table::Accounts,
            |t| t.index = Some(("phoneNumberIndex", "phoneNumber", N)),
            "attribute phoneNumber has type N, not S",
        ),
        ("no sort key", Table::Keys, |t| t.sort = None, "its key is HASH identity, not HASH identity, RANGE device"),
        ("a sort key", Table::Claims, |t| t.sort = Some(("at", N)), "its key is HASH claim, RANGE at, not HASH claim"),
    ];
    let storage = engine.connect().await.storage;
    for (n, (what, table, change, reason)) in cases.into_iter().enumerate() {
        let prefix = format!("{}{n}-", engine.config().storage.table_prefix);
        let dynamo = Dynamo::new(storage.dynamo.client().clone(), &prefix, storage.chance.clone());
        let mut shape = Shape::of(&dynamo, table);
        change(&mut shape);
        create(dynamo.client(), &shape).await;
        let refusal = dynamo.bootstrap().await.expect_err(what).to_string();
        let expected = format!("table {} differs from what this version needs: {reason}", shape.name);
        assert_eq!(refusal, expected, "{what}");
    }
}

async fn rows_that_expire_by_another_attribute_are_refused(engine: Engine) {
    let dynamo = engine.connect().await.storage.dynamo;
    let shape = Shape::of(&dynamo, Table::Sessions);
    create(dynamo.client(), &shape).await;
    let other = TimeToLiveSpecification::builder().attribute_name("died").enabled(true).build().unwrap();
    let set = dynamo.client().update_time_to_live().table_name(&shape.name).time_to_live_specification(other);
    set.send().await.unwrap();
    let refusal = dynamo.bootstrap().await.unwrap_err().to_string();
    assert!(refusal.ends_with("rows expire by attribute died, not expires"), "{refusal}");
}

/// A table as a test wants it.
struct Shape {
    name: String,
    partition: (&'static str, ScalarAttributeType),
    sort: Option<(&'static str, ScalarAttributeType)>,
    index: Option<(&'static str, &'static str, ScalarAttributeType)>,
}

impl Shape {
    /// As declared.
    fn of(dynamo: &Dynamo, table: Table) -> Self {
        let spec = table.spec();
        Self {
            name: dynamo.table_name(table),
            partition: (spec.partition.name, spec.partition.kind.sdk()),
            sort: spec.sort.map(|sort| (sort.name, sort.kind.sdk())),
            index: spec.index.as_ref().map(|i| (i.name, i.partition.name, i.partition.kind.sdk())),
        }
    }
}

async fn create(client: &Client, shape: &Shape) {
    let define = |name: &str, kind: &ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind.clone()).build().unwrap()
    };
    let part = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let mut request = client
        .create_table()
        .table_name(&shape.name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(define(shape.partition.0, &shape.partition.1))
        .key_schema(part(shape.partition.0, KeyType::Hash));
    if let Some((name, kind)) = &shape.sort {
        request = request.attribute_definitions(define(name, kind)).key_schema(part(name, KeyType::Range));
    }
    if let Some((index, name, kind)) = &shape.index {
        let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder().index_name(*index).key_schema(part(name, KeyType::Hash));
        let index = index.projection(keys_only).build().unwrap();
        request = request.attribute_definitions(define(name, kind)).global_secondary_indexes(index);
    }
    request.send().await.expect("the table is created");
}

async fn table_names(dynamo: &Dynamo) -> Vec<String> {
    dynamo.client().list_tables().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap()
}
