//! Examples at the end of every command's `--help`.

/// A command by its words, and its examples: a call, and what comes of it.
type Of = (&'static str, &'static [(&'static str, &'static str)]);

const EXAMPLES: &[Of] = &[
    (
        "",
        &[
            ("initlab new mlp -o net.toml", "Writes a config with comments to begin with."),
            ("initlab train net.toml", "Trains it, and records every layer in runs/net-seed0."),
            ("initlab compare configs/lesson8.toml", "Seven starts over five seeds: which converges sooner?"),
        ],
    ),
    (
        "train",
        &[
            ("initlab train configs/lesson_cnn.toml", "Trains the lesson's CNN; report.html shows every layer."),
            ("initlab train configs/deep_mlp.toml --init xavier --epochs 1", "The same net from another start."),
            ("initlab train net.toml --activation \"relu - 0.5\" --set train.clip_norm=1", "Any key by its path."),
            ("initlab train configs/smoke.toml --out runs/mine --resume", "Goes on where that run was interrupted."),
        ],
    ),
    (
        "compare",
        &[
            ("initlab compare configs/lesson8.toml --dry-run", "Says what would run, and for how long."),
            ("initlab compare configs/lesson8.toml", "Runs what is missing, and compares."),
            (
                "initlab compare configs/lesson8.toml --set seeds=10 --set set.train.epochs=1",
                "More seeds, shorter runs.",
            ),
        ],
    ),
    (
        "submit",
        &[
            (
                "initlab submit configs/answer/mlp.toml --out studies/mlp --dry-run",
                "Prints the script of the job array.",
            ),
            (
                "initlab submit configs/answer/mlp.toml --out studies/mlp -- --account=ours",
                "Submits it; sbatch has the flag.",
            ),
        ],
    ),
    ("status", &[("initlab status studies/mlp", "Runs that are done, running, missing and failed.")]),
    (
        "new",
        &[
            ("initlab new mlp -o net.toml", "A config of fully connected layers."),
            ("initlab new study -o study.toml", "Three starts that are compared; `initlab compare` takes it."),
        ],
    ),
    (
        "lr-find",
        &[
            ("initlab lr-find configs/lesson_cnn.toml", "The loss against a growing rate, and a rate to train with."),
            ("initlab lr-find configs/smoke.toml --low 1e-3 --high 1", "A narrower range."),
        ],
    ),
    (
        "init",
        &[("initlab init configs/smoke.toml -o start.safetensors --seed 7", "The weights that seed 7 starts from.")],
    ),
    (
        "model",
        &[
            ("initlab model configs/lesson_cnn.toml", "Its layers, shapes, parameters and their std."),
            ("initlab model configs/deep_mlp.toml --set model.depth=50", "The same of a deeper net."),
        ],
    ),
    (
        "probe",
        &[
            ("initlab probe configs/deep_mlp.toml", "Signal and gradient of each layer, measured and predicted."),
            ("initlab probe configs/answer/mlp.toml --seeds 2", "A line for every start of a study."),
        ],
    ),
    (
        "width",
        &[
            ("initlab width configs/smoke.toml", "Exponents of the width from 64 to 2048, and what they mean."),
            (
                "initlab width net.toml --set init.parametrisation=mup --set init.base_width=10",
                "The same under maximal update parametrisation.",
            ),
            (
                "initlab width configs/smoke.toml --widths 100,200,400,800 --chart width.svg",
                "Other widths, and a chart.",
            ),
        ],
    ),
    (
        "report",
        &[
            ("initlab report runs/net-seed0", "Draws report.html anew."),
            ("initlab report runs/net-seed0 runs/net-seed1 --out both.html", "Two runs side by side."),
        ],
    ),
    (
        "theory",
        &[
            ("initlab theory relu", "Moments, gains, and the start as lines for a config."),
            ("initlab theory \"relu - 0.5\" --variance-w 2 --depth 30", "The lesson's shifted ReLU over 30 layers."),
            ("initlab theory leaky_relu:leak=0.1 --json", "The same as one JSON object."),
        ],
    ),
    ("lesson8", &[("initlab lesson8", "What the lesson's notebooks print, over many seeds, beside theory.")]),
    (
        "papers",
        &[
            ("initlab papers", "The results that take seconds: dying ReLUs, the exact law of a length."),
            ("initlab papers --only trainability", "One of them, whatever it takes."),
        ],
    ),
    (
        "data",
        &[
            ("initlab data fetch mnist", "Downloads MNIST into data/mnist."),
            ("initlab data info --dataset digits", "What the built-in digits are."),
        ],
    ),
    ("data info", &[("initlab data info --dataset mnist --json", "Images, classes, sums of the files.")]),
    (
        "data fetch",
        &[
            ("initlab data fetch fashion-mnist", "Into data/fashion-mnist."),
            ("initlab data fetch digits --out digits", "The built-in digits as four files."),
        ],
    ),
    ("data verify", &[("initlab data verify --dataset mnist --data data/mnist", "Are these the published files?")]),
    (
        "config",
        &[("initlab config train", "The keys of [train]."), ("initlab config study", "The keys of a study file.")],
    ),
    (
        "completions",
        &[
            ("initlab completions bash > ~/.local/share/bash-completion/completions/initlab", "For bash."),
            ("initlab completions fish > ~/.config/fish/completions/initlab.fish", "For fish."),
            ("initlab completions zsh > ~/.zfunc/_initlab", "For zsh, with ~/.zfunc in its fpath."),
        ],
    ),
    (
        "man",
        &[
            ("initlab man --out ~/.local/share/man/man1", "A page for each command: `man initlab-train`."),
            ("initlab man | man -l -", "The page of the whole, at once."),
        ],
    ),
];

/// The examples of the command whose words are `words`: `data fetch`; empty for the whole.
pub(crate) fn of(words: &str) -> String {
    let own = EXAMPLES.iter().find(|(command, _)| *command == words).map_or(&[][..], |(_, examples)| examples);
    let lines: String = own.iter().map(|(call, what)| format!("  {call}\n      {what}\n")).collect();
    format!("EXAMPLES\n{}", lines.trim_end())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::{Command, CommandFactory, Parser};

    use super::*;
    use crate::cli::Cli;

    /// Every command with its words.
    fn commands(command: &Command, words: &str) -> Vec<(String, Command)> {
        let mut all = vec![(words.to_owned(), command.clone())];
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            all.extend(commands(below, format!("{words} {}", below.get_name()).trim()));
        }
        all
    }

    #[test]
    fn every_help_ends_with_examples_and_the_short_one_does_not() {
        // Of one width, whatever COLUMNS says.
        let all = commands(&Cli::command().term_width(100), "");
        assert!(all.len() > 15);
        for (words, mut command) in all {
            let (long, short) = (command.render_long_help().to_string(), command.render_help().to_string());
            assert!(EXAMPLES.iter().any(|(of, _)| *of == words), "{words}");
            assert!(long.trim_end().ends_with(&of(&words)) && !short.contains("EXAMPLES"), "{words}: {long}");
        }
    }

    #[test]
    fn every_example_is_a_call_that_is_understood_and_fits_a_terminal() {
        for (words, examples) in EXAMPLES {
            assert!(of(words).lines().all(|line| line.chars().count() <= 80), "{words}");
            for (call, _) in *examples {
                let call = call.split([';', '|', '>']).next().unwrap().trim();
                // What is in quotes is one word.
                let parts = call
                    .split('"')
                    .enumerate()
                    .flat_map(|(at, part)| if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() });
                let parts: Vec<&str> = parts.collect();
                Cli::try_parse_from(&parts).unwrap_or_else(|error| panic!("{call}: {error}"));
                assert!(words.is_empty() || parts[1..].join(" ").starts_with(words), "{words}: {call}");
                for file in parts.iter().filter(|part| part.starts_with("configs/")) {
                    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).is_file(), "{file}");
                }
            }
        }
    }
}
