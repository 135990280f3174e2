//! Configs in which μP has no meaning.

use thiserror::Error;

use crate::config::init::InitConfig;
use crate::config::model::ModelConfig;
use crate::config::parametrisation::NotWhole;
use crate::optim::{KINDS, Optimizer, Steps};
use crate::spelling::any_of;

/// A parametrisation that does not go with the rest of a config.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Unfit {
    /// The base network has layers of broken widths.
    #[error("init.base_width {0}")]
    Width(#[from] NotWhole),
    /// There is no width to speak of.
    #[error(
        "init.parametrisation: mup scales by the width of hidden layers, and there is none; add one, or leave it out"
    )]
    NoHidden,
    /// A key has no meaning under μP.
    #[error("init.parametrisation: mup {why}; {advice}")]
    Key {
        /// Reason why.
        why: &'static str,
        /// Remedy.
        advice: &'static str,
    },
    /// The learning rates of the optimiser's steps do not follow the width as μP has it.
    #[error(
        "init.parametrisation: mup has no rates for {found}, whose steps have a length of their own; take {others}"
    )]
    Steps {
        /// Name of the optimiser.
        found: &'static str,
        /// Names of those that have rates.
        others: String,
    },
}

/// True if μP says how the optimiser's learning rates follow the width.
fn has_rates(optimizer: &Optimizer) -> bool {
    match optimizer.rule().steps() {
        Steps::Proportional | Steps::Normalised => true,
        Steps::Orthogonal => false,
    }
}

/// Checks that μP, if `init` asks for it, has a meaning for network and optimiser.
///
/// # Errors
/// It has none; says why.
pub fn check(model: &ModelConfig, init: &InitConfig, optimizer: &Optimizer) -> Result<(), Unfit> {
    let Some(base) = init.base() else { return Ok(()) };
    if model.widest() == 0 {
        return Err(Unfit::NoHidden);
    }
    model.of_width(base)?;
    let unfit = |why, advice| Err(Unfit::Key { why, advice });
    if init.lsuv.is_some() {
        return unfit(
            "sets the scale of every layer, and init.lsuv would set it again from data",
            "leave one of the two out",
        );
    }
    if !has_rates(optimizer) {
        let others: Vec<_> = KINDS.iter().filter(|kind| has_rates(&kind.usual())).map(|kind| kind.name).collect();
        return Err(Unfit::Steps { found: optimizer.kind().name, others: any_of(&others) });
    }
    if optimizer.rule().weight_decay() > 0.0 {
        return unfit(
            "gives each layer a learning rate of its own, and with it a weight decay that changes with the width",
            "set optimizer.weight_decay = 0",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Experiment;
    use crate::config::model::Body;

    fn parsed(text: &str) -> Result<Experiment, String> {
        let text = format!("{text}\ntrain.steps = 1");
        Experiment::parse("mup.toml", &text, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn widths_change_in_proportion() {
        let cnn = "model = { kind = 'cnn', stages = [{ channels = 8 }, { channels = 16 }], hidden = [4] }\noptimizer.lr = 0.1";
        let model = parsed(cnn).unwrap().model;
        let Body::Cnn { stages, hidden, .. } = model.of_width(64).unwrap().body else { panic!("{model:?}") };
        assert_eq!((stages[0].channels, stages[1].channels, &hidden[..]), (32, 64, &[16][..]));
        assert_eq!(model.of_width(4).unwrap().of_width(16).unwrap(), model);
        let error = model.of_width(6).unwrap_err();
        assert_eq!((error.layer, error.scaled, error.widest), (4, 1.5, 16));
    }

    #[test]
    fn what_has_no_meaning_under_mup_is_refused() {
        const MLP: &str =
            "model = { kind = 'mlp', widths = [40, 20] }\ninit = { parametrisation = 'mup', base_width = 10 }";
        assert!(parsed(&format!("{MLP}\noptimizer.lr = 0.1")).is_ok());
        for (text, part) in [
            (MLP.replace("10", "3") + "\noptimizer.lr = 0.1", "20 units to 1.5"),
            (MLP.replace(", base_width = 10", "") + "\noptimizer.lr = 0.1", "base_width"),
            (MLP.replace("parametrisation = 'mup', ", "") + "\noptimizer.lr = 0.1", "parametrisation"),
            (MLP.replace("[40, 20]", "[]") + "\noptimizer.lr = 0.1", "hidden layers"),
            (MLP.replace("base_width = 10", "base_width = 10, lsuv = true") + "\noptimizer.lr = 0.1", "lsuv"),
            (
                format!("{MLP}\noptimizer = {{ kind = 'muon', lr = 0.1 }}"),
                "mup has no rates for muon, whose steps have a length of their own; take sgd, adam, adamw, rmsprop or lion",
            ),
            (format!("{MLP}\noptimizer = {{ kind = 'adamw', lr = 0.1 }}"), "weight_decay = 0"),
            (format!("{MLP}\noptimizer = {{ lr = 0.1, weight_decay = 0.1 }}"), "weight_decay = 0"),
        ] {
            let error = parsed(&text).err().unwrap_or_else(|| panic!("{text} was taken"));
            let words = error.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_config_says_what_it_was_made_from() {
        let text = "model = { kind = 'mlp', widths = [40, 20] }\ninit = { parametrisation = 'mup', base_width = 10 }\noptimizer.lr = 0.1";
        let experiment = parsed(text).unwrap();
        assert_eq!(Experiment::parse("again", &experiment.to_toml(), &[]).unwrap(), experiment);
        assert!(
            !parsed(&text.replace("parametrisation = 'mup', base_width = 10", "")).unwrap().to_toml().contains("param")
        );
    }
}
