//! OpenFGA's requests.

use super::width::fitted;
use crate::stats::{Method, Openfga, Quantile};
use crate::terminal::{Column, Terminal, clean_line, count, counted};

const METHODS: [Column; 8] = [
    Column::key("METHOD"),
    Column::number("REQUESTS"),
    Column::number("FAILED"),
    Column::number("PER SECOND"),
    Column::number("P50"),
    Column::number("P95"),
    Column::number("P99"),
    Column::number("QUERIES"),
];

/// The lines, after an empty one; none where the target has no OpenFGA.
pub(super) fn lines(openfga: &Openfga, top: usize, terminal: &Terminal) -> Vec<String> {
    let requests = match openfga {
        Openfga::Absent => return Vec::new(),
        Openfga::Unread { why, hint } => {
            let told = terminal.warning_line(&format!("OpenFGA's requests are not known: {}", clean_line(why)));
            let texts = [told, terminal.hint_line(&clean_line(hint))];
            return std::iter::once(String::new())
                .chain(texts.iter().flat_map(|text| fitted(text, terminal)))
                .collect();
        }
        Openfga::Answered(requests) => requests,
    };
    let rate = requests.requests_per_second.map_or_else(
        || "it was started meanwhile: no rates".to_owned(),
        |rate| format!("{rate:.1} requests per second"),
    );
    let throttled = counted(requests.throttled_requests, "request throttled", "requests throttled");
    let mut lines = vec![String::new()];
    lines.extend(fitted(&format!("OpenFGA:      {rate}, {throttled} ({})", clean_line(&requests.address)), terminal));
    if requests.methods.is_empty() {
        return lines;
    }
    let rows: Vec<Vec<String>> = requests.methods.iter().take(top).map(row).collect();
    lines.push(terminal.laid_out(&METHODS, &rows));
    lines
}

fn row(method: &Method) -> Vec<String> {
    let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.1}"));
    vec![
        method.method.clone(),
        count(method.requests),
        count(method.failed_requests),
        number(method.requests_per_second),
        time(method.p50_ms),
        time(method.p95_ms),
        time(method.p99_ms),
        number(method.datastore_queries_per_request),
    ]
}

fn time(quantile: Option<Quantile>) -> String {
    quantile.map_or_else(
        || "-".to_owned(),
        |quantile| format!("{}{:.1} ms", if quantile.is_beyond { ">" } else { "" }, quantile.value),
    )
}
