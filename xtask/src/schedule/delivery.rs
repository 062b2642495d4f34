//! Whether the end of a run was heard of: by the ping's server, by the program that is called after a failure.

use serde::{Deserialize, Serialize};

const SENT: &str = "sent";
const CALLED: &str = "called";

/// What became of a ping or of a call; in a file a word, or why it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Delivery {
    /// The ping was taken.
    Sent,
    /// The program did its work.
    Called,
    Failed(String),
}

impl Delivery {
    /// Why it failed.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Sent | Self::Called => None,
            Self::Failed(why) => Some(why),
        }
    }
}

impl From<String> for Delivery {
    fn from(text: String) -> Self {
        match text.as_str() {
            SENT => Self::Sent,
            CALLED => Self::Called,
            _ => Self::Failed(text),
        }
    }
}

impl From<Delivery> for String {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Sent => SENT.to_owned(),
            Delivery::Called => CALLED.to_owned(),
            // A server's or a program's own word must not be read as a success.
            Delivery::Failed(why) if [SENT, CALLED].contains(&why.as_str()) => format!("{why:?}"),
            Delivery::Failed(why) => why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stays_one_in_the_file_whatever_its_words_are() {
        for delivery in [Delivery::Sent, Delivery::Called, Delivery::Failed("HTTP 404".to_owned())] {
            assert_eq!(Delivery::from(String::from(delivery.clone())), delivery);
        }
        for word in [SENT, CALLED] {
            let written = String::from(Delivery::Failed(word.to_owned()));
            assert!(Delivery::from(written).failure().is_some(), "{word}");
        }
        assert_eq!(serde_json::to_string(&Delivery::Sent).unwrap(), "\"sent\"");
    }
}
