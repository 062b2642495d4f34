//! Compressed backups that are not as they were written, and those that were made to do harm.

use super::proof::{all_are_refused, cuts, small};
use crate::harness::backup::sha256;
use crate::harness::forge::{Forged, dump};
use crate::harness::{Outcome, Sandbox, Test, Xtask, shared};
use serde_json::json;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] every_cut_and_flipped_bit_of_a_compressed_backup_is_refused,
        [] a_bomb_ends_where_its_manifest_ends,
        [] a_window_that_no_backup_of_ours_has_is_named,
        [] what_does_not_fit_its_manifest_is_refused,
        [] a_first_line_that_unpacks_to_another_is_refused,
        [] a_file_that_another_program_compressed_is_named,
    ]
}

const HEAD: &[u8] = b"-- xtask backup, format 2: it is whole only if its last line is a manifest that fits\n";
const BLOCK: usize = 128 << 10;

fn every_cut_and_flipped_bit_of_a_compressed_backup_is_refused() {
    let database = shared().database();
    small(&database);
    // As the program zstd compresses, where it is there, and as this program does.
    for zstd in ["", "no"] {
        let run = database.xtask(["--quiet", "db-backup", "--compress"]).env("XTASK_ZSTD", zstd).run();
        let bytes = fs::read(database.sandbox.path(run.ok().text().trim_end())).unwrap();
        let step = bytes.len() / 400 + 1;
        let ends = |length: usize| length < 120 || bytes.len() - length < 40 || length.is_multiple_of(step);
        let some = cuts(&bytes).filter(|(_, cut)| ends(cut.len()));
        all_are_refused(&database.sandbox, some, &["cut"]);
        let bits = (0..120 * 8).chain((120 * 8..bytes.len() * 8).step_by(bytes.len() * 8 / 900 * 2 + 1));
        let flipped = bits.map(|bit| {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            (format!("bit-{bit}"), bytes)
        });
        all_are_refused(&database.sandbox, flipped, &["cut", "damaged"]);
        let more = [&b"\n"[..], b"x", &bytes, &frame(&[raw(b"-- a comment\n")])];
        let longer = more.iter().enumerate().map(|(index, tail)| (format!("longer-{index}"), [&bytes, *tail].concat()));
        all_are_refused(&database.sandbox, longer, &["cut", "damaged"]);
    }
}

/// A zstd frame of these blocks, its window 128 KiB.
fn frame(blocks: &[(u32, Vec<u8>)]) -> Vec<u8> {
    framed(0x38, blocks)
}

/// The same with another window: its blocks are kind and size, and what they hold.
fn framed(window: u8, blocks: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    for (at, (header, held)) in blocks.iter().enumerate() {
        let header = header | u32::from(at + 1 == blocks.len());
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(held);
    }
    frame
}

/// A block that holds these bytes.
fn raw(bytes: &[u8]) -> (u32, Vec<u8>) {
    (u32::try_from(bytes.len()).unwrap() << 3, bytes.to_vec())
}

/// A block that unpacks to 128 KiB of this byte.
fn run_of(byte: u8) -> (u32, Vec<u8>) {
    (u32::try_from(BLOCK).unwrap() << 3 | 2, vec![byte])
}

/// The frame of a first or last line.
fn line(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x38];
    frame.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    for (at, block) in text.chunks(BLOCK).enumerate() {
        let last = u32::from((at + 1) * BLOCK >= text.len());
        frame.extend(&(u32::try_from(block.len()).unwrap() << 3 | last).to_le_bytes()[..3]);
        frame.extend(block);
    }
    frame
}

const BODY: &str = "CREATE TABLE public.t (a integer);\nCOPY public.t (a) FROM stdin;\n1\n2\n\\.\n";

/// A whole compressed backup of this dump, which lies in these frames; `bytes` of text precede its manifest.
fn forged(dump: &[u8], frames: &[u8], bytes: Option<u64>) -> Vec<u8> {
    let text = [HEAD, dump].concat();
    sealed(dump, &text, &[&line(HEAD), frames].concat(), bytes)
}

/// The same of any text and what is stored of it.
fn sealed(dump: &[u8], text: &[u8], stored: &[u8], bytes: Option<u64>) -> Vec<u8> {
    let compressed = json!({ "bytes": stored.len(), "sha256": sha256(stored) });
    let forged = Forged::of(dump).with("format", 2).with("compressed", compressed);
    let last = forged.line(bytes.unwrap_or(text.len() as u64), &sha256(text));
    [stored, &line(last.as_bytes())].concat()
}

fn verified(bytes: Vec<u8>) -> Outcome {
    let sandbox = Sandbox::new();
    let file = sandbox.write("x.sql.zst", bytes);
    Xtask::new(&sandbox).args(["db-verify", "--json"]).args([file]).run()
}

#[track_caller]
fn damaged(bytes: Vec<u8>, why: &str) {
    verified(bytes).code(3).stdout_has("is damaged").stdout_has(why).stderr_lacks("panicked");
}

/// 1 GB from 32 kB.
fn a_bomb_ends_where_its_manifest_ends() {
    let dump = dump(BODY);
    let whole = frame(&[raw(&dump)]);
    verified(forged(&dump, &whole, None)).ok().stdout_has("whole");
    let bomb = frame(&vec![run_of(b'\n'); 8192]);
    damaged(forged(&dump, &[&whole[..], &bomb].concat(), None), "its manifest changed while it was read");
    // Its manifest says a gigabyte: what is no dump ends it.
    damaged(forged(&dump, &bomb, Some(1 << 30)), "not a plain SQL dump");
}

fn a_window_that_no_backup_of_ours_has_is_named() {
    let dump = dump(BODY);
    // 2^(10 + 13) bytes are the most.
    verified(forged(&dump, &framed(13 << 3, &[raw(&dump)]), None)).ok();
    for exponent in [14u8, 17, 31] {
        damaged(forged(&dump, &framed(exponent << 3, &[raw(&dump)]), None), "its zstd window has");
    }
}

/// The bytes of the first line are there, and the header of the block before them says that it is shorter: what follows
/// is a block of its own, whose header is the line's own end.
fn a_first_line_that_unpacks_to_another_is_refused() {
    const LITERALS: usize = 85_610;
    let (first, header) = HEAD.split_at(HEAD.len() - 3);
    let padded = |lines: usize| dump(format!("{}{BODY}", "\n".repeat(lines)));
    let dump = padded(LITERALS - b"\n--".len() - padded(0).len());
    let literals = [b"\n--", &dump[..]].concat();
    let text = [first, &literals].concat();
    let (length, block) = raw(first);
    let literals_header = u32::try_from(LITERALS).unwrap() << 4 | 3 << 2;
    let mut stored = line(HEAD);
    stored.truncate(6);
    stored.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    stored.extend(&length.to_le_bytes()[..3]);
    stored.extend(&block);
    stored.extend(header);
    stored.extend(&literals_header.to_le_bytes()[..3]);
    stored.extend(&literals);
    // No sequences, and a last block without bytes.
    stored.extend([0, 1, 0, 0]);
    let file = sealed(&dump, &text, &stored, None);
    verified(file).code(3).stdout_lacks("whole").stdout_has("x.sql.zst");
}

fn what_does_not_fit_its_manifest_is_refused() {
    let dump = dump(BODY);
    let whole = frame(&[raw(&dump)]);
    let other = String::from_utf8(dump.clone()).unwrap().replace("\n1\n2\n", "\n1\n3\n").into_bytes();
    damaged(forged(&dump, &frame(&[raw(&other)]), None), "do not match the manifest's SHA-256");
    damaged(forged(&dump, &[&whole[..], &frame(&[raw(b"-- more\n")])].concat(), None), "its manifest changed");
    verified(forged(&dump, b"", None)).code(3);
    damaged(forged(&dump, &[&whole[..], b"\0\0\0\0\0\0\0"].concat(), None), "not compressed as zstd compresses");
    // A skippable frame, and a block of the reserved kind.
    damaged(forged(&dump, &[&whole[..], &[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, b'x']].concat(), None), "not compressed");
    damaged(forged(&dump, &frame(&[(3 << 1 | 5 << 3, vec![b'x'; 5])]), None), "not compressed as zstd compresses");
    // Manifests of the other kind.
    let text = [HEAD, &dump].concat();
    let plain = Forged::of(&dump[..]).line(text.len() as u64, &sha256(&text));
    damaged([line(HEAD), whole.clone(), line(plain.as_bytes())].concat(), "its first line was changed");
    let lacks = Forged::of(&dump[..]).with("format", 2).line(text.len() as u64, &sha256(&text));
    damaged([line(HEAD), whole.clone(), line(lacks.as_bytes())].concat(), "does not say how the text was compressed");
    let newer = Forged::of(&dump[..]).with("format", 3).line(text.len() as u64, &sha256(&text));
    damaged([line(HEAD), whole.clone(), line(newer.as_bytes())].concat(), "format 3 is newer than this program");
}

fn a_file_that_another_program_compressed_is_named() {
    let dump = dump(BODY);
    let run = verified(frame(&[raw(&dump)]));
    run.code(3).stdout_has("is no backup that can be loaded: not a plain SQL dump: zstd");
}
