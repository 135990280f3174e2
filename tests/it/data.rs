//! Data sets on disk: the real MNIST where it is at hand, and directories with each kind of mistake.

use crate::cli::unfolded;
use std::fs;
use std::path::{Path, PathBuf};

use initlab::data::files::{self, Classes};
use initlab::data::form::Form;
use initlab::data::locate::NAMES;
use initlab::data::{
    Choice, DataError, Images, Known, Loaded, Part, Places, Prepared, Request, SIDE, Split, Verdict, idx, load,
};

/// The directory of the real MNIST; a test that needs it says when it is skipped.
pub fn mnist() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/mnist");
    let found = std::env::var_os("INITLAB_MNIST").map(PathBuf::from).or(Some(beside).filter(|path| path.is_dir()));
    if found.is_none() {
        eprintln!("skipped: no MNIST (set INITLAB_MNIST to a directory with its four files)");
    }
    found
}

/// A request that looks in no place of this machine and never downloads.
fn request(choice: Choice) -> Request {
    let nowhere = std::env::temp_dir().join("initlab-there-is-no-such-directory");
    let places = Places { named: Vec::new(), root: nowhere };
    Request { choice, data_dir: None, places, allow_download: false, digits_seed: 0 }
}

fn load_mnist(directory: &Path) -> Result<Loaded, DataError> {
    load(&Request { data_dir: Some(directory.into()), ..request(Choice::Known(Known::MNIST)) })
}

#[test]
fn the_real_mnist_is_recognised_by_its_sums_and_starts_with_5_0_4_1_9() {
    let Some(directory) = mnist() else { return };
    let loaded = load_mnist(&directory).unwrap();
    let data = &loaded.dataset;
    assert_eq!((data.name.as_str(), data.classes), ("mnist", 10));
    assert_eq!(data.sha256, "474311efcf1fd213e64768801dc6195673bffb8385179d6c55cd8748b9e2e8ca");
    assert_eq!((data.train.len(), data.test.len(), data.train.rows, data.train.cols), (60_000, 10_000, 28, 28));
    assert_eq!(data.train.labels[..5], [5, 0, 4, 1, 9]);
    assert_eq!(data.test.labels[..5], [7, 2, 1, 0, 4]);
    assert!(loaded.notice.is_none());
}

#[test]
fn the_usual_and_the_lesson_split_have_the_published_moments() {
    let Some(directory) = mnist() else { return };
    let dataset = std::sync::Arc::new(load_mnist(&directory).unwrap().dataset);
    let round = |x: f64| format!("{x:.4}");
    let usual = Prepared::new(dataset.clone(), Split::Usual).unwrap().normalization()[0];
    assert_eq!((round(usual.mean), round(usual.std)), ("0.1307".into(), "0.3081".into()));

    let lesson = Prepared::new(dataset, Split::Lesson).unwrap();
    let n = lesson.normalization()[0];
    assert_eq!((round(n.mean), round(n.std)), ("0.1304".into(), "0.3073".into()));
    let mut valid = vec![0f64; lesson.len(Part::Test) * lesson.values_per_image()];
    let all: Vec<u32> = (0..lesson.len(Part::Test) as u32).collect();
    lesson.gather_f64(Part::Test, &all, &mut valid);
    let mean = valid.iter().sum::<f64>() / valid.len() as f64;
    let std = (valid.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (valid.len() - 1) as f64).sqrt();
    assert_eq!((round(mean), round(std)), ("-0.0059".into(), "0.9924".into()));
}

#[test]
fn plain_and_dotted_names_give_the_same_data_as_compressed_ones() {
    let Some(directory) = mnist() else { return };
    let packed = load_mnist(&directory).unwrap().dataset;
    let work = tempfile::tempdir().unwrap();
    let plain = work.path().join("unpacked/mnist");
    files::write(&plain, &packed.train, &packed.test).unwrap();
    for name in NAMES {
        fs::rename(plain.join(name), plain.join(name.replacen("-idx", ".idx", 1))).unwrap();
    }
    let unpacked = load_mnist(&plain).unwrap().dataset;
    assert_eq!((unpacked.sha256, unpacked.train), (packed.sha256, packed.train));
}

/// Twelve training and six test images of 2×2 pixels and three classes.
fn small() -> (Images, Images) {
    let images = |n: usize| Images {
        pixels: (0..4 * n).map(|i| (i * 5 % 256) as u8).collect(),
        labels: (0..n).map(|i| (i % 3) as u8).collect(),
        channels: 1,
        rows: 2,
        cols: 2,
    };
    (images(12), images(6))
}

fn idx_bytes(shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    [&idx::header(shape), bytes].concat()
}

#[test]
fn a_directory_of_four_files_is_a_data_set_of_its_name() {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("letters");
    let (train, test) = small();
    files::write(&directory, &train, &test).unwrap();
    let loaded = load(&request(Choice::Directory(directory))).unwrap();
    assert_eq!((loaded.dataset.name.as_str(), loaded.dataset.classes), ("letters", 3));
    let sums = files::sums_of(&train, &test);
    assert_eq!(loaded.dataset.sha256, files::combined_sha256(sums.each_ref().map(String::as_str)));
    assert_eq!((loaded.dataset.train, loaded.dataset.test), (train, test));
}

#[test]
fn each_mistake_in_a_directory_is_an_error_that_names_file_field_and_next_step() {
    let [images, labels, train_images, train_labels] = NAMES;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = gzip(&[idx_bytes(&[12, 2, 2], &[0; 48]), vec![0; 1 << 26]].concat());
    let mut stray = small().0.labels;
    stray[7] = 200;
    #[rustfmt::skip]
    let cases: [(&str, &str, Vec<u8>, &[&str]); 14] = [
        ("empty", train_images, vec![], &["size: found an empty file", "get the file again"]),
        ("truncated", train_images, idx_bytes(&[12, 2, 2], &[0; 47]), &["data: found 47 bytes (truncated), expected 48 bytes"]),
        ("trailing bytes", labels, idx_bytes(&[6], &[0; 7]), &["data: found trailing bytes", "expected 6 bytes"]),
        ("oversized", train_images, idx_bytes(&[u32::MAX as usize, 2, 2], &[0; 8]), &["image count: found 4294967295", "expected at most 1073741824 bytes"]),
        ("gzip bomb", train_images, bomb, &["data: found trailing bytes", "expected 48 bytes"]),
        ("wrong magic", train_labels, b"\x89PNG\r\n".to_vec(), &["magic number: found 0x89504e47, expected 0x00000801 (labels)", "no IDX file"]),
        ("swapped", images, idx_bytes(&[6], &[0; 6]), &["magic number: found 0x00000801 (labels)", "are swapped"]),
        ("counts differ", train_labels, idx_bytes(&[11], &[0; 11]), &["label count: found 11, expected 12, one for each image of", train_images]),
        ("test size differs", images, idx_bytes(&[6, 3, 1], &[0; 18]), &["image size: found 3x1 pixels, expected 2x2 pixels"]),
        ("mislabelled", train_labels, idx_bytes(&[12], &stray), &["label: found 200 at index 7, expected 0 to 2, the training labels without a gap"]),
        ("unknown test label", labels, idx_bytes(&[6], &[0, 1, 2, 3, 0, 1]), &["label: found 3 at index 3, expected 0 to 2"]),
        ("web page", train_images, b"<!DOCTYPE html>".to_vec(), &["this is a web page, not the file that it leads to"]),
        ("gzip and more", train_images, [gzip(&idx_bytes(&[12, 2, 2], &[0; 48])), b"more".to_vec()].concat(), &["gzip stream: found bytes after its end", "cut them off"]),
        ("not gzip after all", train_images, b"\x1f\x8b\x08\x00rest".to_vec(), &["found", "expected"]),
    ];
    for (mistake, name, bytes, parts) in cases {
        let work = tempfile::tempdir().unwrap();
        let directory = work.path().join("set");
        let (train, test) = small();
        files::write(&directory, &train, &test).unwrap();
        fs::write(directory.join(name), bytes).unwrap();
        let error = load(&request(Choice::Directory(directory.clone()))).expect_err(mistake).to_string();
        assert!(error.starts_with(&*directory.join(name).to_string_lossy()), "{mistake}: {error}");
        parts.iter().for_each(|part| assert!(error.contains(part), "{mistake}: {error}"));
    }
}

#[test]
fn labels_of_ten_and_more_are_refused_in_a_known_set() {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("mnist");
    let (mut train, test) = small();
    train.labels[3] = 10;
    files::write(&directory, &train, &test).unwrap();
    let error = files::read(&directory, "mnist", Classes::Exactly(10), Form::MNIST).unwrap_err().to_string();
    assert!(error.contains("label: found 10 at index 3, expected 0 to 9"), "{error}");
}

#[test]
fn another_set_never_passes_as_mnist() {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("mnist");
    let (train, test) = small();
    files::write(&directory, &train, &test).unwrap();
    for choice in [Choice::Auto, Choice::Known(Known::MNIST)] {
        let error = load(&Request { data_dir: Some(directory.clone()), ..request(choice) }).unwrap_err().to_string();
        assert!(error.contains("SHA-256: found") && error.contains("pass its directory as --dataset"), "{error}");
    }
    let fashion = Request { data_dir: Some(directory), ..request(Choice::Known(Known::FASHION_MNIST)) };
    let error = load(&fashion).unwrap_err().to_string();
    assert!(error.contains("content: found 12+6 images of 2x2"), "{error}");
}

#[test]
fn a_place_that_the_user_names_is_never_passed_over() {
    let empty = tempfile::tempdir().unwrap();
    let named = Request { data_dir: Some(empty.path().into()), ..request(Choice::Auto) };
    assert!(matches!(load(&named), Err(DataError::Missing { missing, .. }) if missing.len() == 4));
    let mut by_environment = request(Choice::Auto);
    by_environment.places.named.push((Known::MNIST, empty.path().join("gone")));
    assert!(matches!(load(&by_environment), Err(DataError::Missing { found: "no such directory", .. })));
    let mut kept = request(Choice::Auto);
    kept.places.root = empty.path().into();
    fs::create_dir(empty.path().join("mnist")).unwrap();
    fs::write(empty.path().join("mnist").join(NAMES[1]), []).unwrap();
    assert!(matches!(load(&kept), Err(DataError::Missing { missing, .. }) if missing.len() == 3));
}

#[test]
fn an_absent_set_is_an_error_that_says_how_to_get_it() {
    for known in Known::all() {
        let error = load(&request(Choice::Known(known))).unwrap_err().to_string();
        for part in [known.variable, "--data", "https://", known.name] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn data_beside_a_set_that_needs_none_is_a_contradiction() {
    for choice in [Choice::Digits, Choice::Directory("somewhere".into())] {
        let error = load(&Request { data_dir: Some("here".into()), ..request(choice) }).unwrap_err();
        assert!(matches!(error, DataError::Contradiction(_)), "{error}");
    }
}

#[test]
fn files_are_written_into_a_new_or_empty_directory_or_not_at_all() {
    let work = tempfile::tempdir().unwrap();
    let (train, test) = small();
    let taken = work.path().join("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("note"), "mine").unwrap();
    assert!(files::write(&taken, &train, &test).unwrap_err().to_string().contains("must be empty"));
    assert_eq!(fs::read_dir(&taken).unwrap().count(), 1);
    let empty = work.path().join("empty");
    fs::create_dir(&empty).unwrap();
    files::write(&empty, &train, &test).unwrap();
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 4);
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 2, "a temporary directory was left");
}

#[test]
fn without_mnist_the_default_is_the_digits_with_a_notice_that_says_so() {
    let loaded = load(&request(Choice::Auto)).unwrap();
    assert_eq!((loaded.dataset.name.as_str(), loaded.dataset.train.len()), ("digits", 60_000));
    let notice = loaded.notice.unwrap();
    assert!(notice.starts_with("using the built-in digits, not MNIST: mnist not found") && !notice.contains('\n'));
}

/// The four plain files of [`small`] under other names, in the order of [`NAMES`].
fn write_as(directory: &Path, names: [&str; 4]) {
    fs::create_dir_all(directory).unwrap();
    let staged = directory.join("staged");
    let (train, test) = small();
    files::write(&staged, &train, &test).unwrap();
    for (from, to) in NAMES.iter().zip(names) {
        fs::rename(staged.join(from), directory.join(to)).unwrap();
    }
    fs::remove_dir(staged).unwrap();
}

#[test]
fn the_layouts_and_names_of_other_sources_are_found() {
    let plain = NAMES.map(str::to_owned);
    let emnist = NAMES.map(|name| format!("emnist-digits-{}", name.replace("t10k", "test")));
    let qmnist = NAMES.map(|name| format!("qmnist-{}", name.replace("t10k", "test")));
    let cases: [(&str, &str, [String; 4]); 8] = [
        ("", "", plain.clone()),
        ("MNIST/raw", "", plain.clone()),
        ("raw", "", plain.clone()),
        ("MNIST/raw", "MNIST", plain.clone()),
        ("", "", NAMES.map(str::to_uppercase)),
        ("", "", NAMES.map(|name| name.replace("-idx", ".idx"))),
        ("", "", emnist),
        ("", "", qmnist),
    ];
    for (below, named, names) in cases {
        let work = tempfile::tempdir().unwrap();
        write_as(&work.path().join(below), names.each_ref().map(String::as_str));
        let loaded = load(&request(Choice::Directory(work.path().join(named))));
        let loaded = loaded.unwrap_or_else(|error| panic!("{below} {named} {names:?}: {error}"));
        let want = if names[0].starts_with("emnist") { (turned(&small().0), turned(&small().1)) } else { small() };
        assert_eq!((loaded.dataset.train, loaded.dataset.test), want, "{below} {named} {names:?}");
    }
}

#[test]
fn labels_of_32_bits_in_eight_columns_are_qmnists() {
    let work = tempfile::tempdir().unwrap();
    let (train, test) = small();
    let names = ["qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"];
    let names = [names[0], names[1], &names[0].replace("test", "train"), &names[1].replace("test", "train")];
    write_as(work.path(), names);
    for (name, images) in [(names[1], &test), (names[3], &train)] {
        let row = |&label: &u8| [i32::from(label), 4, -1, 70_000, 0, 0, 0, 0].map(i32::to_be_bytes).concat();
        let rows: Vec<u8> = images.labels.iter().flat_map(row).collect();
        let sizes = [images.len() as u32, 8].map(u32::to_be_bytes).concat();
        fs::write(work.path().join(name), [&[0, 0, 0x0c, 2][..], &sizes, &rows].concat()).unwrap();
    }
    let loaded = load(&request(Choice::Directory(work.path().into()))).unwrap();
    assert_eq!(loaded.dataset.sha256, files::combined_sha256(files::sums_of(&train, &test).each_ref().map(|s| &**s)));
    assert_eq!((loaded.dataset.train, loaded.dataset.test), (train, test));
}

/// Swaps rows and columns of each image.
fn turned(images: &Images) -> Images {
    let (rows, cols) = (images.rows, images.cols);
    let turn = |image: &[u8]| (0..rows * cols).map(|i| image[i % rows * cols + i / rows]).collect::<Vec<u8>>();
    let pixels = images.pixels.chunks(rows * cols).flat_map(turn).collect();
    Images { pixels, labels: images.labels.clone(), channels: 1, rows: cols, cols: rows }
}

#[test]
fn emnists_letters_lie_on_their_side_and_count_from_1() {
    let write = |first: u8| {
        let work = tempfile::tempdir().unwrap();
        let names = NAMES.map(|name| format!("emnist-letters-{}", name.replace("t10k", "test")));
        write_as(work.path(), names.each_ref().map(String::as_str));
        let labels = |n: u8| (0..n).map(|i| i % 3 + first).collect::<Vec<_>>();
        fs::write(work.path().join(&names[1]), idx_bytes(&[6], &labels(6))).unwrap();
        fs::write(work.path().join(&names[3]), idx_bytes(&[12], &labels(12))).unwrap();
        (load(&request(Choice::Directory(work.path().into()))), work)
    };
    let (train, test) = (turned(&small().0), turned(&small().1));
    let loaded = write(1).0.unwrap().dataset;
    assert_eq!((loaded.classes, &loaded.train, &loaded.test), (3, &train, &test));
    assert_eq!(loaded.sha256, files::combined_sha256(files::sums_of(&train, &test).each_ref().map(|s| &**s)));
    let error = write(0).0.unwrap_err().to_string();
    assert!(error.contains("label: found 0 at index 0, expected 1 or more"), "{error}");
}

/// As many images as the set has, class after class, of which the first has a bright first row.
fn full(known: Known, pixel: u8) -> (Images, Images) {
    let side = SIDE * SIDE;
    let images = |n: usize| {
        let mut pixels = vec![pixel; n * side];
        pixels[..SIDE].fill(255);
        let labels = (0..n).map(|i| (i % known.classes) as u8 + known.form.first_label).collect();
        Images { pixels, labels, channels: 1, rows: SIDE, cols: SIDE }
    };
    (images(known.images[0]), images(known.images[1]))
}

/// Writes what [`full`] gives under the names of the published files, beside those of another set that is not whole.
fn write_published(directory: &Path, known: Known, (train, test): &(Images, Images)) {
    files::write(directory, train, test).unwrap();
    let prefix = if known.name == "kmnist" { String::new() } else { format!("{}-", known.name) };
    for name in NAMES {
        let published = if prefix.is_empty() { name.into() } else { prefix.clone() + &name.replace("t10k", "test") };
        fs::rename(directory.join(name), directory.join(published)).unwrap();
    }
    if known.name == "qmnist" {
        for (part, images) in [("test", test), ("train", train)] {
            fs::remove_file(directory.join(format!("qmnist-{part}-labels-idx1-ubyte"))).unwrap();
            let row = |&label: &u8| [i32::from(label), 4, -1, 70_000, 0, 0, 0, 0].map(i32::to_be_bytes).concat();
            let rows: Vec<u8> = images.labels.iter().flat_map(row).collect();
            let sizes = [images.len() as u32, 8].map(u32::to_be_bytes).concat();
            let bytes = [&[0, 0, 0x0c, 2][..], &sizes, &rows].concat();
            fs::write(directory.join(format!("qmnist-{part}-labels-idx2-int")), bytes).unwrap();
        }
    }
    fs::write(directory.join("emnist-balanced-train-images-idx3-ubyte"), []).unwrap();
}

#[test]
fn sets_whose_sums_are_not_known_are_read_by_name_and_judged_by_sizes_and_classes() {
    for (name, unequal) in [("kmnist", false), ("emnist-letters", false), ("emnist-mnist", false), ("qmnist", true)] {
        let known = Known::from_name(name).unwrap();
        let (mut train, mut test) = full(known, 0);
        if unequal {
            (train.labels[0], test.labels[0]) = (7, 7);
        }
        let (work, published) = (tempfile::tempdir().unwrap(), (train, test));
        let directory = work.path().join("files");
        write_published(&directory, known, &published);
        let mut by_environment = request(Choice::Known(known));
        by_environment.places.named.push((known, directory.clone()));
        let loaded = load(&by_environment).unwrap_or_else(|error| panic!("{name}: {error}"));
        let data = &loaded.dataset;
        assert_eq!((data.name.as_str(), data.classes, loaded.verdict), (name, known.classes, Some(Verdict::Counts)));
        assert_eq!([data.train.len(), data.test.len()], known.images, "{name}");
        assert_eq!(data.train.labels[..3], if unequal { [7, 1, 2] } else { [0, 1, 2] }, "{name}");
        // The bright row is a column in EMNIST.
        let step = if name.starts_with("emnist") { SIDE } else { 1 };
        let bright: Vec<usize> = (0..2 * SIDE * SIDE).filter(|&i| data.test.pixels[i] > 0).collect();
        assert_eq!(bright, (0..SIDE).map(|i| i * step).collect::<Vec<_>>(), "{name}");

        let lacks_one = idx_bytes(&[known.images[1] - 1, SIDE, SIDE], &published.1.pixels[SIDE * SIDE..]);
        let labels = idx_bytes(&[known.images[1] - 1], &published.1.labels[1..]);
        let test_names =
            if name == "kmnist" { ["t10k".into(), String::new()] } else { ["test".into(), format!("{name}-")] };
        let file = |kind: &str| directory.join(format!("{}{}-{kind}", test_names[1], test_names[0]));
        fs::write(file("images-idx3-ubyte"), lacks_one).unwrap();
        let _ = fs::remove_file(file("labels-idx2-int"));
        fs::write(file("labels-idx1-ubyte"), labels).unwrap();
        let error = load(&by_environment).unwrap_err().to_string();
        let [train, test] = known.images;
        assert!(error.contains(&format!("content: found {train}+{} images", test - 1)), "{error}");
        assert!(error.contains(&format!("expected {train}+{test} images of 28x28")), "{error}");
    }
}

#[test]
fn fashion_mnist_which_has_kmnists_sizes_does_not_pass_as_kmnist() {
    let kmnist = Known::from_name("kmnist").unwrap();
    let (mut train, test) = full(kmnist, 0);
    // Two grey values with Fashion-MNIST's mean and standard deviation.
    let bright = (train.pixels.len() as f64 * 0.28604 / (184.0 / 255.0)) as usize;
    train.pixels.fill(0);
    train.pixels[..bright].fill(184);
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("files");
    write_published(&directory, kmnist, &(train, test));
    let load = |known: Known| load(&Request { data_dir: Some(directory.clone()), ..request(Choice::Known(known)) });
    assert_eq!(load(Known::FASHION_MNIST).unwrap().verdict, Some(Verdict::Statistics));
    let error = load(kmnist).unwrap_err().to_string();
    assert!(error.contains("content: found fashion-mnist's images, expected those of kmnist"), "{error}");
}

#[test]
fn one_of_several_sets_in_a_directory_is_taken_by_its_name_and_never_by_chance() {
    let work = tempfile::tempdir().unwrap();
    for set in ["emnist-digits", "emnist-mnist"] {
        let names = NAMES.map(|name| format!("{set}-{}", name.replace("t10k", "test")));
        write_as(work.path(), names.each_ref().map(String::as_str));
    }
    let error = load(&request(Choice::Directory(work.path().into()))).unwrap_err().to_string();
    assert!(error.contains("it holds several sets (emnist-digits, emnist-mnist): name one of them"), "{error}");
    let loaded = load(&request(Choice::Directory(work.path().join("emnist-mnist")))).unwrap();
    assert_eq!(loaded.dataset.train, turned(&small().0));
}

#[test]
fn where_the_files_are_not_the_error_says_what_is_there() {
    let cases: [(&[&str], &str, &str); 7] = [
        (&["archive.zip"], "", "found archive.zip: unpack it there (`unzip archive.zip`"),
        (&["archive.zip"], "archive.zip", "found a file, expected"),
        (&["train-images-idx3-ubyte.zip"], "", "found train-images-idx3-ubyte.zip: unpack it there"),
        (&["inner/train-images-idx3-ubyte"], "", "inner: name that"),
        (&["KMNIST/raw/train-images-idx3-ubyte"], "", "KMNIST/raw: name that"),
        (&["train.parquet", "test.parquet"], "", "it holds test.parquet, train.parquet; name a directory"),
        (&[], "", "it is empty"),
    ];
    for (files, named, message) in cases {
        let work = tempfile::tempdir().unwrap();
        for file in files {
            let path = work.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "content").unwrap();
        }
        let error = load(&request(Choice::Directory(work.path().join(named)))).unwrap_err().to_string();
        assert!(error.contains(message), "{files:?}: {error}");
    }
}

#[test]
fn a_tilde_is_the_home_directory_wherever_a_path_is_given() {
    let home = tempfile::tempdir().unwrap();
    let (train, test) = small();
    files::write(&home.path().join("letters"), &train, &test).unwrap();
    let net = "[model]\nkind = 'mlp'\nwidths = [3]\n[optimizer]\nlr = 0.1\n[train]\nsteps = 1\n";
    fs::write(home.path().join("net.toml"), format!("{net}[data]\ndataset = '~/letters'\n")).unwrap();
    let run = |home: Option<&Path>, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_initlab"));
        command.args(arguments).current_dir(std::env::temp_dir()).env_remove("HOME");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let train: &[&str] = &["train", "~/net.toml", "--out=~/run"];
    for arguments in [&["data", "info", "--dataset=~/letters"], train, &["model", "~/net.toml"]] {
        let (code, stderr) = run(Some(home.path()), arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
        let (code, stderr) = run(None, arguments);
        assert!(code != Some(0) && unfolded(&stderr).contains("HOME is not set"), "{arguments:?}: {stderr}");
    }
    assert!(home.path().join("run/run.json").exists());
    let config = fs::read_to_string(home.path().join("run/config.toml")).unwrap();
    assert!(config.contains("~/letters"), "the config stays as it was written: {config}");
}

fn initlab(arguments: &[&str]) -> (bool, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_initlab")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_data_command_shows_and_verifies_a_directory() {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("letters");
    let (train, test) = small();
    files::write(&directory, &train, &test).unwrap();
    let path = directory.to_str().unwrap();
    let sums = files::sums_of(&train, &test);

    let (ok, stdout, _) = initlab(&["data", "info", "--json", "--dataset", path]);
    let shown: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(ok && shown["name"] == "letters" && shown["train"]["per_class"] == serde_json::json!([4, 4, 4]));
    assert_eq!(shown["sha256"], files::combined_sha256(sums.each_ref().map(String::as_str)));

    let (ok, stdout, stderr) = initlab(&["data", "verify", "--dataset", path]);
    let lines: Vec<String> = sums.iter().zip(NAMES).map(|(sum, name)| format!("{sum}  {name}")).collect();
    assert!(ok && stdout.lines().eq(lines), "{stdout}{stderr}");

    fs::write(directory.join(NAMES[3]), [0; 3]).unwrap();
    let (ok, stdout, stderr) = initlab(&["data", "verify", "--dataset", path]);
    assert!(
        !ok && stdout.is_empty() && unfolded(&stderr).contains("magic number: found the end of the file"),
        "{stderr}"
    );
}

#[cfg(not(feature = "fetch"))]
#[test]
fn without_the_download_feature_fetch_says_how_to_get_the_files_by_hand() {
    let work = tempfile::tempdir().unwrap();
    let (ok, _, stderr) = initlab(&["data", "fetch", "mnist", "--out", work.path().join("m").to_str().unwrap()]);
    assert!(!ok && stderr.contains("without the feature `fetch`") && stderr.contains("https://"), "{stderr}");
}

#[test]
fn a_set_that_no_server_has_file_by_file_is_not_downloaded_and_the_error_says_where_its_files_are() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("k");
    let (ok, _, stderr) = initlab(&["data", "fetch", "kmnist", "--out", out.to_str().unwrap()]);
    assert!(
        !ok && stderr.contains("no public server has its four files") && stderr.contains("codh.rois.ac.jp"),
        "{stderr}"
    );
    assert!(stderr.contains("INITLAB_KMNIST") && !out.exists(), "{stderr}");
}
