//! Calls of the command that are to survive whatever happens to them, and what happens.

use crate::cli::unfolded;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use super::stage::{Files, Stage, copy, difference, faulty, initlab, left, without_times};
use super::syscalls::{Answer, Kind};

/// A call, and what was there before it.
pub struct Scene {
    pub name: &'static str,
    /// An earlier call, and what happened to it once it had written a checkpoint.
    pub before: Option<(&'static str, Answer)>,
    /// The call.
    pub call: &'static str,
    /// Calls after it has failed: the first that does not refuse must lead to what an undisturbed call leaves.
    pub again: &'static [&'static str],
}

/// A fault that meets a call.
pub struct Fault {
    pub name: &'static str,
    pub answer: Answer,
    /// True if it happens from some call on, and not once.
    pub lasts: bool,
    /// Where it can happen.
    pub at: fn(Kind) -> bool,
}

/// How often a call can be hit by a fault, and what was seen of the hits.
pub struct Seen {
    pub places: usize,
    pub findings: Vec<String>,
}

/// Files and output of an undisturbed call, and the system calls that it made.
pub struct Reference {
    files: Files,
    stdout: Vec<u8>,
    kinds: Vec<Kind>,
}

/// A scene that has been played once without a fault.
pub struct Rehearsed<'a> {
    stage: &'a Stage,
    /// The directory with what was there before.
    pub before: PathBuf,
    whole: Reference,
}

impl Scene {
    /// Puts what was there before into `case`.
    fn prepare(&self, case: &Path) {
        let Some((arguments, answer)) = self.before else { return };
        let mut checkpoints = 0;
        let output = faulty(case, arguments, |call| {
            let happens = checkpoints == 1 && call.kind.changes();
            let appears = call.to.as_ref().is_some_and(|to| to.ends_with("checkpoint.safetensors"));
            checkpoints += usize::from(happens || appears);
            if checkpoints > 1 && answer == Answer::Interrupt {
                // The thread that hears of the interruption comes to its turn between these calls.
                std::thread::sleep(Duration::from_millis(3));
            }
            if happens { answer } else { Answer::Carry }
        });
        assert_eq!(output.status.success(), answer == Answer::Carry, "{}, before: {output:?}", self.name);
    }

    /// Makes the state before, and the reference: what an undisturbed call makes of it.
    pub fn rehearse<'a>(&self, stage: &'a Stage) -> Rehearsed<'a> {
        let [before, whole] = ["before", "whole"].map(|part| stage.case(&format!("{}, {part}", self.name)));
        self.prepare(&before);
        copy(&before, &whole);
        let mut kinds = Vec::new();
        let output = faulty(&whole, self.call, |call| {
            kinds.push(call.kind);
            Answer::Carry
        });
        assert!(output.status.success(), "{}: {output:?}", self.name);
        let files = left(&whole);
        let hidden = files.keys().find(|name| name.split('/').any(|part| part.starts_with('.')));
        assert!(hidden.is_none(), "{}: {hidden:?} stays behind", self.name);
        Rehearsed { stage, before, whole: Reference { files, stdout: timeless(&output, &whole), kinds } }
    }

    /// Lets `fault` happen at some of the places where it can: `share` of them, evenly spread. With `beside`, while another process
    /// that nothing happens to makes the same call.
    pub fn suffer(&self, fault: &Fault, beside: bool, before: &Rehearsed<'_>, share: usize) -> Seen {
        let Rehearsed { stage, before, whole } = before;
        let places = whole.kinds.iter().filter(|kind| (fault.at)(**kind)).count();
        let chosen = (0..share.min(places)).map(|i| i * places / share.min(places));
        let findings = chosen.filter_map(|place| {
            let case = stage.case("case");
            copy(before, &case);
            let hit = if beside { Self::hit_beside_another } else { Self::hit };
            let finding = hit(self, fault, place, &case, whole).err()?;
            Some(format!("{}, {} {place} of {places}: {finding}", self.name, fault.name))
        });
        let findings = findings.collect();
        Seen { places: share.min(places), findings }
    }

    /// Lets `fault` happen at its place number `place`, and calls again.
    fn hit(&self, fault: &Fault, place: usize, case: &Path, whole: &Reference) -> Result<(), String> {
        let mut passed = 0;
        let mut struck = None;
        let first = faulty(case, self.call, |call| {
            if !(fault.at)(call.kind) {
                return Answer::Carry;
            }
            passed += 1;
            let hit = if fault.lasts { passed > place } else { passed == place + 1 };
            if hit {
                struck.get_or_insert_with(|| {
                    format!("{:?} {}", call.kind, call.path.strip_prefix(case).unwrap_or(&call.path).display())
                });
            }
            if hit { fault.answer } else { Answer::Carry }
        });
        let at = struck.unwrap_or_else(|| "nothing".into());
        let finding = |what: String| format!("at {at}: {what}");
        judge_end(&first, fault.answer, true).map_err(&finding)?;
        if first.status.success() {
            let shown: Files =
                left(case).into_iter().filter(|(name, _)| !name.contains("/.") && !name.starts_with('.')).collect();
            if let Some(difference) = difference(&shown, &whole.files) {
                return Err(finding(format!("ends with 0, but {difference}")));
            }
            if timeless(&first, case) != whole.stdout {
                return Err(finding("ends with 0, but prints something else".into()));
            }
        }
        self.call_again(case, whole).map_err(finding)
    }

    /// Hits the call while another process makes it too: each does all, or a part, or refuses.
    fn hit_beside_another(&self, fault: &Fault, place: usize, case: &Path, whole: &Reference) -> Result<(), String> {
        let other = initlab(case, self.call).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut passed = 0;
        let first = faulty(case, self.call, |call| {
            passed += usize::from((fault.at)(call.kind));
            if passed > place && (fault.at)(call.kind) { fault.answer } else { Answer::Carry }
        });
        let other = other.wait_with_output().unwrap();
        judge_end(&first, fault.answer, false)?;
        judge_end(&other, Answer::Carry, false)?;
        for output in [first, other].iter().filter(|output| output.status.success() && !output.stdout.is_empty()) {
            if timeless(output, case) != whole.stdout {
                return Err("ends with 0, but prints something else".into());
            }
        }
        self.call_again(case, whole)
    }

    /// Calls again without any fault.
    fn call_again(&self, case: &Path, whole: &Reference) -> Result<(), String> {
        let mut refusals = String::new();
        for arguments in self.again {
            let output = initlab(case, arguments).output().unwrap();
            judge_end(&output, Answer::Carry, true)?;
            if output.status.success() {
                let difference = difference(&left(case), &whole.files);
                return difference.map_or(Ok(()), |what| Err(format!("after `{arguments}` {what}")));
            }
            refusals += &String::from_utf8_lossy(&output.stderr);
        }
        Err(format!("cannot go on: {refusals}"))
    }
}

/// Checks that a call that met `answer` ended as it may: on its own, with a reason if it failed, which is the fault if it was `alone`.
fn judge_end(output: &Output, answer: Answer, alone: bool) -> Result<(), String> {
    let text = unfolded(&String::from_utf8_lossy(&output.stderr));
    let killed = matches!(answer, Answer::Kill | Answer::Tear);
    match output.status.code() {
        None if killed => Ok(()),
        None => Err(format!("{}: {text}", output.status)),
        Some(101) => Err(format!("panics: {text}")),
        Some(0) => Ok(()),
        Some(1 | 2) if !text.trim().is_empty() => match answer {
            Answer::Fail(errno) if alone => {
                let whole = io::Error::from_raw_os_error(errno).to_string();
                let reason = whole.split(" (os error").next().unwrap_or_default();
                if text.contains(reason) { Ok(()) } else { Err(format!("does not say \"{reason}\": {text}")) }
            }
            Answer::Fail(_) | Answer::Carry | Answer::Interrupt | Answer::Kill | Answer::Tear => Ok(()),
        },
        Some(code) => Err(format!("ends with {code}: {text}")),
    }
}

/// Output of a call without times and without the path of the case.
fn timeless(output: &Output, case: &Path) -> Vec<u8> {
    let text = String::from_utf8_lossy(&output.stdout).replace(&format!("{}/", case.display()), "").replace('\'', "");
    without_times(text.as_bytes())
}
