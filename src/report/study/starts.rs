//! The signal from each arm's start, by layer and over the first steps.

use crate::record::RecordError;
use crate::record::read::{LayerColumns, RunRecords};
use crate::record::statistics::shown;
use crate::report::overlay::{self, Net};
use crate::report::page::Section;
use crate::report::study::Study;

impl Study<'_> {
    /// Draws the signal of each arm's start: layer by layer in the first recorded step of its first run, and over the first steps.
    pub(super) fn starts(&self, point: &[String]) -> Result<[Section; 2], RecordError> {
        let mut starts: Vec<(&str, usize, Vec<LayerColumns>)> = Vec::new();
        for (place, arm) in self.record.arms.iter().enumerate() {
            if let Some(run) = self.runs(arm, point).next() {
                starts.push((arm, place, RunRecords::read(&self.dir.join(&run.dir), &shown())?.layers));
            }
        }
        let net = |(name, place, layers)| Net { name: str::to_owned(name), place, layers };
        let nets: Vec<Net<'_>> = starts.iter().map(|(arm, place, layers)| net((*arm, *place, layers))).collect();
        let about = "Over the first training batch of each arm's first seed, before anything was learnt.";
        Ok([overlay::at_first_step(&nets, about), overlay::first_steps(&nets)])
    }
}
