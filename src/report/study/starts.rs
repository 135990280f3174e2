//! What each arm's start does to the signal.

use crate::record::RecordError;
use crate::record::read::{LayerColumns, RunRecords};
use crate::record::statistics::{Place, Statistic, charts_at, shown};
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::layers::axis;
use crate::report::page::Section;
use crate::report::study::Study;
use crate::report::thin::Point;

impl Study<'_> {
    /// What each arm's start does to the signal: layer by layer in the first recorded step of its first run.
    pub(super) fn starts(&self, point: &[String]) -> Result<Section, RecordError> {
        let mut section = Section::new("At the first step");
        let mut starts: Vec<(&str, Vec<LayerColumns>)> = Vec::new();
        for arm in &self.record.arms {
            if let Some(run) = self.runs(arm, point).next() {
                starts.push((arm, RunRecords::read(&self.dir.join(&run.dir), &shown())?.layers));
            }
        }
        for (chart, statistic) in charts_at(Place::ByLayer) {
            let series = starts
                .iter()
                .map(|(arm, layers)| Series::new(*arm, self.style(arm), Shape::Marked, by_layer(layers, statistic)));
            section.chart(Chart {
                title: format!("{} by layer", chart.title),
                about: "Over the first training batch of each arm's first seed, before anything was learnt.".into(),
                x: Axis { whole: true, ..Axis::linear("layer") },
                y: axis(statistic),
                series: series.filter(|series| !series.points.is_empty()).collect(),
                rules: Vec::new(),
            });
        }
        Ok(section)
    }
}

/// A statistic's first value in each layer that has one, over the layer's number.
fn by_layer(layers: &[LayerColumns], statistic: &Statistic) -> Vec<Point> {
    let first = |layer: &LayerColumns| layer.train.get(statistic.name).first().copied();
    let points = layers.iter().enumerate();
    points.filter_map(|(i, layer)| Some(Point::new((i + 1) as f64, f64::from(first(layer)?)))).collect()
}
