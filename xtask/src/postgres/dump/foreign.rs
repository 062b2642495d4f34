//! Files that people take for a plain SQL dump, and what they really are.

/// What a text that does not begin like a dump is. `before` are the bytes that still fitted.
pub(super) fn kind_of(before: &[u8], rest: &[u8]) -> String {
    let mut start = before.to_vec();
    start.extend_from_slice(&rest[..rest.len().min(512)]);
    let text = String::from_utf8_lossy(&start).to_ascii_lowercase();
    let what = match start.as_slice() {
        [b'P', b'G', b'D', b'M', b'P', ..] => {
            "pg_dump's custom format: convert it to SQL first (pg_restore -f x.sql FILE)"
        }
        [0x1f, 0x8b, ..] => "gzip: unpack it first (gunzip -c FILE > x.sql)",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd: unpack it first (unzstd -c FILE > x.sql)",
        [b'P', b'K', 3, 4, ..] => "a zip archive: unpack it first (unzip -p FILE > x.sql)",
        [b'B', b'Z', b'h', ..] => "bzip2: unpack it first (bunzip2 -c FILE > x.sql)",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz: unpack it first (unxz -c FILE > x.sql)",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            "UTF-16 text (written by PowerShell's > ?), which psql cannot read: \
             iconv -f UTF-16 -t UTF-8 FILE > x.sql"
        }
        [0xef, 0xbb, 0xbf, ..] => {
            "text that begins with a byte order mark, which pg_dump never writes: \
             tail -c +4 FILE > x.sql"
        }
        _ if start.get(257..262) == Some(b"ustar") => {
            "a tar archive: if pg_dump made it, convert it to SQL first (pg_restore -f x.sql FILE)"
        }
        _ if text.trim_start().starts_with("<!doctype") || text.trim_start().starts_with("<html") => "a web page",
        _ if text.starts_with("--\n-- postgresql database cluster dump") => {
            "the dump of a whole cluster (pg_dumpall): dump the one database with pg_dump"
        }
        _ if start.starts_with(b"--\r\n") => "a dump whose line ends are CR LF (changed by a terminal or an editor)",
        _ if start.contains(&0) => "binary data",
        _ => "text that does not begin as pg_dump writes it",
    };
    format!("not a plain SQL dump: {what}")
}
