//! OpenFGA's requests, by the metrics that it serves.

mod exposition;
mod histogram;
mod scraper;

use super::sample::{per_second, ratio};
use crate::error::Fault;
use crate::target::endpoint::Endpoint;
use anyhow::Result;
use exposition::points;
use histogram::Histogram;
pub use histogram::Quantile;
pub use scraper::Scraper;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The setting that names the metrics' address where the target does not know it.
pub const URL: &str = "XTASK_OPENFGA_METRICS_URL";
const DEADLINE: Duration = Duration::from_secs(3);
/// Methods beyond these are not shown; OpenFGA has about thirty.
const MOST_METHODS: usize = 100;
/// How the names of OpenFGA's own services begin. Beside them it serves gRPC's health service, which has a method `Check`, too.
const OWN_SERVICES: &str = "openfga.";

/// What OpenFGA reports.
#[derive(Debug)]
pub enum Openfga {
    /// This target has none.
    Absent,
    Answered(Requests),
    /// Why it is not known, and what a person can do.
    Unread {
        why: String,
        hint: String,
    },
}

/// OpenFGA's requests.
#[derive(Debug, Serialize)]
pub struct Requests {
    pub address: String,
    /// Sum over all methods; `None` where the server was started meanwhile.
    pub requests_per_second: Option<f64>,
    /// Requests that were slowed down, since the server's start.
    pub throttled_requests: u64,
    pub methods: Vec<Method>,
}

/// One method since the server's start, but for the rate.
#[derive(Debug, Serialize)]
pub struct Method {
    pub method: String,
    pub requests: u64,
    pub failed_requests: u64,
    pub requests_per_second: Option<f64>,
    #[serde(serialize_with = "as_value")]
    pub p50_ms: Option<Quantile>,
    #[serde(serialize_with = "as_value")]
    pub p95_ms: Option<Quantile>,
    #[serde(serialize_with = "as_value")]
    pub p99_ms: Option<Quantile>,
    pub datastore_queries_per_request: Option<f64>,
}

/// Signature as `serialize_with` wants it.
fn as_value<S: serde::Serializer>(quantile: &Option<Quantile>, serializer: S) -> Result<S::Ok, S::Error> {
    quantile.map(|quantile| quantile.value).serialize(serializer)
}

/// The metrics at one moment, by method in lower case.
#[derive(Debug, Default)]
struct Metrics {
    at: Option<Instant>,
    /// Whether one of them is OpenFGA's own.
    is_openfga: bool,
    started: f64,
    throttled: u64,
    methods: BTreeMap<String, Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    name: String,
    requests: u64,
    failed: u64,
    /// In milliseconds.
    durations: Histogram,
    /// Requests that went to the datastore, and their queries.
    datastore_requests: u64,
    datastore_queries: u64,
}

impl Metrics {
    fn read(endpoint: &Endpoint) -> Result<Self> {
        let url = endpoint.url();
        let answer = endpoint.get_openly("/metrics", DEADLINE).map_err(|silence| {
            Fault::unreachable(format!("OpenFGA's metrics do not answer at {url}: {}", silence.why)).hint(format!(
                "OpenFGA serves them with OPENFGA_METRICS_ENABLED=true; elsewhere, name their address in {URL}"
            ))
        })?;
        if answer.status != 200 {
            let fault = Fault::failed(format!("{url}/metrics answers HTTP {}", answer.status));
            return Err(fault.hint(format!("name the address of OpenFGA's metrics in {URL}")).into());
        }
        let metrics = Self { at: Some(Instant::now()), ..Self::of(&answer.body) };
        if !metrics.is_openfga {
            let fault = Fault::failed(format!("Another program's metrics are at {url}: none is OpenFGA's"));
            return Err(fault.hint(format!("name the address of OpenFGA's metrics in {URL}")).into());
        }
        Ok(metrics)
    }

    fn of(text: &str) -> Self {
        let mut metrics = Self::default();
        for point in points(text) {
            metrics.is_openfga |= point.name.starts_with("openfga_");
            let count = point.count().unwrap_or(0);
            match point.name {
                "process_start_time_seconds" => metrics.started = point.value,
                "openfga_throttled_requests_count" => metrics.throttled = metrics.throttled.saturating_add(count),
                "grpc_server_handled_total" if point.label("grpc_service").starts_with(OWN_SERVICES) => {
                    let Some(method) = metrics.method(point.label("grpc_method")) else { continue };
                    method.requests = method.requests.saturating_add(count);
                    if point.label("grpc_code") != "OK" {
                        method.failed = method.failed.saturating_add(count);
                    }
                }
                "openfga_request_duration_ms_bucket" => {
                    let Ok(bound) = point.label("le").parse() else { continue };
                    let Some(method) = metrics.method(point.label("grpc_method")) else { continue };
                    method.durations.add(bound, count);
                }
                "openfga_datastore_query_count_sum" => {
                    let Some(method) = metrics.method(point.label("grpc_method")) else { continue };
                    method.datastore_queries = method.datastore_queries.saturating_add(count);
                }
                "openfga_datastore_query_count_count" => {
                    let Some(method) = metrics.method(point.label("grpc_method")) else { continue };
                    method.datastore_requests = method.datastore_requests.saturating_add(count);
                }
                _ => {}
            }
        }
        metrics
    }

    /// The counters of a method. Its name is written `Check` in some metrics, and `check` in others.
    fn method(&mut self, name: &str) -> Option<&mut Counters> {
        let key = name.to_ascii_lowercase();
        if name.is_empty() || (self.methods.len() >= MOST_METHODS && !self.methods.contains_key(&key)) {
            return None;
        }
        let method = self.methods.entry(key).or_default();
        if method.name.is_empty() || name.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            name.clone_into(&mut method.name);
        }
        Some(method)
    }

    fn requests(&self, before: &Self, address: String) -> Requests {
        let seconds = self.at.zip(before.at).map(|(now, before)| now.duration_since(before).as_secs_f64());
        let seconds = seconds.filter(|seconds| *seconds > 0.0 && self.started.total_cmp(&before.started).is_eq());
        let rate = |now: u64, before: u64| Some(per_second(now.checked_sub(before)?, seconds?));
        let methods: Vec<Method> = self
            .methods
            .iter()
            .map(|(key, now)| {
                let requests = before.methods.get(key).map_or(0, |before| before.requests);
                now.as_method(rate(now.requests, requests))
            })
            .collect();
        let sum =
            |metrics: &Self| metrics.methods.values().fold(0, |sum: u64, method| sum.saturating_add(method.requests));
        let mut requests = Requests {
            address,
            requests_per_second: rate(sum(self), sum(before)),
            throttled_requests: self.throttled,
            methods,
        };
        requests.methods.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.method.cmp(&b.method)));
        requests
    }
}

impl Counters {
    fn as_method(&self, requests_per_second: Option<f64>) -> Method {
        Method {
            method: self.name.clone(),
            requests: self.requests,
            failed_requests: self.failed,
            requests_per_second,
            p50_ms: self.durations.quantile(0.5),
            p95_ms: self.durations.quantile(0.95),
            p99_ms: self.durations.quantile(0.99),
            datastore_queries_per_request: ratio(self.datastore_queries, self.datastore_requests),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"process_start_time_seconds 100
grpc_server_handled_total{grpc_code="OK",grpc_method="Check",grpc_service="openfga.v1.OpenFGAService"} 90
grpc_server_handled_total{grpc_code="2000",grpc_method="Check",grpc_service="openfga.v1.OpenFGAService"} 10
grpc_server_handled_total{grpc_code="OK",grpc_method="Write",grpc_service="openfga.v1.OpenFGAService"} 5
openfga_request_duration_ms_bucket{consistency="A",grpc_method="check",le="10"} 40
openfga_request_duration_ms_bucket{consistency="A",grpc_method="check",le="+Inf"} 40
openfga_request_duration_ms_bucket{consistency="B",grpc_method="check",le="10"} 50
openfga_request_duration_ms_bucket{consistency="B",grpc_method="check",le="+Inf"} 60
openfga_datastore_query_count_sum{grpc_method="check"} 250
openfga_datastore_query_count_count{grpc_method="check"} 100
openfga_throttled_requests_count{grpc_method="check",throttling_type="dispatch"} 3
openfga_throttled_requests_count{grpc_method="check",throttling_type="datastore"} 4
"#;

    fn at(text: &str, seconds: u64) -> Metrics {
        Metrics { at: Some(Instant::now() + Duration::from_secs(seconds)), ..Metrics::of(text) }
    }

    #[test]
    fn methods_have_rates_times_and_queries() {
        let later = TEXT.replace("\"} 90", "\"} 110");
        let requests = at(&later, 2).requests(&at(TEXT, 0), "here".to_owned());
        let (check, write) = (&requests.methods[0], &requests.methods[1]);
        assert_eq!((check.method.as_str(), check.requests, check.failed_requests), ("Check", 120, 10));
        assert!((check.requests_per_second.unwrap() - 10.0).abs() < 0.1 && write.requests_per_second == Some(0.0));
        assert!((requests.requests_per_second.unwrap() - 10.0).abs() < 0.1);
        assert_eq!(check.p50_ms.map(|quantile| (quantile.value * 9.0).round()), Some(50.0));
        assert_eq!(check.p99_ms, Some(Quantile { value: 10.0, is_beyond: true }));
        assert_eq!((check.datastore_queries_per_request, requests.throttled_requests), (Some(2.5), 7));
        assert!(write.p50_ms.is_none() && write.datastore_queries_per_request.is_none());
    }

    #[test]
    fn a_health_probe_is_no_request() {
        let probe = r#"grpc_server_handled_total{grpc_code="Unknown",grpc_method="Check",grpc_service="grpc.health.v1.Health"} "#;
        let requests =
            at(&format!("{TEXT}{probe}47\n"), 2).requests(&at(&format!("{TEXT}{probe}7\n"), 0), String::new());
        let check = &requests.methods[0];
        assert_eq!((check.requests, check.failed_requests, requests.requests_per_second), (100, 10, Some(0.0)));
    }

    #[test]
    fn a_server_that_was_started_in_between_has_no_rates() {
        let restarted = TEXT.replace("start_time_seconds 100", "start_time_seconds 101");
        for now in [restarted.as_str(), &TEXT.replace("\"} 90", "\"} 9")] {
            let requests = at(now, 2).requests(&at(TEXT, 0), String::new());
            assert_eq!(requests.requests_per_second, None);
            assert_eq!(requests.methods[0].requests_per_second, None);
        }
    }

    #[test]
    fn metrics_of_another_program_are_not_taken_for_openfgas() {
        for text in
            ["", "<html></html>", "go_goroutines 7\ngrpc_server_handled_total{grpc_method=\"Check\"} 1", "{\"a\":1}"]
        {
            assert!(!Metrics::of(text).is_openfga, "{text}");
        }
    }

    #[test]
    fn hostile_metrics_are_bounded() {
        let many: String = (0..500)
            .map(|n| format!("grpc_server_handled_total{{grpc_method=\"m{n}\",grpc_service=\"openfga.v1\"}} 1e15\n"))
            .collect();
        let metrics =
            at(&(many + "openfga_x 1\nopenfga_throttled_requests_count -7\nopenfga_throttled_requests_count 1e300"), 1);
        assert_eq!((metrics.methods.len(), metrics.throttled), (MOST_METHODS, 0));
        let requests = metrics.requests(&at("", 0), String::new());
        assert_eq!(requests.methods.len(), MOST_METHODS);
    }
}
