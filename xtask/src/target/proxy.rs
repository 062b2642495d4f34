//! The proxy of the settings, for the servers that it is for.

use super::loopback::is_loopback;
use crate::settings::Settings;

/// The proxy for requests to this host by this scheme.
pub(super) fn proxy_for<'a>(scheme: Option<&str>, host: &str, settings: &'a Settings) -> Option<&'a str> {
    let set = |name: &str| settings.get(name).or_else(|| settings.get(&name.to_ascii_uppercase()));
    let scheme = if scheme == Some("https") { "https_proxy" } else { "http_proxy" };
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

    fn proxy_of(scheme: &str, host: &str) -> Option<String> {
        let mut settings = Settings::default();
        settings.set_flag("HTTPS_PROXY", "http://proxy:3128");
        settings.set_flag("NO_PROXY", "internal, .corp.example");
        proxy_for(Some(scheme), host, &settings).map(str::to_owned)
    }

    #[test]
    fn a_proxy_is_for_its_scheme_and_never_for_this_host() {
        assert_eq!(proxy_of("https", "fga.example.com").as_deref(), Some("http://proxy:3128"));
        assert_eq!(proxy_of("http", "fga.example.com"), None);
        for direct in ["127.0.0.1", "[::1]", "localhost", "a.corp.example", "internal"] {
            assert_eq!(proxy_of("https", direct), None, "{direct}");
        }
        assert!(proxy_of("https", "notinternal").is_some());
    }
}
