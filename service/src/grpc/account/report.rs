//! All that is known of the caller's account (contract registration §10.4).

use super::proto;
use crate::grpc::asking::Asking;
use crate::grpc::status::Refusal;
use crate::registry::Registry;

pub async fn report(registry: &Registry, asking: Asking) -> Result<proto::GetAccountDataReportResponse, Refusal> {
    let report = registry.account.report(asking.caller()?).await?;
    let text = report.text();
    let json = serde_json::to_string(&report).expect("our bodies serialise");
    Ok(proto::GetAccountDataReportResponse { json, text })
}
