//! Provider documents: read, with the section that is a driver's own, and every mistake on a line that there is.

use iql_rooms::catalog::model::Origin;
use iql_rooms::catalog::{Draft, Drafts};
use iql_rooms::drivers::Request;
use iql_rooms::drivers::rest::{read, request};

pub fn documents(text: &str) {
    let mut drafts = Drafts::default();
    drafts.add("acme", "things", Origin::Embedded, text);
    for Draft { service, written } in &mut drafts.drafts {
        let Some(section) = written.section("rest") else { continue };
        let mut mistakes = Vec::new();
        let wiring = read::wiring(service, &section, &mut mistakes);
        let is_sound = mistakes.is_empty();
        written.add(mistakes);
        if !is_sound {
            continue;
        }
        // What is sound can be asked, if not answered.
        for call in &wiring.calls {
            let params = wiring.params.iter().map(|name| (name.clone(), "a.example".to_string())).collect();
            let inputs = call.inputs.iter().map(|input| (input.wire.clone(), vec!["a/b?".to_string()])).collect();
            let fields = call.fields.iter().map(|(wire, _)| wire.clone()).collect();
            let request = Request { call: call.name.clone(), params, inputs, fields, ..Request::default() };
            let _ = request::outgoing(&wiring, call, &request);
            let _ = request::described(&wiring, call, &request);
        }
    }
    match drafts.catalog() {
        Ok(catalog) => {
            for service in catalog.providers.iter().flat_map(|provider| &provider.services) {
                for resource in &service.resources {
                    assert!(catalog.resource("acme", "things", &resource.name).is_ok());
                    for method in &resource.methods {
                        iql_rooms::catalog::required_params(resource, method);
                    }
                }
            }
        }
        Err(error) => {
            let lines = text.split(['\n', '\r']).count() + 1;
            for complaint in &error.context {
                let line = complaint.split(':').nth(1).and_then(|line| line.parse::<usize>().ok());
                assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "no line of {lines}: {complaint}");
            }
            assert!(!error.context.is_empty(), "refused without a reason: {error}");
        }
    }
}
