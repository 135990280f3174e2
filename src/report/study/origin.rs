//! How a study was made: command, data, seeds, versions, and the configs of its arms.

use crate::report::page::{Block, Section};
use crate::report::study::Study;
use crate::study::record::StudyRecord;

impl Study<'_> {
    pub(super) fn origin(&self) -> Section {
        let mut section = Section::new("How it was made");
        let StudyRecord { command, version, data, seeds, .. } = self.record;
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        section.blocks.push(Block::Facts(vec![
            ("command".into(), command.clone()),
            (
                "data".into(),
                format!("{}, {} training and {} test images", data.name, data.train_images, data.test_images),
            ),
            ("SHA-256 of the data".into(), data.sha256.clone()),
            ("seeds".into(), seeds.join(", ")),
            ("initlab".into(), version.clone()),
        ]));
        let config = |arm: &str| {
            let run = self.record.runs.iter().find(|run| run.arm == arm)?;
            std::fs::read_to_string(self.dir.join(&run.dir).join("config.toml")).ok()
        };
        let Some(base) = config(&self.record.baseline) else { return section };
        section.text(format!("The config of {}'s first run:", self.record.baseline));
        for arm in self.record.arms.iter().filter(|arm| **arm != self.record.baseline) {
            if let Some(own) = config(arm) {
                let lines = own.lines().filter(|line| !line.is_empty() && !base.lines().any(|l| l == *line));
                let differing: Vec<&str> = lines.collect();
                section.blocks.push(Block::Text(format!("{arm} differs in: {}", differing.join("; "))));
            }
        }
        // The config itself stands between its announcement and the differences.
        let at = section.blocks.iter().position(|block| matches!(block, Block::Text(_))).map_or(0, |at| at + 1);
        section.blocks.insert(at, Block::Code(base));
        section
    }
}
