//! `initlab report`: from finished, diverged, interrupted and running runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::compare::STUDY;
use super::{BATCH_NORM, CNN, MLP, Work, initlab};

fn report(arguments: &[&Path]) -> super::Ran {
    initlab(std::iter::once(Path::new("report")).chain(arguments.iter().copied()))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn train_leaves_a_report_unless_told_not_to() {
    let work = Work::new();
    work.config(CNN);
    assert_eq!(work.train("run", &[]).code, Some(0));
    let html = read(&work.path("run").join("report.html"));
    for part in
        ["Finished after 6 steps", "conv1", "The colourful dimension", "Loss and accuracy", "kind = &quot;cnn&quot;"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(work.train("bare", &["--no-report"]).code, Some(0));
    assert!(!work.path("bare").join("report.html").exists());
    let ran = report(&[&work.path("bare")]);
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), work.path("bare").join("report.html").to_str().unwrap()));
    assert!(read(&work.path("bare").join("report.html")) == html, "the same records give the same report");
}

#[test]
fn every_end_of_a_run_is_reported_as_it_was() {
    for (set, parts) in [
        (&["--set", "optimizer.lr=1e30"][..], &["Diverged at step", "is not finite", "never evaluated"][..]),
        (&["--set", "train.epochs=1", "--set", "train.batch_size=300"], &["Finished after 1 steps"]),
        (&["--set", "model.widths=[3]", "--set", "stats.every=0"], &["Finished after"]),
        (&["--set", "stats.histogram_every=0"], &["Finished after"]),
    ] {
        let work = Work::new();
        work.config(MLP);
        assert_eq!(work.train("run", set).code, Some(0), "{set:?}");
        let html = read(&work.path("run").join("report.html"));
        for part in parts {
            assert!(html.contains(part), "{set:?}: {part}");
        }
    }
}

#[test]
fn a_run_without_an_end_and_without_a_step_is_said_to_be_one() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &[]).code, Some(0));
    let (run, steps) = (work.path("run"), work.path("run").join("steps.csv"));
    fs::remove_file(run.join("run.json")).unwrap();
    let text = read(&steps);
    fs::write(&steps, &text[..text.len() - 9]).unwrap();
    assert_eq!(report(&[&run]).code, Some(0));
    let html = read(&run.join("report.html"));
    assert!(html.contains("has no run.json") && html.contains("last recorded step is 8"), "{}", &html[..3000]);
    for name in ["layers.csv", "epochs.csv", "histograms.safetensors", "config.toml"] {
        fs::remove_file(run.join(name)).unwrap();
    }
    fs::write(&steps, text.lines().next().unwrap().to_string() + "\n").unwrap();
    assert_eq!(report(&[&run]).code, Some(0));
    let html = read(&run.join("report.html"));
    assert!(html.contains("no step was taken yet") && html.contains("No step was recorded"), "{html}");
}

#[test]
fn names_from_a_config_are_text_in_the_report() {
    let work = Work::new();
    let name = format!("<script>alert(\"{}\")</script>\n🦀'&", "long".repeat(80));
    work.config(&format!("name = {}\n{MLP}", serde_json::Value::from(name.clone())));
    assert_eq!(work.train("run", &[]).code, Some(0));
    let html = read(&work.path("run").join("report.html"));
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains("&lt;script&gt;alert(&quot;longlong"));
}

#[test]
fn several_runs_share_a_page_and_charts_can_stand_alone() {
    let work = Work::new();
    work.config(MLP);
    for (out, seed) in [("one", "1"), ("two", "2")] {
        assert_eq!(work.train(out, &["--seed", seed, "--no-report"]).code, Some(0));
    }
    let (one, two, page, svg) = (work.path("one"), work.path("two"), work.path("both.html"), work.path("pictures"));
    let ran = report(&[&one, &two, Path::new("--out"), &page]);
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), page.to_str().unwrap()), "{ran:?}");
    let html = read(&page);
    for part in [
        "2 runs",
        "data-name=\"seed 1\"",
        "Training loss",
        "Test accuracy",
        "<h2>seed 2</h2>",
        "<td class=\"words\">two</td>",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let ran = report(&[&one, Path::new("--svg"), &svg]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!one.join("report.html").exists(), "pictures instead of the page");
    let paths: Vec<&str> = ran.stdout.lines().collect();
    assert!(paths.len() > 10 && paths[0].ends_with("01-loss.svg"), "{paths:?}");
    for path in paths {
        let text = read(Path::new(path));
        assert!(text.starts_with("<svg xmlns") && text.ends_with("</svg>"), "{path}");
    }
    let few = work.path("few");
    let ran = report(&[&one, &two, Path::new("--svg"), &few, Path::new("--only"), Path::new("loss,act_std")]);
    let names: Vec<&str> = ran.stdout.lines().filter_map(|path| path.rsplit('/').next()).collect();
    let wanted = |name: &&str| name.contains("loss") || name.contains("standard-deviation-of-the-activations");
    assert!(names.len() > 4 && names.iter().all(wanted), "{names:?}");
    // The same picture of several runs and layers has a name for each.
    for part in ["layer-linear1-standard-deviation", "seed-2-standard-deviation"] {
        assert!(names.iter().any(|name| name.contains(part)), "{part}: {names:?}");
    }
    let ran = report(&[&one, Path::new("--svg"), &few, Path::new("--only"), Path::new("lossy")]);
    assert!(ran.code == Some(2) && ran.message().contains("`Learning rate`"), "{ran:?}");
}

#[test]
fn nets_of_different_make_are_laid_over_one_another_by_the_names_of_their_layers() {
    let work = Work::new();
    for (out, net, more) in
        [("plain", MLP, &[][..]), ("deep", MLP, &["--set", "model.widths=[9, 9, 9]"]), ("normed", BATCH_NORM, &[])]
    {
        work.config(net);
        assert_eq!(work.train(out, &[&["--no-report"], more].concat()).code, Some(0));
    }
    let page = work.path("all.html");
    let dirs = ["plain", "deep", "normed"].map(|out| work.path(out));
    let ran = report(&[&dirs[0], &dirs[1], &dirs[2], Path::new("--out"), &page]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let html = read(&page);
    for part in ["3 × 9", "<div class=\"option\" data-name=\"linear1\">", "<h3>Step 0</h3>", "batch_norm1"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.matches("class=\"choice\"").count() == 1, "one choice of layer");
}

#[test]
fn a_study_over_two_axes_has_the_curves_of_a_point_that_is_chosen() {
    let work = Work::new();
    let axis = |path: &str, values: &str| format!("[[grid]]\nname = '{path}'\npath = '{path}'\nvalues = {values}\n");
    let axes = axis("train.clip_norm", "[0.01, 0.1, 1.0]") + &axis("train.batch_size", "[60, 100]");
    let arms = "[[arms]]\nname = 'kaiming'\n[[arms]]\nname = 'xavier'\nset.init.preset = 'xavier'\n";
    work.study(&format!("base = 'net.toml'\nseeds = 1\ntargets = [{{ test_accuracy = 0.9 }}]\n{axes}{arms}"));
    assert_eq!(work.compare("study", &["--set", "set.train.epochs=1"]).code, Some(0));
    let html = read(&work.path("study").join("report.html"));
    assert_eq!(html.matches("<div class=\"option\" data-name=\"train.clip_norm = ").count(), 6);
    // Both maps have the same scale of colours.
    let scales: Vec<&str> = html.split("data-v=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(scales.len() == 2 && scales[0] == scales[1], "{scales:?}");
}

#[test]
fn what_cannot_be_reported_on_is_an_error_with_a_way_out() {
    let work = Work::new();
    fs::create_dir(work.path("empty")).unwrap();
    for (dir, code, parts) in
        [("empty", 1, ["nothing to report on", "run.json"]), ("absent", 1, ["nothing to report on", "initlab train"])]
    {
        let ran = report(&[&work.path(dir)]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(parts.iter().all(|part| ran.message().contains(part)) && ran.stdout.is_empty(), "{ran:?}");
    }
    assert_eq!(report(&[]).code, Some(2));
    work.config(MLP);
    assert_eq!(work.train("run", &[]).code, Some(0));
    fs::write(work.path("run").join("layers.csv"), "a,b\n").unwrap();
    fs::remove_file(work.path("run").join("run.json")).unwrap();
    let ran = report(&[&work.path("run")]);
    assert!(
        ran.code == Some(1) && ran.message().contains("layers.csv") && ran.message().contains("other columns"),
        "{ran:?}"
    );
}

#[test]
fn a_study_puts_its_verdict_first_and_shows_what_it_rests_on() {
    let work = Work::new();
    work.study(STUDY);
    assert_eq!(work.compare("study", &[]).code, Some(0));
    let path = work.path("study").join("report.html");
    let html = read(&path);
    let parts = [
        "<h2>Verdict</h2>",
        "xavier, small",
        "too fast",
        "3 of 3",
        "Curves, widths = ",
        "Training loss",
        "Time to test accuracy 90 %",
        "Test accuracy at the end, seed by seed",
        "Mean of the activations by layer",
        "Standard deviation of the gradients by layer",
        "too fast differs in: name = &quot;too fast&quot;",
    ];
    for part in parts {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.contains("class=\"line cross\""), "a cross where a run diverged");
    fs::remove_file(&path).unwrap();
    assert_eq!(report(&[&work.path("study")]).code, Some(0));
    assert!(read(&path) == html, "the same records give the same report");
    let ran = report(&[&work.path("study"), &work.path("study")]);
    assert!(ran.code == Some(1) && ran.message().contains("only runs can be laid side by side"), "{ran:?}");
    assert_eq!(work.compare("bare", &["--no-report"]).code, Some(0));
    assert!(!work.path("bare").join("report.html").exists());
}

#[test]
fn a_grid_of_numbers_becomes_a_curve_or_a_map() {
    let grid = |axes: &str| {
        let arms = "[[arms]]\nname = 'kaiming'\n[[arms]]\nname = '<b>xavier</b>'\nset.init.preset = 'xavier'\n";
        format!(
            "base = 'net.toml'\nseeds = 2\nbaseline = 'kaiming'\ntargets = [{{ test_accuracy = 0.9 }}]\n{axes}{arms}"
        )
    };
    let axis = |path: &str, values: &str| format!("[[grid]]\nname = '{path}'\npath = '{path}'\nvalues = {values}\n");
    let clips = axis("train.clip_norm", "[0.01, 0.1, 1.0]");
    let sizes = axis("train.batch_size", "[30, 60, 100]");
    for (axes, part) in [(clips.clone(), "Over the grid"), (clips + &sizes, "Trainability: &lt;b&gt;xavier")] {
        let work = Work::new();
        work.study(&grid(&axes));
        let ran = work.compare("study", &[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let html = read(&work.path("study").join("report.html"));
        assert!(html.contains(part) && !html.contains("<b>"), "{part}");
    }
}

#[test]
fn a_map_has_the_predicted_depth_laid_over_it_where_theory_has_one() {
    let depths = "[[grid]]\nname = 'depth'\ncases = [{ name = '2', set.model.widths = [12, 12] }, { name = '8', set.model.widths = \
                  [12, 12, 12, 12, 12, 12, 12, 12] }]\n";
    let gains = "[[grid]]\nname = 'gain'\ncases = [{ name = 'small', set.init.weight.gain = 0.8 }, { name = 'critical', \
                 set.init.weight.gain = 1.4142135623730951 }]\n";
    let sizes = "[[grid]]\nname = 'batch'\npath = 'train.batch_size'\nvalues = [60, 100]\n";
    let line = "predicted trainable depth";
    for (first, second, drawn) in [(depths, gains, 1), (gains, depths, 1), (sizes, gains, 0)] {
        let work = Work::new();
        work.study(&format!(
            "base = 'net.toml'\nseeds = 1\ntargets = [{{ test_accuracy = 0.9 }}]\nset = {{ train.epochs = 1, model.widths = [12, 12], init.weight = {{ kind = \
             'kaiming_normal' }} }}\n{first}{second}[[arms]]\nname = 'plain'\n[[arms]]\nname = 'normed'\nset.model.norm = 'batch'\n"
        ));
        let ran = work.compare("study", &["--threads", "1"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let html = read(&work.path("study").join("report.html"));
        // A key on the map, and the head of a table.
        assert_eq!(html.matches(line).count(), 2 * drawn, "{first}{second}");
        assert!(html.contains("mean field theory&#39;s is for plain MLPs"), "the arm with batch norm has none");
        assert_eq!(html.contains("neither axis is the depth"), drawn == 0);
        if drawn == 1 {
            // A ReLU net whose σ_w² is 0.64: 1 + ln(3e-7) / ln(0.32).
            let row =
                |name: &str, value: &str| format!("<th scope=\"row\" class=\"words\">{name}</th><td>{value}</td>");
            assert!(html.contains(&row("small", "14.18")), "{first}");
        }
    }
}

#[test]
fn learning_rates_that_were_tried_are_curves_with_the_best_marked() {
    for (rates, images) in [
        ("{ tune = { low = 0.001, high = 0.1, points = 3 } }", "training images kept back for validation"),
        ("[0.001, 0.01, 0.1]", "test images"),
    ] {
        let work = Work::new();
        work.study(&format!(
            "base = 'net.toml'\nseeds = 1\nlearning_rate = {rates}\ntargets = [{{ test_accuracy = 0.5 }}]\n[[arms]]\nname = 'kaiming'\n\
             [[arms]]\nname = 'dead'\nset.init.weight = {{ kind = 'zeros' }}\n"
        ));
        let ran = work.compare("study", &["--threads", "1"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let html = read(&work.path("study").join("report.html"));
        let parts =
            ["<h2>Learning rates</h2>", "Steps to test accuracy 50 %, by learning rate", "1 of 3, the lowest", images];
        for part in parts {
            assert!(html.contains(part), "{rates}: {part}");
        }
        // On each of two charts one ring for each arm: those of the arm that learns nothing are doubtful.
        let rings = html.matches("d=\"M-8,0A8,8").count();
        let dashed = html.matches("0Z\" stroke-dasharray=\"3 2.6\"").count();
        assert!(rings == 4 && dashed >= 2, "{rates}: {rings} rings, {dashed} dashed");
    }
}

#[test]
fn a_probe_is_drawn_beside_its_prediction() {
    let work = Work::new();
    work.config(&format!("name = '<i>net</i>'\n{MLP}"));
    let (config, out) = (work.path("net.toml"), work.path("probe"));
    let probe = |more: &[&str]| {
        let own = ["probe", config.to_str().unwrap(), "--seeds", "2", "--pairs", "8", "--out", out.to_str().unwrap()];
        initlab(own.iter().chain(more))
    };
    let ran = probe(&[]);
    assert!(ran.code == Some(0) && ran.stdout.contains("by depth"), "{ran:?}");
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    let html = read(&out.join("report.html"));
    for part in ["Verdict", "Second moment of the pre-activations", "predicted", "measured", "Gradient ratio", "E[z²]"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<i>"));
    fs::remove_file(out.join("report.html")).unwrap();
    assert_eq!(report(&[&out]).code, Some(0));
    assert!(read(&out.join("report.html")) == html, "the same numbers give the same report");
    let chart = probe(&["--ascii"]).stdout;
    assert!(chart.lines().take_while(|line| !line.is_empty()).all(str::is_ascii), "{chart}");
}

/// A run's charts as files in `OUT`, with fontconfig's settings in place of the system's, if any.
fn pictures(work: &Work, ending: &str, out: &str, fonts: Option<&str>) -> super::Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
    command.arg("report").arg(work.path("run")).arg(format!("--{ending}")).arg(work.path(out));
    if let Some(fonts) = fonts {
        let path = work.path("fonts.conf");
        fs::write(&path, format!("<?xml version='1.0'?><fontconfig>{fonts}</fontconfig>")).unwrap();
        command.env("FONTCONFIG_FILE", path);
    }
    command.output().unwrap().into()
}

#[cfg(feature = "png")]
#[test]
fn charts_become_png_files_with_their_text() {
    use super::files_of;
    use resvg::tiny_skia::Pixmap;

    let work = Work::new();
    work.config(CNN);
    assert_eq!(work.train("run", &["--no-report"]).code, Some(0));
    let ran = pictures(&work, "png", "png", None);
    if ran.code == Some(1) && ran.message().contains("no font was found") {
        eprintln!("skipped: no fonts here");
        return;
    }
    assert_eq!((ran.code, pictures(&work, "svg", "svg", None).code), (Some(0), Some(0)), "{ran:?}");
    let (pngs, svgs) = (files_of(&work.path("png")), files_of(&work.path("svg")));
    assert!(pngs.len() == svgs.len() && pngs.len() > 10, "{} {}", pngs.len(), svgs.len());
    for ((name, png), svg) in pngs.iter().zip(svgs.values()) {
        let drawn = Pixmap::decode_png(png).unwrap();
        let (width, height) = (drawn.width(), drawn.height());
        let svg = String::from_utf8(svg.clone()).unwrap();
        assert!(
            svg.contains(&format!("width=\"{}\" height=\"{}\"", width / 2, height / 2)),
            "{name}: {width} {height}"
        );
        // Pixels of the text's colour: in the title, and in the labels below the plot.
        let ink = |from: u32, to: u32| {
            let all = (from..to).flat_map(|y| (0..width).map(move |x| (x, y)));
            let dark = |&(x, y): &(u32, u32)| drawn.pixel(x, y).is_some_and(|p| p.red() < 90 && p.blue() < 110);
            all.filter(dark).count()
        };
        assert!(ink(0, 50) > 150, "{name}: {} pixels of a title", ink(0, 50));
        assert!(ink(height - 90, height) > 100, "{name}: {} pixels of labels", ink(height - 90, height));
    }
    assert_eq!(pictures(&work, "png", "again", None).code, Some(0));
    assert!(files_of(&work.path("again")) == pngs, "the same records give the same pictures");
}

#[cfg(all(feature = "png", target_os = "linux"))]
#[test]
fn a_system_without_fonts_is_told_so_and_gets_no_pictures_without_text() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &["--no-report"]).code, Some(0));
    let none = format!("<dir>{}</dir>", work.path("none").display());
    let ran = pictures(&work, "png", "png", Some(&none));
    assert!(
        ran.code == Some(1) && ran.message().contains("no font was found") && ran.message().contains("--svg"),
        "{ran:?}"
    );
    assert!(!work.path("png").exists());
}

#[cfg(not(feature = "png"))]
#[test]
fn a_build_without_pictures_says_how_to_get_them() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &["--no-report"]).code, Some(0));
    let ran = pictures(&work, "png", "png", None);
    assert!(ran.code == Some(1) && ran.message().contains("--features png") && !work.path("png").exists(), "{ran:?}");
}
