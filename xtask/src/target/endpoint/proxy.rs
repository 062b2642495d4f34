//! The proxy of the settings, for the servers that it is for.

use crate::settings::Settings;
use ureq::http::Uri;

/// Whether the address means this host itself.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn proxy_for<'a>(uri: &Uri, settings: &'a Settings) -> Option<&'a str> {
    let host = uri.host().unwrap_or_default();
    let set = |name: &str| settings.get(name).or_else(|| settings.get(&name.to_ascii_uppercase()));
    let scheme = if uri.scheme_str() == Some("https") { "https_proxy" } else { "http_proxy" };
    if is_loopback(host) || set("no_proxy").is_some_and(|list| is_excepted(host, list)) {
        return None;
    }
    set(scheme).or_else(|| set("all_proxy"))
}

/// Whether `NO_PROXY` names this host, its domain, or everything.
fn is_excepted(host: &str, list: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(|entry| {
        let name = entry.trim_start_matches("*.").trim_start_matches('.');
        let name = name.split_once(':').map_or(name, |(name, _port)| name);
        entry == "*" || host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(url: &str) -> Option<String> {
        let mut settings = Settings::default();
        settings.set_flag("HTTPS_PROXY", "http://proxy:3128");
        settings.set_flag("NO_PROXY", "internal, .corp.example");
        proxy_for(&url.parse().unwrap(), &settings).map(str::to_owned)
    }

    #[test]
    fn a_proxy_is_for_its_scheme_and_never_for_this_host() {
        assert_eq!(proxy_of("https://fga.example.com").as_deref(), Some("http://proxy:3128"));
        for direct in ["http://fga.example.com", "https://127.0.0.1:8080", "https://[::1]:1", "https://localhost"] {
            assert_eq!(proxy_of(direct), None, "{direct}");
        }
        assert_eq!(proxy_of("https://a.corp.example"), None);
        assert_eq!(proxy_of("https://internal"), None);
        assert!(proxy_of("https://notinternal").is_some());
    }
}
