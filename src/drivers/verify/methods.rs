//! What a method takes and gives of its own, held against its call: arguments that are not sent, columns that no answer
//! has, and inputs that an argument may leave out.

use super::Call;
use crate::catalog::Written;
use crate::catalog::model::{Field, Resource, Service};
use crate::error::did_you_mean;

/// Complains of arguments that the call does not take, and of those that it does not work without and that may be left
/// out.
pub fn arguments(resource: &Resource, call: &Call<'_>, written: &mut Written) {
    let Call { method, name: call_name, signature } = call;
    for argument in &method.arguments {
        let (name, wire) = (argument.name.as_str(), argument.wire.as_str());
        let path = ["resources", &resource.name, "methods", &method.name, "arguments", name];
        if !written.is_sound(&path) {
            continue;
        }
        match signature.inputs.iter().find(|input| input.wire == wire) {
            None => {
                let near = did_you_mean(wire, call.inputs());
                let message = format!("argument `{name}` sends `{wire}`, which `{call_name}` does not take{near}");
                written.complain(&path, message);
            }
            Some(input) if input.required && !argument.required => {
                let message = format!("argument `{name}` is not required, and `{call_name}` does not work without it");
                written.complain(&path, message);
            }
            Some(_) => {}
        }
    }
}

/// Complains of columns that the call does not give.
pub fn gives(resource: &Resource, call: &Call<'_>, written: &mut Written) {
    let Call { method, name: call_name, signature } = call;
    for field in &method.gives {
        let (name, wire) = (field.name.as_str(), field.wire.as_str());
        let path = ["resources", &resource.name, "methods", &method.name, "gives", name];
        if written.is_sound(&path) && !signature.fields.contains(&wire) {
            let near = did_you_mean(wire, signature.fields.iter().copied());
            written.complain(&path, format!("column `{name}` shows `{wire}`, which `{call_name}` does not give{near}"));
        }
    }
}

/// The columns that methods give of a call's answer.
pub fn given<'a>(services: &'a [&'a Service], call: &'a str) -> impl Iterator<Item = &'a Field> {
    let methods = services.iter().flat_map(|service| &service.resources).flat_map(|resource| &resource.methods);
    methods.filter(move |method| method.call == call).flat_map(|method| &method.gives)
}
