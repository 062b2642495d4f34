//! Containers of ours beside a stack.

use crate::target::companion::{Companion, CompanionContainer, CompanionEnd, CompanionImage, Surroundings};
use anyhow::Result;
use std::time::Duration;

/// Containers of ours beside the stack: a Compose project of its own, joined to the stack's networks.
pub trait Companions {
    /// Where such containers find the stack; `None` where the target's server is in no container.
    ///
    /// # Errors
    /// Exit 4: Docker does not answer, or the stack does not run. Exit 1: no network leads to it.
    fn surroundings(&self) -> Result<Option<Surroundings>>;

    /// Pulls those of the images that are not here; `say` hears each before.
    ///
    /// # Errors
    /// Exit 4: Docker does not answer. Exit 1: an image cannot be pulled.
    fn fetch_images(&self, images: &[CompanionImage<'_>], say: &dyn Fn(&str)) -> Result<()>;

    /// How the container of this service of a companion ended; `None` while it runs, and where Docker does not say.
    fn companion_end(&self, name: &str, service: &str, deadline: Duration) -> Option<CompanionEnd>;

    /// Starts the companion; `renew` recreates its containers.
    fn start_companion(&self, companion: &Companion<'_>, renew: bool) -> Result<()>;

    /// The containers of the companion of this name, running or not; none where Docker does not say.
    fn companion_containers(&self, name: &str, deadline: Duration) -> Vec<CompanionContainer>;

    /// Stops the companion of this name; with `remove` its containers and its network go, too. Its volumes stay.
    fn stop_companion(&self, name: &str, remove: bool) -> Result<()>;
}
