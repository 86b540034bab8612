//! One DynamoDB request against the engine: JSON in, status and JSON out.

use dynoxide::Database;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// May this run beside the writer? Everything else goes through it.
pub fn reads(operation: &str) -> bool {
    matches!(operation, "GetItem" | "Query" | "BatchGetItem" | "TransactGetItems" | "Scan")
}

pub fn dispatch(db: &Database, operation: &str, body: &[u8]) -> (u16, String) {
    match operation {
        "GetItem" => call(body, |r| db.get_item(r)),
        "PutItem" => call(body, |r| db.put_item(r)),
        "UpdateItem" => call(body, |r| db.update_item(r)),
        "DeleteItem" => call(body, |r| db.delete_item(r)),
        "Query" => call(body, |r| db.query(r)),
        "Scan" => call(body, |r| db.scan(r)),
        "BatchGetItem" => call(body, |r| db.batch_get_item(r)),
        "BatchWriteItem" => call(body, |r| db.batch_write_item(r)),
        "TransactGetItems" => call(body, |r| db.transact_get_items(r)),
        "TransactWriteItems" => call(body, |r| transact(db, r)),
        "CreateTable" => call(body, |r| db.create_table(r)),
        "DescribeTable" => call(body, |r| db.describe_table(r)),
        "UpdateTable" => call(body, |r| db.update_table(r)),
        "DeleteTable" => call(body, |r| db.delete_table(r)),
        "ListTables" => call(body, |r| db.list_tables(r)),
        "UpdateTimeToLive" => call(body, |r| db.update_time_to_live(r)),
        "DescribeTimeToLive" => call(body, |r| db.describe_time_to_live(r)),
        _ => (400, r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#.to_owned()),
    }
}

/// The SDK sends an idempotency token with every transaction, and the engine walks its whole ten-minute table of tokens at
/// each. It is taken off here: our own conditions let a repeated commit pass, as they must on any engine.
fn transact(db: &Database, mut request: TransactWriteItemsRequest) -> dynoxide::Result<impl Serialize + use<>> {
    request.client_request_token = None;
    db.transact_write_items(request)
}

fn call<Q: DeserializeOwned, A: Serialize>(body: &[u8], run: impl FnOnce(Q) -> dynoxide::Result<A>) -> (u16, String) {
    let request = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(e) => return (400, invalid(&e)),
    };
    match run(request) {
        Ok(answer) => (200, serde_json::to_string(&answer).expect("the engine's answers serialise")),
        Err(e) => (e.status_code(), e.to_json()),
    }
}

fn invalid(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.trim_start_matches("VALIDATION:");
    serde_json::json!({"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": message})
        .to_string()
}
