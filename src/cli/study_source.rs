//! A study from its file or from a plan, checked and with its data.

use std::path::{Path, absolute};

use anyhow::{Context, Result};

use crate::cli::config_file::{read_config, refuse_config};
use crate::cli::output::say;
use crate::cluster::error::ClusterError;
use crate::cluster::plan_file::{self, Kept, PlanFile};
use crate::cluster::source::StudySource;
use crate::config::Document;
use crate::config::document::read_text;
use crate::config::error::folded;
use crate::data::{Choice, Request, load};
use crate::report::text::visible;
use crate::study::check::{CheckError, notices, one_dataset, remarks};
use crate::study::{Campaign, Study};

/// The study in this file, with changes to it, and what it was read from.
///
/// # Errors
/// The file is absent, or something in it is not understood.
pub fn read(file: &Path, sets: &[String], dataset: Option<&str>) -> Result<(StudySource, Study)> {
    let label = file.display().to_string();
    let text = read_config(file)?;
    refuse_config(&Document::parse(&label, &text, sets)?.root(), file)?;
    Ok(StudySource::read(label, text, sets.to_vec(), dataset.map(Into::into), &|path| read_text(path))?)
}

/// The plan in this file, or in this directory.
///
/// # Errors
/// There is none, or it is not as it was written.
pub fn plan(path: &Path) -> Result<Kept> {
    let path = absolute(path).with_context(|| format!("{}: cannot tell where it is", path.display()))?;
    let dir = if path.ends_with(plan_file::FILE) { path.parent().unwrap_or(&path) } else { &path };
    let plan = PlanFile::read(dir)?;
    Ok(plan.ok_or_else(|| ClusterError::NoPlan { path: dir.join(plan_file::FILE) })?)
}

/// The study with its data, every arm of which can be built. What is remarkable in it is said if that is `wanted`.
///
/// # Errors
/// The data is absent, or an arm is impossible.
pub fn campaign(study: Study, data: Option<&Path>, wanted: bool) -> Result<Campaign> {
    if wanted {
        remarks(&study).iter().for_each(|remark| say(&folded(&visible(remark), 2)));
    }
    let choice = Choice::parse(one_dataset(&study)?);
    let loaded = load(&Request { data_dir: data.map(Into::into), ..Request::new(choice) })?;
    if let Some(notice) = &loaded.notice {
        say(&folded(notice, 2));
    }
    let campaign = Campaign::new(study, loaded.dataset).map_err(|error| match error {
        // Its own type decides the exit code.
        CheckError::Config(error) => anyhow::Error::from(error),
        error @ (CheckError::Data(_) | CheckError::Train(_)) => error.into(),
    })?;
    notices(&campaign.study, &campaign.data).iter().for_each(|notice| say(notice));
    Ok(campaign)
}
