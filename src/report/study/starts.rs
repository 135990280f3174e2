//! What each arm's start does to the signal.

use crate::record::RecordError;
use crate::record::read::RunRecords;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::layers::WANTED;
use crate::report::page::Section;
use crate::report::study::Study;
use crate::report::thin::Point;

impl Study<'_> {
    /// What each arm's start does to the signal: layer by layer in the first recorded step of its first run.
    pub(super) fn starts(&self, point: &[String]) -> Result<Section, RecordError> {
        let mut section = Section::new("At the first step");
        let mut charts = [
            ("Standard deviation of the activations by layer", "act_std", Vec::new()),
            ("Standard deviation of the gradients by layer", "grad_std", Vec::new()),
        ];
        for arm in &self.record.arms {
            let Some(run) = self.runs(arm, point).next() else { continue };
            let layers = RunRecords::read(&self.dir.join(&run.dir), &WANTED)?.layers;
            for (_, column, series) in &mut charts {
                let column = WANTED.iter().position(|name| name == column).expect("both are wanted");
                let first = |layer: &crate::record::read::LayerColumns| layer.train.values[column].first().copied();
                let points = layers
                    .iter()
                    .enumerate()
                    .filter_map(|(i, layer)| Some(Point::new((i + 1) as f64, f64::from(first(layer)?))));
                series.push(Series::new(arm.clone(), self.style(arm), Shape::Marked, points.collect()));
            }
        }
        for (title, _, mut series) in charts {
            series.retain(|series| !series.points.is_empty());
            section.chart(Chart {
                title: title.into(),
                about: "Over the first training batch of each arm's first seed, before anything was learnt.".into(),
                x: Axis { whole: true, ..Axis::linear("layer") },
                y: Axis::log("standard deviation"),
                series,
                rules: Vec::new(),
            });
        }
        Ok(section)
    }
}
