//! What `pg_isready` asks of a published port, without the program: a login that goes no further.

use super::tcp::send_and_receive;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The request for TLS: the server answers `S` or `N` to every client (PostgreSQL manual, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Protocol 3.0, and no user's own name: who they are is not asked before the server accepts logins at all.
const LOGIN: &[u8] = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
/// The server is starting, stopping or recovering.
const CANNOT_CONNECT_NOW: &str = "C57P03";

/// Whether a server accepts connections there.
pub fn ask(address: SocketAddr, timeout: Duration) -> Result<String, String> {
    let mut stream = TcpStream::connect_timeout(&address, timeout).map_err(|error| error.to_string())?;
    let first = send_and_receive(&mut stream, &SSL_REQUEST, timeout)?;
    if first.first() == Some(&b'N') {
        let length = u32::try_from(LOGIN.len() + 4).unwrap_or_default();
        return judge(&send_and_receive(&mut stream, &[&length.to_be_bytes()[..], LOGIN].concat(), timeout)?);
    }
    // Who wants TLS has accepted the connection; what follows is not for our eyes.
    if first == b"S" { answers() } else { judge(&first) }
}

fn answers() -> Result<String, String> {
    Ok("PostgreSQL answers".to_owned())
}

fn judge(answer: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(answer);
    let mut fields = text.split('\0');
    match answer.first() {
        Some(b'E') if fields.any(|field| field == CANNOT_CONNECT_NOW) => {
            let message = fields.find_map(|field| field.strip_prefix('M')).unwrap_or("it is starting or stopping");
            Err(format!("it accepts no connections: {message}"))
        }
        // It asks for the password, or refuses this user in particular.
        Some(b'R' | b'E') => answers(),
        Some(_) => Err("another program answers there, not PostgreSQL".to_owned()),
        None => Err("no answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// What is made of a server that answers so to TLS, then to a login.
    fn asked(answers: &'static [&'static [u8]]) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let _ = stream.read(&mut [0; 512]).unwrap();
                stream.write_all(answer).unwrap();
            }
        });
        let said = ask(address, Duration::from_secs(20));
        serving.join().unwrap();
        said
    }

    #[test]
    fn a_server_that_accepts_logins_is_distinguished_from_one_that_does_not_yet() {
        let well = Ok("PostgreSQL answers".to_owned());
        assert_eq!(asked(&[b"N", b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"]), well);
        assert_eq!(asked(&[b"S"]), well);
        assert_eq!(asked(&[b"N", b"E\0\0\0\x30SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"]), well);
        const STARTING: &[u8] = b"E\0\0\0\x40SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        assert!(asked(&[b"N", STARTING]).unwrap_err().ends_with(": the database system is starting up"));
        assert!(asked(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).unwrap_err().contains("not PostgreSQL"));
        assert!(asked(&[]).unwrap_err().contains("closed at once"));
    }
}
