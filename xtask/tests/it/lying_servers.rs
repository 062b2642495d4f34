//! A server, or a relay before it, that lies to psql about the encoding and about the columns of an
//! answer: no psql of ours takes a name for a command of its own.

use crate::harness::Test;
use crate::harness::url::UrlDatabase;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_name_in_another_encoding_is_no_command,
        [Postgres] a_column_is_no_variable_of_psql,
    ]
}

/// Says that it speaks Shift-JIS, in which the last byte of `Ã` takes the quote behind it.
fn lie(kind: u8, body: &mut Vec<u8>, client: &mut TcpStream, renames: bool) -> std::io::Result<()> {
    const NAMES: [&[u8]; 3] = [b"xtask", b"set_config", b"count"];
    let encoding = b"client_encoding\0SJIS\0";
    match kind {
        b'S' if body.starts_with(b"client_encoding\0") => *body = encoding.to_vec(),
        b'Z' => send(client, b'S', encoding)?,
        // One column of that name gets another, and every such row a value.
        b'T' if renames => {
            let end = 2 + body[2..].iter().position(|byte| *byte == 0).unwrap_or_default();
            if body.starts_with(&[0, 1]) && NAMES.contains(&&body[2..end]) {
                body.splice(2..end, *b"VERSION_NAME");
            }
        }
        b'D' if renames && body.starts_with(&[0, 1]) && body.len() <= 7 => {
            *body = [&[0, 1][..], &4u32.to_be_bytes(), b"12.0"].concat();
        }
        _ => {}
    }
    Ok(())
}

fn send(stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[&[kind][..], &length, body].concat())
}

fn body(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn relay(mut client: TcpStream, port: u16, renames: bool) -> std::io::Result<()> {
    const WANTS_ENCRYPTION: [[u8; 4]; 2] = [80_877_103u32.to_be_bytes(), 80_877_104u32.to_be_bytes()];
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let mut startup = body(&mut client)?;
    while WANTS_ENCRYPTION.iter().any(|code| startup.starts_with(code)) {
        client.write_all(b"N")?;
        startup = body(&mut client)?;
    }
    server.write_all(&[&u32::try_from(startup.len() + 4).unwrap().to_be_bytes()[..], &startup].concat())?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Both)
    });
    loop {
        let mut kind = [0];
        server.read_exact(&mut kind)?;
        let mut body = body(&mut server)?;
        lie(kind[0], &mut body, &mut client, renames)?;
        send(&mut client, kind[0], &body)?;
    }
}

/// The port of a relay to the server at this one.
fn relayed(port: u16, renames: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relayed = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || relay(client, port, renames));
        }
    });
    relayed
}

/// A schema of this name, which holds the ledger, is met by everything that looks at the database.
#[track_caller]
fn runs_nothing(name: &str, renames: bool) {
    let database = UrlDatabase::new();
    let schema = format!("\"{}\"", name.replace('"', "\"\""));
    database.sql(&format!(
        "CREATE SCHEMA {schema}; GRANT ALL ON SCHEMA {schema} TO \"{role}\"; SET ROLE \"{role}\";
         CREATE TABLE {schema}._sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
           installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL,
           execution_time bigint NOT NULL); RESET ROLE;
         ALTER DATABASE {} SET search_path = {schema}, public",
        database.name,
        role = database.role
    ));
    let address = database.address("127.0.0.1", relayed(database.server.port(), renames), &database.name);
    let commands = [
        &["db-migrate", "status"][..],
        &["health-check", "--only", "migrations"],
        &["db-stats"],
        &["db-backup"],
        &["db-migrate", "--no-backup"],
    ];
    for args in commands {
        let run = database.xtask(args.iter().copied()).env("DATABASE_URL", &address).run();
        let canary = database.sandbox.path("canary");
        run.holds(!canary.exists(), "psql ran a program that the server named");
        run.holds(matches!(run.code, Some(0 | 1)), "it ends, and says why");
    }
    // A server that does not lie is understood.
    for args in commands {
        database.xtask(args.iter().copied()).run().ok();
    }
    database.xtask(["db-stats"]).run().ok().stdout_has(name);
}

fn a_name_in_another_encoding_is_no_command() {
    runs_nothing("xÃ\" \\unrestrict `touch canary` --", false);
    runs_nothing("xÃ' \\unrestrict `touch canary` --", false);
}

fn a_column_is_no_variable_of_psql() {
    runs_nothing("xÃ\" \\! touch canary;#", true);
}
