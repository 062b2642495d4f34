//! Which addresses mean this host itself.

use std::net::IpAddr;

/// Whether a name or an address, with or without the brackets of a URL, means this host itself.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_many_names_and_no_other_host_has_one_of_them() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "localhost.example", "[localhost]", "10.0.0.1", "::ffff:10.0.0.1", "[::1", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
