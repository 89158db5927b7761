//! Which requests answer a scan: from the values that a WHERE allows to a list of requests. Pure.
//! It never guesses: a param that nothing binds is reported as missing, and a value that no row can have costs no call.

use std::collections::BTreeMap;

use crate::catalog::model::{Field, Method, Resource};
use crate::drivers::{Input, ParamSignature, Request, Signature};
use crate::engine::pushdown::{Values, distinct};
use crate::error::{Error, Kind, Result, nearest};

/// The answer to one scan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    pub method: String,
    /// One for each first page, in the order in which the statement gave its values.
    pub requests: Vec<Request>,
    /// Required params that nothing binds; with any, there are no requests.
    pub missing: Vec<String>,
    /// The conditions that speak of a missing param and bind nothing, as text.
    pub conditions: Vec<String>,
    /// What the service narrows by itself: field names.
    pub served: Vec<String>,
    /// Values of the key that no request has, since each names another place than those that are asked.
    pub elsewhere: Vec<String>,
    /// The requests name their rows by a key: each answers with one page, and no more rows than keys.
    pub keyed: bool,
}

/// Plans the requests of one scan of `resource`.
///
/// `values` are what the WHERE allows, `defaults` the params' values for those that it does not bind
/// (by param name), `fields` the wire names that are wanted. `signature` is the driver's, by call.
///
/// # Errors
/// `Param`: a value that no param of this kind has, such as a region that cannot exist.
pub fn route<'s>(
    resource: &Resource,
    values: &Values,
    defaults: &BTreeMap<String, Vec<String>>,
    fields: &[String],
    signature: impl Fn(&str) -> Option<Signature<'s>>,
) -> Result<Route> {
    let Some((method, signature)) = choose(resource, values, signature) else {
        return Err(Error::new(Kind::Statement, format!("`{}` cannot be selected from", resource.full_name())));
    };
    let mut route = Route { method: method.name.clone(), ..Route::default() };
    let mut bound: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for param in &signature.params {
        let declared = resource.param(param.name);
        match values.get(param.name).filter(|_| declared.is_some()).or_else(|| defaults.get(param.name)) {
            Some(found) => {
                found.iter().try_for_each(|value| plausible(param, value))?;
                // Once each: a default may name a value twice.
                bound.insert(param.name.to_string(), distinct(found.clone()));
            }
            None if param.required => route.missing.push(param.name.to_string()),
            None => {}
        }
    }
    let inputs: Vec<(&Field, &Input<'_>, Vec<String>)> = pushed(resource, values, &signature);
    for input in signature.inputs.iter().filter(|input| input.required) {
        if !inputs.iter().any(|(_, pushed, _)| pushed.wire == input.wire) {
            let name = resource.fields.iter().find(|field| field.wire == input.wire).map(|field| field.name.clone());
            route.missing.push(name.unwrap_or_else(|| input.wire.to_string()));
        }
    }
    if !route.missing.is_empty() {
        return Ok(route);
    }
    route.keyed = inputs.iter().any(|(_, input, _)| input.key);
    route.served = inputs.iter().map(|(field, _, _)| field.name.clone()).collect();
    let places = product(&bound);
    for (field, _, values) in inputs.iter().filter(|(_, input, _)| input.key) {
        let is_nowhere = |value: &&String| !places.iter().any(|params| can_match(resource, field, value, params));
        route.elsewhere.extend(values.iter().filter(is_nowhere).cloned());
    }
    for params in places {
        let chunks: Vec<Vec<(String, Vec<String>)>> = inputs
            .iter()
            .map(|(field, input, values)| {
                let values: Vec<String> =
                    values.iter().filter(|value| can_match(resource, field, value, &params)).cloned().collect();
                values.chunks(input.most).map(|chunk| (input.wire.to_string(), chunk.to_vec())).collect()
            })
            .collect();
        for inputs in combinations(&chunks) {
            route.requests.push(Request {
                call: method.call.clone(),
                params: params.clone(),
                inputs: inputs.into_iter().collect(),
                fields: fields.to_vec(),
                ..Request::default()
            });
        }
    }
    Ok(route)
}

/// The first method of SELECT whose needs are bound; if there is none, the last, so that its needs can be named.
fn choose<'a, 's>(
    resource: &'a Resource,
    values: &Values,
    signature: impl Fn(&str) -> Option<Signature<'s>>,
) -> Option<(&'a Method, Signature<'s>)> {
    let methods: Vec<&Method> = resource.verbs.select.iter().filter_map(|name| resource.method(name)).collect();
    let is_bound = |need: &String| {
        let field = match need.as_str() {
            "Identifier" => resource.identity.first(),
            need => resource.fields.iter().find(|field| field.wire == need).map(|field| &field.name),
        };
        values.contains_key(field.unwrap_or(need))
    };
    let method = methods.iter().find(|method| method.needs.iter().all(is_bound)).or(methods.last())?;
    Some((method, signature(&method.call)?))
}

/// The fields whose values go with the call: if a key is bound, it and what the
/// call does not work without, else everything that fits in one call.
fn pushed<'a>(
    resource: &'a Resource,
    values: &Values,
    signature: &'a Signature<'a>,
) -> Vec<(&'a Field, &'a Input<'a>, Vec<String>)> {
    let found = signature.inputs.iter().filter_map(|input| {
        let field = resource.fields.iter().find(|field| field.wire == input.wire)?;
        // An empty text would be taken for no value at all, and no row has it in a field that a service filters by.
        let values: Vec<String> = values.get(&field.name)?.iter().filter(|value| !value.is_empty()).cloned().collect();
        Some((field, input, values))
    });
    let found: Vec<_> = found.collect();
    match found.iter().position(|(_, input, _)| input.key) {
        Some(key) => {
            let with_key =
                |(at, found): (usize, (_, &'a Input<'a>, _))| (at == key || found.1.required).then_some(found);
            found.into_iter().enumerate().filter_map(with_key).collect()
        }
        None => found
            .into_iter()
            .filter(|(_, input, values)| {
                input.required || input.most > 1 && values.len() <= input.most || values.len() <= 1
            })
            .collect(),
    }
}

/// An ARN that names another region than the call's cannot be there.
fn can_match(resource: &Resource, field: &Field, value: &str, params: &BTreeMap<String, String>) -> bool {
    if !field.arn || resource.identity.first() != Some(&field.name) {
        return true;
    }
    match (value.split(':').nth(3), params.get("region")) {
        (Some(named), Some(region)) if value.starts_with("arn:") && !named.is_empty() => named == region,
        _ => true,
    }
}

pub fn plausible(param: &ParamSignature<'_>, value: &str) -> Result<()> {
    if (param.plausible)(value) || param.known.contains(&value) {
        return Ok(());
    }
    if value.is_empty() {
        return Err(Error::new(Kind::Param, format!("`{}` is empty", param.name)));
    }
    let error = Error::new(Kind::Param, format!("there is no {} `{value}`", param.name));
    Err(match nearest(value, param.known.iter().copied()) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if param.known.is_empty() => error,
        None => error.with_hint(format!("a {} looks like `{}`", param.name, param.known[0])),
    })
}

/// Every combination of one value for each param; one empty combination when there are no params.
fn product(bound: &BTreeMap<String, Vec<String>>) -> Vec<BTreeMap<String, String>> {
    bound.iter().fold(vec![BTreeMap::new()], |combinations, (name, values)| {
        combinations
            .iter()
            .flat_map(|combination| {
                values.iter().map(move |value| {
                    let mut combination = combination.clone();
                    combination.insert(name.clone(), value.clone());
                    combination
                })
            })
            .collect()
    })
}

fn combinations<T: Clone>(choices: &[Vec<T>]) -> Vec<Vec<T>> {
    choices.iter().fold(vec![Vec::new()], |found, choice| {
        found
            .iter()
            .flat_map(|so_far| choice.iter().map(move |next| so_far.iter().cloned().chain([next.clone()]).collect()))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::model::{Param, Type, Verbs};

    fn field(name: &str, wire: &str, arn: bool) -> Field {
        Field {
            name: name.into(),
            wire: wire.into(),
            kind: Type::String,
            arn,
            echoes: name == "region",
            ..Field::default()
        }
    }

    fn method(name: &str, needs: &[&str]) -> Method {
        Method {
            name: name.into(),
            call: "Describe".into(),
            needs: needs.iter().map(|need| need.to_string()).collect(),
            ..Method::default()
        }
    }

    fn resource() -> Resource {
        Resource {
            provider: "p".into(),
            service: "s".into(),
            name: "r".into(),
            type_name: None,
            description: String::new(),
            identity: vec!["id".into()],
            fields: vec![
                field("id", "Id", true),
                field("status", "Status", false),
                field("owner", "Owner", false),
                field("region", "region", false),
            ],
            params: vec![Param {
                env: None,
                name: "region".into(),
                kind: Type::String,
                required: true,
                description: String::new(),
            }],
            methods: vec![method("get", &["Identifier"]), method("list", &[])],
            verbs: Verbs { select: vec!["get".into(), "list".into()], ..Verbs::default() },
            settles: None,
            rules: Vec::new(),
            known_by: Vec::new(),
            examples: vec![],
        }
    }

    fn signature(_: &str) -> Option<Signature<'static>> {
        let input = |wire, most, key| Input { wire, most, required: false, key };
        Some(Signature {
            params: vec![ParamSignature {
                name: "region",
                required: true,
                known: &["us-east-1", "eu-west-1"],
                plausible: |value| value.ends_with(|c: char| c.is_ascii_digit()),
                group: |_| "",
            }],
            inputs: vec![input("Id", 2, true), input("Status", 100, false), input("Owner", 1, false)],
            fields: vec!["Id", "Status", "Owner"],
            page: Some((20, 100)),
            repeatable: true,
            writes: false,
            permissions: vec![],
        })
    }

    /// The route as text: the method, then each request, or what is missing.
    fn shown(values: &[(&str, &[&str])], defaults: &[(&str, &[&str])]) -> String {
        let map = |pairs: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
            pairs
                .iter()
                .map(|(name, values)| (name.to_string(), values.iter().map(|v| v.to_string()).collect()))
                .collect()
        };
        match route(&resource(), &map(values), &map(defaults), &[], signature) {
            Err(error) => error.to_string(),
            Ok(route) if !route.missing.is_empty() => format!("missing {}", route.missing.join(", ")),
            Ok(route) => {
                let requests = route.requests.iter().map(|request| {
                    let inputs = request.inputs.iter().map(|(wire, values)| format!(" {wire}={}", values.join("+")));
                    format!("; {}{}", request.params["region"], inputs.collect::<String>())
                });
                route.method.clone() + &requests.collect::<String>()
            }
        }
    }

    #[test]
    fn values_become_requests() {
        let one = "arn:aws:x:us-east-1:1:a";
        let two = "arn:aws:x:us-east-1:1:b";
        let three = "arn:aws:x:us-east-1:1:c";
        let far = "arn:aws:x:eu-west-1:1:d";
        let check = |values: &[(&str, &[&str])], expected: &str| assert_eq!(shown(values, &[]), expected);
        check(&[], "missing region");
        check(&[("region", &["us-east-1", "eu-west-1"])], "list; us-east-1; eu-west-1");
        check(&[("region", &[])], "list");
        check(&[("region", &["us-east-1"]), ("id", &[one])], &format!("get; us-east-1 Id={one}"));
        // Two keys a call, and none for a key that names another region.
        check(
            &[("region", &["us-east-1", "eu-west-1"]), ("id", &[one, two, far, three])],
            &format!("get; us-east-1 Id={one}+{two}; us-east-1 Id={three}; eu-west-1 Id={far}"),
        );
        check(&[("region", &["eu-west-1"]), ("id", &[one])], "get");
        check(&[("region", &["us-east-1"]), ("id", &[""])], "get");
        check(&[("region", &["us-east-1"]), ("id", &["odd"])], "get; us-east-1 Id=odd");
        check(&[("region", &["us-east-1"]), ("status", &["a", "b"])], "list; us-east-1 Status=a+b");
        // An input of one value is left to us when there are more.
        check(&[("region", &["us-east-1"]), ("owner", &["a", "b"])], "list; us-east-1");
        check(&[("region", &["us-east-1"]), ("owner", &["a"])], "list; us-east-1 Owner=a");
        check(&[("region", &["us-east-1"]), ("status", &[])], "list");
        check(&[("region", &["us-east-9"])], "list; us-east-9");
        check(&[("region", &["us-east-l"])], "there is no region `us-east-l`\n\nhint: did you mean `us-east-1`?");
    }

    #[test]
    fn defaults_stand_in_for_what_the_where_leaves_open() {
        assert_eq!(shown(&[], &[("region", &["eu-west-1"])]), "list; eu-west-1");
        assert_eq!(shown(&[], &[("region", &["eu-west-1", "eu-west-1"])]), "list; eu-west-1");
        assert_eq!(shown(&[("region", &["us-east-1"])], &[("region", &["eu-west-1"])]), "list; us-east-1");
    }
}
