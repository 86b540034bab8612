//! Metrics, in Prometheus text on the management port. Labels are templates, names and outcomes: never a path, a number or an
//! id.

use std::collections::BTreeMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::call::Method;

const DURATIONS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];
const GROUP_SIZES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The recorder of this process. There can be one only, so several registries in one process share it.
pub fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        use metrics_exporter_prometheus::Matcher::Full;
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Full("signet_request_seconds".into()), &DURATIONS)
            .and_then(|b| b.set_buckets_for_metric(Full("signet_registration_step_seconds".into()), &DURATIONS))
            .and_then(|b| b.set_buckets_for_metric(Full("signet_code_delivery_seconds".into()), &DURATIONS))
            .and_then(|b| b.set_buckets_for_metric(Full("signet_embedded_group_size".into()), &GROUP_SIZES));
        let recorder = builder.expect("the buckets are not empty").build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed; ours stays empty");
        }
        handle
    })
}

/// Measures one request.
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "how long our own work takes is not the registry's time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    pub fn request(&self, method: Method, template: &'static str, status: u16) {
        self.count((method.as_str(), template, status));
    }

    /// By the method's path; the status is gRPC's.
    pub fn grpc(&self, path: &'static str, status: u16) {
        self.count(("gRPC", path, status));
    }

    fn count(&self, kind: Kind) {
        let meters = Meters::of(kind);
        meters.seconds.record(self.elapsed().as_secs_f64());
        meters.total.increment(1);
    }
}

/// What one kind of answer of one route is counted by. Kept, for looking a metric up by its labels costs as much as an authentication.
#[derive(Clone)]
struct Meters {
    seconds: metrics::Histogram,
    total: metrics::Counter,
}

type Kind = (&'static str, &'static str, u16);

impl Meters {
    fn of(kind: Kind) -> Self {
        static KEPT: RwLock<BTreeMap<Kind, Meters>> = RwLock::new(BTreeMap::new());
        if let Some(meters) = KEPT.read().unwrap_or_else(PoisonError::into_inner).get(&kind) {
            return meters.clone();
        }
        let (method, route, status) = kind;
        // Before there is a recorder nothing is counted, and nothing may be kept.
        recorder();
        let meters = Self {
            seconds: metrics::histogram!("signet_request_seconds", "method" => method, "route" => route),
            total: metrics::counter!(
                "signet_requests_total", "method" => method, "route" => route, "status" => status.to_string()
            ),
        };
        KEPT.write().unwrap_or_else(PoisonError::into_inner).insert(kind, meters.clone());
        meters
    }
}

/// The steps of one request, each with the time it took.
pub struct Steps {
    stopwatch: Stopwatch,
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    pub fn start() -> Self {
        Self { stopwatch: Stopwatch::start(), taken: Vec::with_capacity(4) }
    }

    /// What was done since the last call, or the start, was this step.
    pub fn done(&mut self, step: &'static str) {
        let before: Duration = self.taken.iter().map(|(_, took)| *took).sum();
        let took = self.stopwatch.elapsed().saturating_sub(before);
        metrics::histogram!("signet_registration_step_seconds", "step" => step).record(took.as_secs_f64());
        self.taken.push((step, took));
    }

    /// For the reply's `Server-Timing` field: milliseconds by step.
    pub fn header(&self) -> String {
        let step = |(name, took): &(&str, Duration)| format!("{name};dur={:.3}", took.as_secs_f64() * 1000.0);
        self.taken.iter().map(step).collect::<Vec<_>>().join(", ")
    }
}
