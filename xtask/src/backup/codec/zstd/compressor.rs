//! What compresses: the program zstd, or this program itself.

use crate::backup::partial::Partial;
use crate::error::Fault;
use crate::process::{self, Filter, Program};
use anyhow::{Context as _, Result};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::fs::File;
use std::io::{self, Write};

/// How much text is compressed at once, in bytes.
const AT_ONCE: usize = 1 << 20;

/// By what and how hard a text is compressed.
#[derive(Debug)]
pub(super) enum Tool {
    /// zstd, at a level.
    Program(Box<Program>),
    /// This program itself.
    Own,
}

impl Tool {
    /// zstd of this host at this level; this program itself where `no` program was named or there is none.
    pub(super) fn of(level: u8, program: Option<&str>) -> Result<Self, Fault> {
        let path = match program {
            Some("no") => return Ok(Self::Own),
            Some(named) => process::find(named).ok_or_else(|| {
                Fault::usage(format!("XTASK_ZSTD={named} is not a program"))
                    .hint("name the program zstd; or no: this program compresses by itself")
            })?,
            None => match process::find("zstd") {
                Some(path) => path,
                None => return Ok(Self::Own),
            },
        };
        // One thread, and no content size of its own making: what a level needs of memory is known.
        let program = Program::new(path).args(["--quiet", "--stdout", "--no-progress", "--single-thread"]);
        let program = program.arg(format!("-{level}")).unset("ZSTD_CLEVEL").unset("ZSTD_NBTHREADS");
        Ok(Self::Program(Box::new(program)))
    }

    /// What a person should know.
    pub(super) fn note(&self) -> Option<String> {
        matches!(self, Self::Own).then(|| {
            "Without the program zstd this program compresses by itself, which takes longer: install zstd".to_owned()
        })
    }
}

/// A text on its way into the file.
#[derive(Debug)]
pub(super) enum Compressor {
    Program(Filter),
    Own { file: File, text: Vec<u8> },
}

impl Compressor {
    pub(super) fn start(tool: &Tool, partial: &Partial) -> Result<Self> {
        let file = partial.for_program()?;
        Ok(match tool {
            Tool::Program(program) => Self::Program(program.filter_to(file)?),
            Tool::Own => Self::Own { file, text: Vec::new() },
        })
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Program(zstd) => zstd.write_all(piece),
            Self::Own { file, text } => {
                text.extend_from_slice(piece);
                while text.len() >= AT_ONCE {
                    let rest = text.split_off(AT_ONCE);
                    file.write_all(&compressed(&std::mem::replace(text, rest)))?;
                }
                Ok(())
            }
        }
    }

    /// Compresses what is left.
    ///
    /// # Errors
    /// The program failed, or the file cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Program(zstd) => {
                let (ending, stderr) = zstd.finish()?;
                if ending.success() {
                    return Ok(());
                }
                Err(anyhow::Error::msg(format!("{} ({ending})", stderr.trim())).context(failed()))
            }
            Self::Own { mut file, text } => {
                if !text.is_empty() {
                    file.write_all(&compressed(&text)).context("writing what was compressed")?;
                }
                Ok(())
            }
        }
    }
}

fn compressed(text: &[u8]) -> Vec<u8> {
    compress_to_vec(text, CompressionLevel::Fastest)
}

/// Why no backup was made.
pub(super) fn failed() -> Fault {
    Fault::failed("The dump could not be compressed; no backup was made")
        .hint("try without the program zstd: XTASK_ZSTD=no; or without compressing: --compress=no")
}
