//! A start from a config's own words.

use crate::activation::Activation;
use crate::config::init::InitConfig;
use crate::config::{Document, choices};
use crate::start::Start;
use crate::start::error::StartError;

impl Start {
    /// Reads `[init]` of a config in TOML, with its `seed` and `model.activation` if they are there; what else stands there is not
    /// looked at. A text without `[init]` is the preset Kaiming. `init.lsuv` has no place here: see `initlab::watch::lsuv`.
    ///
    /// ```
    /// use initlab::Start;
    ///
    /// let config = "seed = 3\n[model]\nactivation = 'tanh'\n[init]\npreset = 'xavier'\nlast.weight = 'zeros'";
    /// let start = Start::from_toml(config)?.last("fc3.*");
    /// # let _ = start;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What is not understood, with its line.
    pub fn from_toml(text: &str) -> Result<Self, StartError> {
        let document = Document::parse("config.toml", text, &[])?;
        let root = document.root();
        let activation = match root.section("model")?.and_then(|model| model.value("activation")) {
            Some(value) => choices::activation(&value)?,
            None => Activation::Relu,
        };
        let init = match root.section("init")? {
            Some(section) => {
                let init = InitConfig::read(&section, activation)?;
                if init.lsuv.is_some() {
                    let advice = "is not part of a start: call initlab::watch::lsuv on the model once it has started";
                    return Err(section.error("lsuv", advice).into());
                }
                section.finish()?;
                init
            }
            None => InitConfig::kaiming(),
        };
        let mut start = Self::rules(init.rule).activation(activation).seed(root.u64("seed")?.unwrap_or(0));
        let settings = &mut start.settings;
        settings.aim = init.aim;
        settings.label = init.aim.map_or_else(|| "the config's [init]".into(), |aim| format!("the aim {}", aim.name()));
        (settings.ends.first_rule, settings.ends.last_rule) = (init.first, init.last);
        Ok(start)
    }
}
