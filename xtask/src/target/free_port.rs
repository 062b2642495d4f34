//! Free ports of 127.0.0.1. A port once chosen is kept by the folder's record, and tried first again.

use crate::platform::random;
use anyhow::{Context as _, Result};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range that systems hand out to outgoing connections, so that a stopped server keeps its port.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;
const TRIES: u16 = 50;

/// Whether a server could listen on this port of 127.0.0.1 now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The kept port if it is free, else a new one; never one of `others`.
pub fn keep_or_choose(kept: Option<u16>, others: &[u16]) -> Result<u16> {
    match kept {
        Some(port) if !others.contains(&port) && is_free(port) => Ok(port),
        _ => choose(others),
    }
}

/// A free port that is none of `others`.
pub fn choose(others: &[u16]) -> Result<u16> {
    let start = u16::from_le_bytes(random()?) % COUNT;
    let near = (0..TRIES).map(|step| FIRST + (start + step) % COUNT);
    let mut fitting = near.filter(|port| !others.contains(port) && is_free(*port));
    if let Some(port) = fitting.next() {
        return Ok(port);
    }
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(any.context("no free port on 127.0.0.1")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_port_is_left_only_when_it_is_taken() {
        let port = choose(&[]).unwrap();
        assert_eq!(keep_or_choose(Some(port), &[]).unwrap(), port);
        assert_ne!(keep_or_choose(Some(port), &[port]).unwrap(), port);
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(keep_or_choose(Some(port), &[]).unwrap(), port);
    }
}
