//! What a person does about a version whose file was begun outside a transaction and did not come to its end. Whichever
//! way it led, `repair` says that nothing of the version is there, and `repair --applied` that all of it is.

use super::checks::Direction;

/// Which command fits which end.
pub fn hint(version: i64, direction: Direction) -> String {
    let repair = "cargo xtask db-migrate repair";
    match direction {
        Direction::Up => format!(
            "undo it by hand, then: {repair} {version}\nor finish it by hand, then: {repair} --applied {version}"
        ),
        Direction::Down => format!(
            "finish the revert by hand, then: {repair} {version}\n\
             or undo it by hand, so that {version} is whole again, then: {repair} --applied {version}"
        ),
    }
}
