//! `adopt`: what it leaves as it is, and what a person has to change there.

use crate::adopt::{COMPOSE, PACKAGE, Theirs, write};
use crate::harness::{Fakes, Test, Xtask};

pub fn tests() -> Vec<Test> {
    tests![
        [Git, Make] names_that_a_pattern_of_the_makefile_makes_keep_its_recipe,
        [Git, Make] names_in_files_that_a_pattern_includes_keep_their_recipe,
        [Git, Make] names_behind_plain_variables_keep_their_recipe_and_unknown_ones_add_none,
        [Git, Make] rules_are_found_in_every_form_that_make_reads,
        [Git, Make] a_line_of_an_unknown_form_takes_no_name,
        [Git] a_dockerfile_that_would_not_build_any_more_is_named,
    ]
}

const PATTERNS: &str = "\
db-%:
\t@echo their $@

%:
\t@echo whatever $@

NAMES = up
NAMES += down
$(NAMES): ; @echo theirs $@
";

fn names_that_a_pattern_of_the_makefile_makes_keep_its_recipe() {
    let theirs = Theirs::with(&[COMPOSE, ("Makefile", PATTERNS)]);
    let run = theirs.adopted(&[]);
    run.stderr_has("of the same names: db-backup, db-list");
    run.stderr_has("Makefile:1: db-backup keeps the recipe of db-%; to have this tool do it, add\n");
    run.stderr_has("    + db-backup:: ; @cargo xtask db-backup $(if");
    let makefile = theirs.text("Makefile");
    let added = makefile.split("# Added by cargo xtask adopt\n").nth(1).unwrap();
    assert!(added.contains("health-check") && !added.contains("db-") && !added.contains(" up "), "{added}");
    // Make itself finds the same, before and after the line that is said to be added.
    let fakes = Fakes::new(&theirs.sandbox).program("cargo", "");
    let make = |goal: &'static str| {
        fakes.over(Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args([goal])).run()
    };
    make("db-list").ok().prints("their db-list");
    make("down").ok().prints("theirs down").stderr_lacks("warning");
    run.stderr_has("Makefile:9: up keeps its recipe");
    make("health-check").ok();
    let line = run.stderr.lines().find_map(|line| line.trim().strip_prefix("+ db-list:: ")).unwrap();
    std::fs::write(theirs.folder.join("Makefile"), format!("{makefile}db-list:: {line}\n")).unwrap();
    make("db-list").ok();
    assert_eq!(fakes.calls(), [["cargo", "xtask", "health-check"], ["cargo", "xtask", "db-list"]]);
}

fn names_in_files_that_a_pattern_includes_keep_their_recipe() {
    let theirs = Theirs::with(&[
        COMPOSE,
        ("Makefile", "include mk/*.mk\n-include ./conf?.mk none/*.mk\ntest: ; @echo their tests\n"),
        ("mk/db.mk", "db-backup: ; @echo their backup\nup: ; @echo their up\n"),
        ("mk/.hidden.mk", "down: ; @echo hidden\n"),
        ("mk/db.mk.old", "db-list: ; @echo old\n"),
        ("conf1.mk", "db-list:: ; @echo their list\n"),
        (".gitignore", "/conf2.mk\n"),
    ]);
    write(&theirs.folder.join("conf2.mk"), "db-prune: ; @echo their prune\n");
    let run = theirs.adopted(&[]);
    run.stderr_has("of the same names: db-backup, db-list, db-prune, up").stderr_lacks("was not looked at");
    run.stderr_has("mk/db.mk:1: db-backup keeps its recipe");
    let fakes = Fakes::new(&theirs.sandbox).program("cargo", "");
    let make = |goal: &'static str| {
        let run = fakes.over(Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args([goal])).run();
        run.ok().stderr_lacks("warning");
        run
    };
    for (goal, says) in [("test", "tests"), ("db-backup", "backup"), ("db-list", "list"), ("db-prune", "prune")] {
        make(goal).prints(&format!("their {says}"));
    }
    make("down");
    assert_eq!(fakes.calls(), [["cargo", "xtask", "down"]]);
    // What is behind a link is named, and stays unread.
    let theirs = Theirs::with(&[COMPOSE, ("Makefile", "include mk/*.mk\ninclude [ab].mk\n")]);
    std::os::unix::fs::symlink(&theirs.sandbox.home, theirs.folder.join("mk")).unwrap();
    theirs.commit();
    let run = theirs.adopted(&[]);
    run.stderr_has("The included file mk/*.mk was not looked at")
        .stderr_has("The included file [ab].mk was not looked at");
}

fn names_behind_plain_variables_keep_their_recipe_and_unknown_ones_add_none() {
    let makefile = "DIR := mk\ninclude $(DIR)/../more.mk $(wildcard ${DIR}/*.mk)\n-include ./own.mk none/x.mk\n";
    let theirs = Theirs::with(&[
        COMPOSE,
        ("Makefile", makefile),
        ("more.mk", "health-check: ; @echo their check\n"),
        ("mk/db.mk", "db-backup: ; @echo their backup\n"),
        ("own.mk", "up: ; @echo their up\n"),
    ]);
    let run = theirs.adopted(&[]);
    run.stderr_has("of the same names: db-backup, health-check, up").stderr_lacks("was not looked at");
    run.stderr_has("more.mk:1: health-check keeps its recipe");
    let fakes = Fakes::new(&theirs.sandbox).program("cargo", "");
    let make = |theirs: &Theirs, goal: &'static str| {
        let run = fakes.over(Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args([goal])).run();
        run.ok().stderr_lacks("warning");
        run
    };
    for (goal, says) in [("health-check", "check"), ("db-backup", "backup"), ("up", "up")] {
        make(&theirs, goal).prints(&format!("their {says}"));
    }
    make(&theirs, "down");
    assert_eq!(fakes.calls(), [["cargo", "xtask", "down"]]);
    // What stands below a folder is no name of ours, whichever folder it is.
    let below = "BIN ?= bin\nifdef X\nOUT := $(CURDIR)/a\nelse\nOUT = b\nendif\n$(BIN)/tool: ; @echo their tool\n${OUT}/%.o: %.c ; @true\n";
    let theirs = Theirs::with(&[COMPOSE, ("Makefile", below)]);
    let run = theirs.adopted(&[]);
    run.stderr_lacks("was not looked at").stderr_has("Makefile, 2 targets");
    assert!(theirs.text("Makefile").starts_with(below) && theirs.text("Makefile") != below);
    let fakes = Fakes::new(&theirs.sandbox).program("cargo", "");
    for words in [&["bin/tool"][..], &["BIN=.", "tool"], &["BIN=.", "up"]] {
        let run = Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args(words.iter().copied());
        fakes.over(run).run().ok().stderr_lacks("warning");
    }
    assert_eq!(fakes.calls(), [["cargo", "xtask", "up"]]);
    // What a variable of the environment, a condition or another folder decides is not known: no name is taken.
    for makefile in [
        "include $(ELSEWHERE)/more.mk\n",
        "ifdef X\nDIR = .\nelse\nDIR = mk\nendif\ninclude $(DIR)/more.mk\n",
        "include ../more.mk\n",
        "include $(shell echo more.mk)\n",
        "$(MORE): ; @true\n",
        "DIR = mk\noverride DIR = .\ninclude $(DIR)/more.mk\n",
        "DIR = mk\nundefine DIR\ninclude .$(DIR)/more.mk\n",
        "DIR = mk\ndefine DIR\n.\nendef\ninclude $(DIR)/more.mk\n",
        "DIR != echo .\ninclude $(DIR)/more.mk\n",
        "ifdef X\ninclude mk/more.mk\nendif\ninclude $(DIR)/more.mk\n",
        "NAMES = a\nifdef X\nNAMES = up\nendif\n$(NAMES): ; @true\n",
        "BIN ?= bin\n$(BIN)/up: ; @true\n",
        "BIN ?= bin\n$(BIN)/db-%: ; @true\n",
        "BIN ?= up bin\n$(BIN)/tool: ; @true\n",
        "$(BIN)/tool: ; @true\n",
        "BIN ?= bin\nBIN += up\n$(BIN)/tool: ; @true\n",
    ] {
        let theirs = Theirs::with(&[
            COMPOSE,
            ("Makefile", makefile),
            ("mk/more.mk", "DIR = mk\n"),
            ("more.mk", "up: ; @echo their up\n"),
        ]);
        let run = theirs.adopted(&[]);
        run.stderr_has(" was not looked at: it may have a rule of the same name\n");
        run.stderr_has("Makefile is not changed: add these lines to it, without the names that have a rule already\n");
        run.stderr_has("+ .PHONY: ").stderr_has(" health-check ").stderr_has(": ; @cargo xtask $@ $(if $(filter");
        assert_eq!(theirs.text("Makefile"), makefile);
    }
}

/// Rules in the forms that make has for them, and lines that make no rule.
const FORMS: &str = "\
N = db
P := list
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/bin:$(PATH)
define TEXT
include none.mk
define INNER
endef
endef # of TEXT
$(info reading: $(N))
define SAY =
@echo \"$(1): said\"
  endef
${N}-backup: ; @echo their backup
other $N-reset: ; @echo their reset
a\tx $(N)-$(P): $(N:db=none).x | order
# between \\\\
\t@echo their list
none.x order: ;
./up:
ifdef N

\t@echo their up
else
\t@include nothing
endif
# a \\
down: commented
health-%:
# a comment
\t@echo their $@
ifeq ($(N),other)
\tX = 1
endif
include\ttabs.mk
a: N = c
VERSION := $(shell echo 1) # $(N)
all: ; $(call SAY,it) $(eval X := y)
";

fn rules_are_found_in_every_form_that_make_reads() {
    let tabs = "db-verify \\\n  db-prune: ; @echo their $@\n";
    let theirs = Theirs::with(&[COMPOSE, ("Makefile", FORMS), ("tabs.mk", tabs)]);
    let run = theirs.adopted(&[]);
    run.stderr_lacks("was not looked at");
    run.stderr_has("of the same names: db-backup, db-list, db-prune, db-reset, db-verify, health-check, up\n");
    run.stderr_has("health-check keeps the recipe of health-%").stderr_has("tabs.mk:1: db-prune keeps its recipe");
    let fakes = Fakes::new(&theirs.sandbox).program("cargo", "");
    for (goal, says) in [
        ("db-backup", "their backup"),
        ("db-reset", "their reset"),
        ("db-list", "their list"),
        ("db-verify", "their db-verify"),
        ("db-prune", "their db-prune"),
        ("health-check", "their health-check"),
        ("up", "their up"),
        ("all", "it: said"),
    ] {
        let make = Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args([goal]);
        fakes.over(make).run().ok().stdout_has(says).stderr_lacks("warning");
    }
    fakes.over(Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args(["down"])).run().ok();
    assert_eq!(fakes.calls(), [["cargo", "xtask", "down"]]);
}

fn a_line_of_an_unknown_form_takes_no_name() {
    // Make itself has a recipe for the name in each of them.
    for (line, makefile) in [
        (4, "define RULE\n$(1): ; @echo their $(1)\nendef\n$(foreach t,db-backup up,$(eval $(call RULE,$(t))))\n"),
        (2, "RULE = up: ; @echo their up\n$(RULE)\n"),
        (1, "$(shell echo 'up: ; @echo their up')\n"),
        (1, "A := $(eval up: ; @echo their up)\n"),
        (1, "define MAKES\n$(eval up: ; @echo their up)\nendef\nall: $(MAKES)\n"),
        (1, ".RECIPEPREFIX = >\nup:\n> @echo their up\n"),
        (1, "u*: ; @echo their up\n"),
        (1, "a\\ b up: ; @echo their up\n"),
        (4, "ifdef NONE\na: ; @true\nendif\n\tinclude more.mk\n"),
        (2, "N = u\n$(N:u=up): ; @echo their up\n"),
    ] {
        let theirs =
            Theirs::with(&[COMPOSE, ("Makefile", makefile), ("more.mk", "up: ; @echo their up\n"), ("up", "")]);
        let make = || Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args(["--always-make", "up"]);
        make().run().ok().stdout_has("their up");
        let run = theirs.adopted(&[]);
        run.stderr_has(&format!("The line Makefile:{line} was not looked at: it may have a rule of the same name\n"));
        run.stderr_has("Makefile is not changed: add these lines to it, without the names that have a rule already\n");
        assert_eq!(theirs.text("Makefile"), makefile);
        make().run().ok().stdout_has("their up");
    }
    // Of many such lines the first ones are named.
    let many = format!("{}up: ; @true\n", "$(RULES)\n".repeat(12));
    let theirs = Theirs::with(&[COMPOSE, ("Makefile", &many)]);
    let run = theirs.adopted(&[]);
    run.stderr_has("The line Makefile:8 was not looked at").stderr_lacks("Makefile:9 was");
    run.stderr_has("4 more lines were not looked at: they may have rules of the same names\n");
    run.stderr_has("Makefile:13: up keeps its recipe");
}

fn a_dockerfile_that_would_not_build_any_more_is_named() {
    let single = "FROM rust\nCOPY Cargo.toml ./\nCOPY src src\nRUN cargo build --release\n";
    let whole = "FROM rust\nCOPY . .\nRUN cargo build --release\n";
    let files = [
        COMPOSE,
        ("Cargo.toml", PACKAGE),
        ("src/main.rs", "fn main() {}\n"),
        ("Dockerfile", single),
        ("docker/Dockerfile.dev", single),
        ("whole.Dockerfile", whole),
        ("tool/Dockerfile", single),
        ("tool/Cargo.toml", &PACKAGE.replace("app", "tool")),
        ("tool/src/main.rs", "fn main() {}\n"),
    ];
    let theirs = Theirs::with(&files);
    // By the program itself; what is to be typed next is typed there.
    let run = theirs.adopt(&["--yes"]).unset("CARGO_PKG_NAME").run();
    run.ok().stderr_has("  cargo xtask health-check ").stderr_has("  cargo xtask db-backup ");
    run.stderr_has("the package becomes the root of a workspace, with xtask as its member");
    run.stderr_has(
        "  Dockerfile:2: cargo builds there with Cargo.toml, but without its member xtask, and will refuse to; add below\n    + COPY xtask xtask\n",
    );
    run.stderr_has("docker/Dockerfile.dev:2: ").stderr_lacks("whole.Dockerfile").stderr_lacks("tool/Dockerfile");
    // Cargo without the member is what an image's build sees.
    let metadata = |folder: &str| {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.args(["metadata", "--offline", "--no-deps", "--format-version", "1"]);
        cargo.current_dir(theirs.folder.join(folder)).output().unwrap().status.success()
    };
    assert!(metadata("") && metadata("tool"));
    std::fs::rename(theirs.folder.join("xtask"), theirs.folder.join("away")).unwrap();
    assert!(!metadata("") && metadata("tool"));
}
