//! Where Docker keeps the database's data.

use super::Compose;
use super::engine::DEADLINE;
use serde_json::Value;

impl Compose {
    /// The name of the volume that the database's data is in, as Docker knows it; `None` where it is in none, or
    /// Compose cannot read the project.
    pub(super) fn data_volume(&self) -> Option<String> {
        let text = &self.read_within(DEADLINE).ok()?.text;
        name_in(&serde_json::from_str(text).ok()?, self.service())
    }
}

fn name_in(config: &Value, service: &str) -> Option<String> {
    let mounts = config.get("services")?.get(service)?.get("volumes")?.as_array()?;
    let is_data = |mount: &&Value| {
        let target = mount.get("target").and_then(Value::as_str).unwrap_or_default();
        target.starts_with("/var/lib/postgresql") && mount.get("type").and_then(Value::as_str) == Some("volume")
    };
    let source = mounts.iter().find(is_data)?.get("source")?.as_str()?;
    Some(config.get("volumes")?.get(source)?.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_is_named_as_docker_knows_it() {
        let config = |kind: &str| {
            serde_json::json!({
                "services": { "postgres": { "volumes": [
                    { "type": "bind", "source": "/etc/x", "target": "/x" },
                    { "type": kind, "source": "data", "target": "/var/lib/postgresql/data" },
                ] } },
                "volumes": { "data": { "name": "app_data" } },
            })
        };
        assert_eq!(name_in(&config("volume"), "postgres").as_deref(), Some("app_data"));
        assert_eq!(name_in(&config("bind"), "postgres"), None);
        assert_eq!(name_in(&serde_json::json!({}), "postgres"), None);
    }
}
