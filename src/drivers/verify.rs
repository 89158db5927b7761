//! Holds documents and drivers against each other.

use std::sync::Arc;

use super::Driver;
use crate::catalog::model::Catalog;
use crate::error::Result;

pub fn verify(_catalog: &Catalog, _drivers: &[Arc<dyn Driver>]) -> Result<()> {
    Ok(())
}

pub fn unused(_catalog: &Catalog, _drivers: &[Arc<dyn Driver>]) -> Vec<String> {
    Vec::new()
}
