//! A sum at the end of a JSON file of ours, over everything before it but times: a changed digit does not pass unseen.

use sha2::{Digest, Sha256};

/// How a file compares with its own sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// The file is as it was written.
    Whole,
    /// It has no sum: an earlier version wrote it, which kept none.
    Absent,
    /// It is not as it was written.
    Broken,
}

const KEY: &str = "  \"sum\": \"";
/// The only member that differs between two runs of one config; it is not under the sum, so that the sum does not either.
const TIMES: &str = "  \"timing\": {";

/// `json`, a pretty-printed object that ends with a line break, with its sum as the last member.
pub fn seal(json: &str) -> String {
    let body = json.strip_suffix("\n}\n").expect("an object on lines of its own");
    format!("{body},\n{KEY}{}\"\n}}\n", sum(body))
}

/// Checks a text that [`seal`] made.
pub fn check(text: &str) -> Seal {
    if !text.contains(KEY) {
        return Seal::Absent;
    }
    let found = text.strip_suffix("\"\n}\n").and_then(|text| text.rsplit_once(&format!(",\n{KEY}")));
    match found {
        Some((body, found)) if found == sum(body) => Seal::Whole,
        _ => Seal::Broken,
    }
}

/// SHA-256 over all lines but those of the times.
fn sum(body: &str) -> String {
    let mut hash = Sha256::new();
    let mut among_times = false;
    for line in body.lines() {
        among_times |= line == TIMES;
        if !among_times {
            hash.update(line.as_bytes());
            hash.update([b'\n']);
        }
        among_times &= !line.starts_with("  }");
    }
    hex(hash)
}

/// The sum as text.
pub fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{\n  \"a\": 1,\n  \"timing\": {\n    \"s\": 0.5\n  },\n  \"b\": [\n    2\n  ]\n}\n";

    #[test]
    fn a_sealed_text_is_the_same_object_with_one_member_more() {
        let sealed = seal(JSON);
        let mut value: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        assert_eq!(value.as_object_mut().unwrap().remove("sum").unwrap().as_str().unwrap().len(), 64);
        assert_eq!(value, serde_json::from_str::<serde_json::Value>(JSON).unwrap());
        assert_eq!((check(&sealed), check(JSON)), (Seal::Whole, Seal::Absent));
    }

    #[test]
    fn times_alone_may_change() {
        let sealed = seal(JSON);
        assert_eq!(seal(&JSON.replace("0.5", "7.5")).lines().nth_back(1), sealed.lines().nth_back(1));
        assert_eq!(check(&sealed.replace("0.5", "7.5")), Seal::Whole);
    }

    #[test]
    fn every_other_changed_byte_is_seen() {
        let sealed = seal(JSON);
        let times = sealed.find("    \"s\": 0.5").unwrap();
        for at in (0..sealed.len()).filter(|at| !(times..times + 12).contains(at)) {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] ^= 1;
            let text = String::from_utf8(bytes).unwrap();
            // A sum under another name is as good as none, and what it stood for is whole; JSON's own marks are seen by its reader.
            let seen = check(&text) != Seal::Whole || serde_json::from_str::<serde_json::Value>(&text).is_err();
            assert!(seen, "byte {at}: {text}");
        }
    }
}
