//! `\c PROFILE REGION`: which account and which regions statements are about. There is no connection to make: it sets what
//! `SET` would, so that nothing is sent before a statement needs it.

use crate::cli::shell::act::usage;
use crate::cli::shell::{Shell, state};
use crate::error::Result;

/// Stands for what is to stay.
const KEPT: &str = "-";

impl Shell {
    pub(super) async fn connect(&mut self, words: &[String]) -> Result<()> {
        let [profile, region] = match words {
            [] => [KEPT, KEPT],
            [profile] => [profile.as_str(), KEPT],
            [profile, region] => [profile.as_str(), region.as_str()],
            _ => return Err(usage("`\\c` takes a profile and regions, with commas between them")),
        };
        for (name, value) in [("profile", profile), ("region", region)] {
            if value == KEPT {
                continue;
            }
            // What is set for one provider would stand before it.
            let settings = state::shown(&self.state.session, "SHOW SETTINGS").await?;
            let own = settings.iter().filter_map(|row| match row.as_slice() {
                [setting, value, ..] if !value.is_empty() => Some(setting),
                _ => None,
            });
            let own = own.filter(|setting| setting.ends_with(&format!(".{name}")) && !setting.starts_with("iql."));
            for setting in own {
                self.state.session.run(format!("RESET {setting}")).await?;
            }
            let values = value.split(',').map(|value| format!("'{}'", value.trim().replace('\'', "''")));
            let values = values.collect::<Vec<_>>().join(", ");
            self.state.session.run(format!("SET iql.{name} = ({values})")).await?;
        }
        let settings = state::shown(&self.state.session, "SHOW SETTINGS").await?;
        let set = |name: &str| {
            let row = settings.iter().find(|row| row.first().is_some_and(|known| known == name));
            row.and_then(|row| row.get(1)).filter(|value| !value.is_empty()).cloned()
        };
        let profile = set("iql.profile").or(self.state.profile.clone());
        let profile = profile.map_or("no profile".to_string(), |profile| format!("profile {profile}"));
        let region = set("iql.region").map_or("no region".to_string(), |region| match region.contains(',') {
            true => format!("regions {region}"),
            false => format!("region {region}"),
        });
        self.told(&format!("statements are about {profile}, {region}"));
        Ok(())
    }
}
