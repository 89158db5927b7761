//! `region = '*'`: every region of the setting `aws.regions`. Pure.

use datafusion::logical_expr::Expr;

use crate::drivers::ParamSignature;
use crate::engine::pushdown::{Values, implied, only_column};
use crate::error::{Error, Kind, Result};

const REGION: &str = "region";
const EVERY: &str = "*";

/// Whether a condition names every region, and so says nothing of any.
pub fn says_every(filter: &Expr) -> bool {
    is_every(&implied(filter))
}

fn is_every(values: &Values) -> bool {
    values.get(REGION).is_some_and(|given| given.iter().any(|value| value == EVERY))
}

/// The values with every region in the place of `*`. `set` is the setting, `home` the region that says which partition
/// `all` is of.
///
/// # Errors
/// `Param`: the setting is not set, or `*` is a part of a condition that does more than name regions.
pub fn expanded(
    mut values: Values,
    filters: &[Expr],
    param: Option<&ParamSignature<'_>>,
    set: &[String],
    home: Option<&str>,
) -> Result<Values> {
    let (Some(param), true) = (param, filters.iter().any(says_every)) else {
        return Ok(values);
    };
    if filters.iter().any(|filter| says_every(filter) && only_column(filter) != Some(REGION)) {
        return Err(Error::new(Kind::Param, "`region = '*'` has to be a condition by itself")
            .with_hint("put it outside: `WHERE region = '*' AND (…)`"));
    }
    let regions: Vec<String> = match set {
        [] => {
            return Err(Error::new(Kind::Param, "`region = '*'` needs the setting `aws.regions`").with_hint(
                "`SET aws.regions = ('us-east-1', 'eu-west-1')`, or `SET aws.regions = 'all'` for every region of the \
                 partition",
            ));
        }
        [all] if all == "all" => {
            let home = (param.group)(home.unwrap_or("us-east-1"));
            param.known.iter().filter(|region| (param.group)(region) == home).map(ToString::to_string).collect()
        }
        set => set.to_vec(),
    };
    // Every condition that says less than `*` holds besides.
    let mut left = regions;
    for given in filters.iter().map(implied).filter_map(|mut values| values.remove(REGION)) {
        if !is_every(&Values::from([(REGION.into(), given.clone())])) {
            left.retain(|region| given.contains(region));
        }
    }
    values.insert(REGION.into(), left);
    Ok(values)
}
