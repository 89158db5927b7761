//! A sound document passes; each mistake is one complaint, and all are there at once, beside the catalog's own.

use super::*;
use crate::catalog::load;
use crate::settings::Settings;

/// A sound document, which each case breaks in one place.
const SOUND: &str = "\
driver: aws.redshift
params:
  region: {type: string, required: true}
  profile: {type: string}
resources:
  links:
    identity: [integration_arn]
    fields:
      integration_arn: {wire: IntegrationArn, type: string}
      integration_name: {wire: IntegrationName, type: string, access: write}
      source_arn: {wire: SourceArn, type: string, access: create}
      target_arn: {wire: TargetArn, type: string, access: create}
      tags: {wire: Tags, type: list, items: {key: {wire: Key, type: string}}, access: write, keyed: key}
      region: {param: region}
    methods:
      list: {call: DescribeIntegrations, permissions: [redshift:DescribeIntegrations]}
      get:
        call: DescribeIntegrations
        needs: [Identifier]
        permissions: [redshift:DescribeIntegrations]
      create: {call: CreateIntegration, permissions: [redshift:CreateIntegration]}
      update:
        call: ModifyIntegration
        needs: [Identifier, PatchDocument]
        parts: {tags: {set: CreateTags, remove: DeleteTags}}
        permissions: [redshift:ModifyIntegration, redshift:CreateTags, redshift:DeleteTags]
      delete: {call: DeleteIntegration, needs: [Identifier], permissions: [redshift:DeleteIntegration]}
    verbs: {select: [get, list], insert: create, update: update, delete: delete}
    settles: {wire: Status, done: [active], errors: Errors}
";

fn opened(drafts: &mut Drafts) -> Drivers {
    super::super::open(&Settings::default(), drafts)
}

/// Every complaint about the text, each beginning with its line.
fn complaints(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("acme")).unwrap();
    let path = folder.path().join("acme/links.yaml");
    std::fs::write(&path, text).unwrap();
    let mut drafts = load(Some(folder.path())).unwrap();
    let drivers = opened(&mut drafts);
    verify(&mut drafts, &drivers);
    let lines = drafts.catalog().err().map(|error| error.context).unwrap_or_default();
    let prefix = format!("{}:", path.display());
    lines.iter().map(|line| line.strip_prefix(&prefix).expect(line).to_string()).collect()
}

/// `from` is what the sound document says, `to` what the broken one says instead.
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SOUND.contains(from), "{from}");
    assert_eq!(complaints(&SOUND.replacen(from, to, 1)), expected, "{from} → {to}");
}

#[test]
fn a_sound_document_passes() {
    check("driver: aws.redshift", "driver: aws.redshift", &[]);
}

#[test]
fn drivers_and_calls() {
    check(
        "driver: aws.redshift",
        "driver: aws.redshfit",
        &["1: there is no driver `aws.redshfit`: did you mean `aws.redshift`?"],
    );
    check(
        "list: {call: DescribeIntegrations",
        "list: {call: DescribeIntegration",
        &[
            "16: method `list` has the call `DescribeIntegration`, which `aws.redshift` does not have: did you mean `DescribeIntegrations`?",
        ],
    );
    check(
        "        call: ModifyIntegration",
        "        call: Change",
        &["23: method `update` has the call `Change`, which `aws.redshift` does not have"],
    );
}

#[test]
fn fields() {
    check(
        "wire: IntegrationName,",
        "wire: IntegrationNames,",
        &[
            "10: field `integration_name` shows `IntegrationNames`, which `DescribeIntegrations` does not give: did you mean `IntegrationName`?",
        ],
    );
    check(
        "wire: SourceArn, type: string, access: create",
        "wire: Status, type: string, access: create",
        &["11: field `source_arn` sends `Status`, which `CreateIntegration` does not take"],
    );
    check(
        "wire: SourceArn, ",
        "",
        &[
            "11: field `source_arn` shows `source_arn`, which `DescribeIntegrations` does not give: did you mean `SourceArn`?",
        ],
    );
    check(
        "wire: IntegrationArn, type: string",
        "wire: IntegrationArm, type: string",
        &[
            "9: field `integration_arn` shows `IntegrationArm`, which `DescribeIntegrations` does not give: did you mean `IntegrationArn`?",
        ],
    );
}

#[test]
fn parts_of_methods() {
    check(
        "set: CreateTags",
        "set: CreateTag",
        &[
            "25: part `tags` of method `update` has the call `CreateTag`, which `aws.redshift` does not have: did you mean `CreateTags`?",
        ],
    );
    check(
        "remove: DeleteTags",
        "remove: DescribeInboundIntegrations",
        &[
            "25: part `tags` has the call `DescribeInboundIntegrations`, which changes nothing",
            "26: method `update` lacks the permission `redshift:DescribeInboundIntegrations`, which `DescribeInboundIntegrations` needs",
        ],
    );
    check(
        "set: CreateTags",
        "set: CreateIntegration",
        &[
            "25: part `tags` does not send `IntegrationName`, without which `CreateIntegration` does not work",
            "25: part `tags` does not send `SourceArn`, without which `CreateIntegration` does not work",
            "25: part `tags` does not send `TargetArn`, without which `CreateIntegration` does not work",
            "25: part `tags` sends `IntegrationArn`, which `CreateIntegration` does not take: did you mean `IntegrationName`?",
            "26: method `update` lacks the permission `redshift:CreateIntegration`, which `CreateIntegration` needs",
        ],
    );
    check(
        "remove: DeleteTags",
        "remove: DeleteIntegration",
        &[
            "25: part `tags` sends `Tags`, which `DeleteIntegration` does not take",
            "26: method `update` lacks the permission `redshift:DeleteIntegration`, which `DeleteIntegration` needs",
        ],
    );
    // Without parts, the method's own call has to take what an UPDATE may change.
    check(
        "        parts: {tags: {set: CreateTags, remove: DeleteTags}}\n",
        "",
        &["13: field `tags` sends `Tags`, which `ModifyIntegration` does not take"],
    );
    check(
        "target_arn: {wire: TargetArn, type: string, access: create",
        "target_arn: {wire: TargetArn, type: string, access: write",
        &["12: field `target_arn` sends `TargetArn`, which `ModifyIntegration` does not take"],
    );
}

#[test]
fn what_waiting_looks_at() {
    check(
        "settles: {wire: Status",
        "settles: {wire: Statu",
        &["29: `settles` looks at `Statu`, which `DescribeIntegrations` does not give: did you mean `Status`?"],
    );
    check(
        "errors: Errors",
        "errors: Error",
        &["29: `settles` looks at `Error`, which `DescribeIntegrations` does not give: did you mean `Errors`?"],
    );
    let by_name = SOUND.replace("identity: [integration_arn]", "identity: [integration_name]");
    assert_eq!(
        complaints(&by_name).last().map(String::as_str),
        Some("29: `settles` looks a resource up, and no method of `select` takes `IntegrationName`")
    );
}

#[test]
fn params() {
    check(
        "region: {type: string, required: true}",
        "region: {type: string}",
        &["3: param `region` is not required, and `DescribeIntegrations` does not work without it"],
    );
    check(
        "  region: {type: string, required: true}\n  profile: {type: string}\nresources:\n  links:\n",
        "  profile: {type: string}\nresources:\n  links:\n    params:\n      region: {type: string}\n",
        &["7: param `region` is not required, and `DescribeIntegrations` does not work without it"],
    );
    check(
        "  profile: {type: string}",
        "  profil: {type: string}",
        &["4: param `profil` is taken by no call of resource `links`: did you mean `profile`?"],
    );
    let without_echo = SOUND.replace("      region: {param: region}\n", "");
    assert_eq!(
        complaints(&without_echo.replace("  region: {", "  regoin: {")),
        ["6: resource `links` has no param `region`, which `DescribeIntegrations` needs"]
    );
    check(
        "  region: {type",
        "  regoin: {type",
        &["14: field `region` echoes `region`, which is no param: did you mean `regoin`?"],
    );
}

#[test]
fn needs_and_permissions() {
    check(
        "needs: [Identifier]",
        "needs: [integration_name]",
        &[
            "19: method `get` needs `integration_name`, which `DescribeIntegrations` does not take: did you mean `IntegrationArn`?",
        ],
    );
    check(
        "DeleteIntegration, needs: [Identifier]",
        "DeleteIntegration",
        &["27: method `delete` does not need `IntegrationArn`, without which `DeleteIntegration` does not work"],
    );
    check(
        "      source_arn: {wire: SourceArn, type: string, access: create}\n",
        "",
        &["20: method `create` does not need `SourceArn`, without which `CreateIntegration` does not work"],
    );
    check(
        "[redshift:ModifyIntegration, redshift:CreateTags, ",
        "[redshift:ModifyIntegrations, ",
        &[
            "26: method `update` lacks the permission `redshift:CreateTags`, which `CreateTags` needs",
            "26: method `update` lacks the permission `redshift:ModifyIntegration`, which `ModifyIntegration` needs",
        ],
    );
}

/// What a driver would say of a part that was not understood is not said.
#[test]
fn one_mistake_is_one_complaint() {
    check(
        "driver:",
        "diver:",
        &["1: the document has no `driver`", "1: unknown key `diver` in the document: did you mean `driver`?"],
    );
    check(
        "params:\n  region",
        "parms:\n  region",
        &[
            "2: unknown key `parms` in the document: did you mean `params`?",
            "14: field `region` echoes `region`, which is no param",
        ],
    );
    check("required: true", "requird: true", &["3: unknown key `requird` in param `region`: did you mean `required`?"]);
    check(
        "required: true",
        "required: yes",
        &["3: `required` of param `region` is `yes`, and must be `true` or `false`"],
    );
    check(
        "wire: SourceArn",
        "wrie: SourceArn",
        &["11: unknown key `wrie` in field `source_arn`: did you mean `wire`?"],
    );
    check(
        "{wire: IntegrationArn",
        "{wire: 7",
        &["9: `wire` of field `integration_arn` is `7`, and must be a text: write it in quotes"],
    );
    check(
        "access: write",
        "access: secrt",
        &["10: `access` of field `integration_name` cannot be `secrt`: did you mean `secret`?"],
    );
    check(
        "identity: [integration_arn]",
        "identity: [integration]",
        &["7: the identity `integration` is no field: did you mean `integration_arn`?"],
    );
    check(
        "call: CreateIntegration",
        "cal: CreateIntegration",
        &["21: method `create` has no `call`", "21: unknown key `cal` in method `create`: did you mean `call`?"],
    );
    check(
        "DeleteIntegration, needs",
        "DeleteIntegration, neds",
        &["27: unknown key `neds` in method `delete`: did you mean `needs`?"],
    );
    check(
        "needs: [Identifier, Patch",
        "needs: [Identifer, Patch",
        &["24: method `update` needs `Identifer`, which is no field: did you mean `Identifier`?"],
    );
    check(
        "permissions: [redshift:Delete",
        "permisions: [redshift:Delete",
        &["27: unknown key `permisions` in method `delete`: did you mean `permissions`?"],
    );
    check("insert: create", "inset: create", &["28: unknown key `inset` in `verbs`: did you mean `insert`?"]);
    check(
        "insert: create",
        "insert: creat",
        &["28: `insert` names `creat`, which is no method: did you mean `create`?"],
    );
    check("parts: {tags", "prts: {tags", &["25: unknown key `prts` in method `update`: did you mean `parts`?"]);
    check(
        "{set: CreateTags",
        "{sets: CreateTags",
        &[
            "25: part `tags` of method `update` has no `set`",
            "25: unknown key `sets` in part `tags` of method `update`: did you mean `set`?",
        ],
    );
    check(
        "settles: {wire",
        "settles: {wre",
        &["29: `settles` has no `wire`", "29: unknown key `wre` in `settles`: did you mean `wire`?"],
    );
    check("update: update", "updat: update", &["28: unknown key `updat` in `verbs`: did you mean `update`?"]);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let broken = "\
driver: aws.redshift
params:
  region: {type: strng}
  profil: {type: string}
resources:
  links:
    identity: [arn]
    fields:
      arn: {wire: IntegrationArm, type: strin, min: many}
      name: {wire: IntegrationName, type: string, min: 3, max: 2}
      source: {wire: SourceArm, type: string, access: read, colour: red}
    methods:
      list: {call: DescribeIntegration, permission: [a]}
      get: {call: DescribeIntegrations, needs: [Identifier], sends: all}
      drop: {call: DeleteIntegration, permissions: []}
    verbs: {select: get, selct: list}
  clusters:
    fields:
      name: {wire: ClusterIdentifer, type: string}
    methods:
      list: {call: DescribeClusters, permissions: [redshift:DescribeClusters]}
    verbs: {select: list}
";
    let expected = "\
3: `type` of param `region` cannot be `strng`: did you mean `string`?
9: `min` of field `arn` is `many`, and must be a whole number from 0
9: `type` of field `arn` cannot be `strin`: did you mean `string`?
9: field `arn` shows `IntegrationArm`, which `DescribeIntegrations` does not give: did you mean `IntegrationArn`?
10: field `name` has a `min` of 3 above its `max` of 2
11: field `source` shows `SourceArm`, which `DescribeIntegrations` does not give: did you mean `SourceArn`?
11: unknown key `colour` in field `source`: it may have `wire`, `type`, `items`, `access`, `required`, `min`, `max`, `pattern`, `strict`, `values`, `arn`, `unique`, `generated`, `with`, `keyed`, `reserved`, `alike`, `secrets`, `redacted`, `param` and `description`
13: method `list` has the call `DescribeIntegration`, which `aws.redshift` does not have: did you mean `DescribeIntegrations`?
13: unknown key `permission` in method `list`: did you mean `permissions`?
14: `sends` of method `get` cannot be `all`: it is one of `changed` and `whole`
14: method `get` lacks the permission `redshift:DescribeIntegrations`, which `DescribeIntegrations` needs
15: method `drop` lacks the permission `redshift:DeleteIntegration`, which `DeleteIntegration` needs
16: unknown key `selct` in `verbs`: did you mean `select`?
19: field `name` shows `ClusterIdentifer`, which `DescribeClusters` does not give: did you mean `ClusterIdentifier`?
";
    assert_eq!(complaints(broken).join("\n") + "\n", expected);
}

fn shipped() -> (Catalog, Drivers) {
    let mut drafts = load(None).expect("no folder is read");
    let drivers = opened(&mut drafts);
    verify(&mut drafts, &drivers);
    (drafts.catalog().expect("the shipped documents are sound, and ask for what there is"), drivers)
}

#[test]
fn the_shipped_documents_fit_their_drivers() {
    // Nothing that a driver gives is out of reach. What is, is listed here with the reason.
    let (catalog, drivers) = shipped();
    assert_eq!(unused(&catalog, &drivers), Vec::<String>::new());
}

#[test]
fn what_no_document_shows_is_listed() {
    let (mut catalog, drivers) = shipped();
    for service in catalog.providers.iter_mut().flat_map(|provider| &mut provider.services) {
        for resource in &mut service.resources {
            resource.fields.retain(|field| field.wire != "Status");
        }
    }
    assert_eq!(
        unused(&catalog, &drivers),
        ["aws.redshift DescribeIntegrations Status", "aws.redshift DescribeInboundIntegrations Status"]
    );
}

#[test]
fn what_is_sent_whole_is_taken_whole() {
    check(
        "parts: {tags: {set: CreateTags, remove: DeleteTags}}",
        "sends: whole\n        parts: {tags: {set: CreateTags, remove: DeleteTags}}",
        &[
            "11: field `source_arn` sends `SourceArn`, which `ModifyIntegration` does not take",
            "12: field `target_arn` sends `TargetArn`, which `ModifyIntegration` does not take",
        ],
    );
}

#[test]
fn an_argument_is_taken_by_its_call() {
    check(
        "DeleteIntegration, needs: [Identifier],",
        "DeleteIntegration, needs: [Identifier], arguments: {reason: {wire: Reason, type: string}},",
        &["27: argument `reason` sends `Reason`, which `DeleteIntegration` does not take"],
    );
    check("errors: Errors", "errors: Errors, errors_when: {ErrorCode: [A]}", &[]);
    check("delete: delete}", "delete: [delete]}", &[]);
}
