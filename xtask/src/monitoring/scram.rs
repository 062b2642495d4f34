//! A password as PostgreSQL keeps it (SCRAM-SHA-256, RFC 7677): the server, and its log, never see the password.

use crate::platform::random;
use anyhow::Result;
use sha2::{Digest as _, Sha256};

/// PostgreSQL's own number of rounds.
const ROUNDS: u32 = 4096;
const BLOCK: usize = 64;
type Hash = [u8; 32];

/// What `CREATE ROLE … PASSWORD` takes in place of the password.
pub fn verifier(password: &str) -> Result<String> {
    Ok(with_salt(password, &random::<16>()?))
}

fn with_salt(password: &str, salt: &[u8]) -> String {
    let salted = salted(password.as_bytes(), salt);
    let stored = Sha256::digest(hmac(&salted, &[b"Client Key"]));
    let server = hmac(&salted, &[b"Server Key"]);
    format!("SCRAM-SHA-256${ROUNDS}:{}${}:{}", base64(salt), base64(&stored), base64(&server))
}

/// PBKDF2 of one block.
fn salted(password: &[u8], salt: &[u8]) -> Hash {
    let mut last = hmac(password, &[salt, &1u32.to_be_bytes()]);
    let mut sum = last;
    for _ in 1..ROUNDS {
        last = hmac(password, &[&last]);
        sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Hash {
    let mut block = [0u8; BLOCK];
    let hashed: Hash = Sha256::digest(key).into();
    let key = if key.len() > BLOCK { hashed.as_slice() } else { key };
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let inner = parts
        .iter()
        .fold(Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)), |hash, part| hash.chain_update(part));
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner.finalize()).finalize().into()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        // Salt of RFC 7677; keys computed from it by Python's hashlib.
        let salt = [91, 109, 153, 104, 157, 18, 53, 142, 236, 160, 75, 20, 18, 54, 250, 129];
        assert_eq!(base64(&salt), "W22ZaJ0SNY7soEsUEjb6gQ==");
        let expected = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(with_salt("pencil", &salt), expected);
        assert_ne!(verifier("pencil").unwrap(), verifier("pencil").unwrap(), "each has a salt of its own");
    }
}
