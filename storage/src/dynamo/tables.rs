//! The tables, as data. From here come the bootstrap, `signet tables`, and `localstack/tables.json`.
//!
//! | table | one row is | who may write it |
//! |---|---|---|
//! | `accounts` | an account with its devices, by ACI | the transactions of `AccountsManager` |
//! | `claims` | who holds a number (`tel#…`), a PNI (`pni#…`), a username (`username#…`), a link to one (`link#…`) | the same transactions: uniqueness is decided here |
//! | `keys` | one device's public keys for one identity (an ACI or a PNI) | writes that `KeysManager` composes |
//! | `prekeys` | a page of the one-time keys that a device left for one identity | `KeysManager`: before anything points there |
//! | `linktokens` | a link token that was used (by its hash) | the transaction that linked the device: used once is decided here |
//! | `recovery` | the recovery password of a number, by PNI | the same transactions, and `RecoveryPasswords`, which removes |
//! | `sessions` | a verification session | `Sessions`, with a condition on the row's version |
//!
//! `phoneNumberIndex` serves operators' look-ups and audits. No rule reads it: an index is eventually consistent.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use serde_json::json;

use super::Item;

/// Every table of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    Accounts,
    Claims,
    Keys,
    Prekeys,
    LinkTokens,
    Recovery,
    Sessions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
}

/// What one table is made of.
#[derive(Debug)]
pub struct TableSpec {
    pub table: Table,
    pub name: &'static str,
    pub partition: Attribute,
    pub sort: Option<Attribute>,
    pub index: Option<Index>,
    /// Attribute holding epoch seconds after which the store may drop a row. Readers check expiry themselves.
    pub time_to_live: Option<&'static str>,
}

/// A global secondary index with the keys only.
#[derive(Debug)]
pub struct Index {
    pub name: &'static str,
    pub partition: Attribute,
}

const fn text(name: &'static str) -> Attribute {
    Attribute { name, kind: Kind::Text }
}

const fn number(name: &'static str) -> Attribute {
    Attribute { name, kind: Kind::Number }
}

pub const TABLES: [TableSpec; 7] = [
    TableSpec {
        table: Table::Accounts,
        name: "accounts",
        partition: text("aci"),
        sort: None,
        index: Some(Index { name: "phoneNumberIndex", partition: text("phoneNumber") }),
        time_to_live: None,
    },
    TableSpec {
        table: Table::Claims,
        name: "claims",
        partition: text("claim"),
        sort: None,
        index: None,
        // Only what is kept for somebody for a while has the attribute.
        time_to_live: Some("expires"),
    },
    TableSpec {
        table: Table::Keys,
        name: "keys",
        partition: text("identity"),
        sort: Some(number("device")),
        index: None,
        time_to_live: None,
    },
    TableSpec {
        table: Table::Prekeys,
        name: "prekeys",
        partition: text("identity"),
        sort: Some(text("page")),
        index: None,
        time_to_live: None,
    },
    TableSpec {
        table: Table::LinkTokens,
        name: "linktokens",
        partition: text("token"),
        sort: None,
        index: None,
        time_to_live: Some("expires"),
    },
    TableSpec {
        table: Table::Recovery,
        name: "recovery",
        partition: text("pni"),
        sort: None,
        index: None,
        time_to_live: Some("expires"),
    },
    TableSpec {
        table: Table::Sessions,
        name: "sessions",
        partition: text("id"),
        sort: None,
        index: None,
        time_to_live: Some("expires"),
    },
];

impl Table {
    pub fn spec(self) -> &'static TableSpec {
        TABLES.iter().find(|spec| spec.table == self).expect("every table is declared")
    }
}

impl Kind {
    pub fn sdk(self) -> ScalarAttributeType {
        match self {
            Self::Text => ScalarAttributeType::S,
            Self::Number => ScalarAttributeType::N,
        }
    }

    const fn letter(self) -> &'static str {
        match self {
            Self::Text => "S",
            Self::Number => "N",
        }
    }
}

impl TableSpec {
    /// The key of a row.
    pub fn key_of(&self, row: &Item) -> Item {
        let names = [Some(self.partition.name), self.sort.map(|sort| sort.name)];
        let part = |name: &str| Some((name.to_owned(), row.get(name)?.clone()));
        names.into_iter().flatten().filter_map(part).collect()
    }

    /// Attributes that keys and indexes are made of, in a fixed order.
    pub fn attributes(&self) -> Vec<Attribute> {
        let index = self.index.as_ref().map(|index| index.partition);
        [Some(self.partition), self.sort, index].into_iter().flatten().collect()
    }

    pub fn definitions(&self) -> Vec<AttributeDefinition> {
        let define = |a: Attribute| AttributeDefinition::builder().attribute_name(a.name).attribute_type(a.kind.sdk());
        self.attributes().into_iter().map(|a| define(a).build().expect("name and type are given")).collect()
    }

    pub fn key_schema(&self) -> Vec<KeySchemaElement> {
        let sort = self.sort.map(|sort| key_element(sort.name, KeyType::Range));
        [Some(key_element(self.partition.name, KeyType::Hash)), sort].into_iter().flatten().collect()
    }

    pub fn indexes(&self) -> Option<Vec<GlobalSecondaryIndex>> {
        let index = self.index.as_ref()?;
        let built = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .key_schema(key_element(index.partition.name, KeyType::Hash))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build();
        Some(vec![built.expect("name and key schema are given")])
    }

    pub const fn billing(&self) -> BillingMode {
        BillingMode::PayPerRequest
    }
}

fn key_element(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("name and type are given")
}

/// The tables as a list of `CreateTable` inputs, the way the AWS command line takes them, with `TimeToLiveAttribute` added.
pub fn as_json(prefix: &str) -> String {
    let tables: Vec<_> = TABLES.iter().map(|spec| table_json(prefix, spec)).collect();
    let mut text = serde_json::to_string_pretty(&tables).expect("plain values serialise");
    text.push('\n');
    text
}

fn table_json(prefix: &str, spec: &TableSpec) -> serde_json::Value {
    let key = |name, kind| json!({"AttributeName": name, "KeyType": kind});
    let mut schema = vec![key(spec.partition.name, "HASH")];
    schema.extend(spec.sort.map(|sort| key(sort.name, "RANGE")));
    let attributes: Vec<_> = spec
        .attributes()
        .into_iter()
        .map(|a| json!({"AttributeName": a.name, "AttributeType": a.kind.letter()}))
        .collect();
    let mut table = json!({
        "TableName": format!("{prefix}{}", spec.name),
        "AttributeDefinitions": attributes,
        "KeySchema": schema,
        "BillingMode": "PAY_PER_REQUEST",
    });
    if let Some(index) = &spec.index {
        table["GlobalSecondaryIndexes"] = json!([{
            "IndexName": index.name,
            "KeySchema": [key(index.partition.name, "HASH")],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }]);
    }
    if let Some(attribute) = spec.time_to_live {
        table["TimeToLiveAttribute"] = json!(attribute);
    }
    table
}
