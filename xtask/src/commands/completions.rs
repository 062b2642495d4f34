//! `completions`: what a shell needs to complete `cargo xtask …`.

use crate::context::Context;
use anyhow::Result;
use clap_complete::Shell as Generator;

/// Print the completions of a shell for `cargo xtask`: commands and options
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that reads them
    #[arg(value_enum)]
    shell: Shell,
}

/// Shells whose completions the tests try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn generator(self) -> Generator {
        match self {
            Self::Bash => Generator::Bash,
            Self::Zsh => Generator::Zsh,
            Self::Fish => Generator::Fish,
        }
    }

    /// Leads from `cargo xtask` to the completions of `xtask`.
    fn of_cargo(self) -> &'static str {
        match self {
            Self::Bash => include_str!("completions/cargo.bash"),
            Self::Zsh => include_str!("completions/cargo.zsh"),
            Self::Fish => include_str!("completions/cargo.fish"),
        }
    }
}

/// Prints the script to stdout; `command_line` is the whole program's.
pub fn run(args: &Args, mut command_line: clap::Command, context: &Context) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell.generator(), &mut command_line, "xtask", &mut script);
    script.extend(args.shell.of_cargo().as_bytes());
    context.terminal.result_piece(&script)
}
