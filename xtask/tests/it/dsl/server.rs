//! The real server has the last word: what is accepted here it takes, and gives back as the same; what is refused here
//! it refuses.

use super::generator::{self, mutated};
use super::model::Model;
use super::{files, shown};
use crate::harness::dice::{self, Dice};
use crate::harness::openfga::Api;
use crate::harness::{Test, shared};
use serde_json::Value;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] it_takes_what_is_accepted_and_gives_back_the_same,
        [Stack, Openfga] it_refuses_what_is_refused,
        [Stack, Openfga] it_decides_on_random_models_as_the_checks_do,
    ]
}

/// A server's store to write models to.
struct Store {
    api: Api,
    id: String,
}

impl Store {
    fn new() -> Self {
        let api = shared().openfga();
        let id = api.create_store("models");
        Self { api, id }
    }

    /// The server's word on a model: its id, or why it refuses it.
    fn write(&self, model: &Value) -> Result<String, String> {
        let path = format!("/stores/{}/authorization-models", self.id);
        let (status, answer) = self.api.request(&path, Some(model));
        match status {
            201 => Ok(answer["authorization_model_id"].as_str().unwrap().to_owned()),
            400 => Err(answer["message"].as_str().unwrap().to_owned()),
            _ => panic!("{status} {answer}\n{model:#}"),
        }
    }

    #[track_caller]
    fn takes(&self, name: &str, model: &Model) {
        let id = self.write(&model.to_json()).unwrap_or_else(|error| panic!("{error}\n{name}: {:#}", model.to_json()));
        let (_, answer) = self.api.request(&format!("/stores/{}/authorization-models/{id}", self.id), None);
        let echo = Model::from_value(&answer).unwrap();
        assert_eq!(model.difference(&echo), Vec::<String>::new(), "{name}");
        assert!(echo == *model, "{name}");
    }
}

fn it_takes_what_is_accepted_and_gives_back_the_same() {
    let store = Store::new();
    for (name, text) in ["accepted", "warned"].iter().flat_map(|folder| files(folder, ".fga")) {
        store.takes(&name, &super::model(&text));
    }
    store.takes("modules", &super::modules::sample());
}

fn it_refuses_what_is_refused() {
    let store = Store::new();
    for (name, json) in super::json::refused() {
        let findings = Model::from_json("model.json", &json.to_string()).expect_err(name);
        store.write(&json).expect_err(&format!("{name}: {}", shown(&findings)));
    }
    for (name, json) in super::json::odd() {
        let read = Model::from_json("model.json", &json.to_string());
        let (_, findings) = read.unwrap_or_else(|found| panic!("{name}: {}", shown(&found)));
        assert!(!findings.is_empty(), "{name}");
        store.write(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn it_decides_on_random_models_as_the_checks_do() {
    let store = Store::new();
    let (mut dice, seed) = Dice::thrown();
    let (mut taken, mut refused) = (0, 0);
    for case in 0..dice::cases(60) {
        let valid = generator::model(&mut dice);
        let json = if case % 3 == 0 { valid } else { mutated(&mut dice, &valid) };
        let about = || format!("seed {seed}: {json}");
        match Model::from_json("model.json", &json.to_string()) {
            Err(found) => match store.write(&json) {
                Err(_) => refused += 1,
                Ok(_) => panic!("the server takes it: {}\n{}", shown(&found), about()),
            },
            Ok((model, found)) if found.iter().all(|finding| !finding.message.contains("as a loop")) => {
                match store.write(&json) {
                    Ok(_) => store.takes(&about(), &model),
                    // CEL is the server's to judge; and it sees an inner union of one only where it happens to look.
                    Err(error) if error.contains("expression") || error.contains("less than 2 children") => {}
                    Err(error) => panic!("the server alone refuses it: {error}\n{}", about()),
                }
                taken += 1;
            }
            // A definition that the server takes for a loop.
            Ok(_) => assert!(store.write(&json).is_err(), "{}", about()),
        }
    }
    assert!(taken > 0 && refused > 0, "seed {seed}: {taken} taken, {refused} refused");
}
