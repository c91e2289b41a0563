//! Every kind that can be created, from the least manifest there is (`tests/fixtures/kinds/minimal.yaml`): made, shown in each form, put back as
//! it is, applied twice, taken away. What a real server shows of the same was compared by hand; what differs is in `docs/simulator.md`.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubedrill::base::clock::Clock;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey, User};
use kubedrill::sim::apiserver::decoding::decode;
use kubedrill::sim::apiserver::endpoints::{ApiServer, DeleteOptions, FieldValidation, Patch, Request};
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry::{RESOURCES, Resource, of_kind};
use kubedrill::sim::apiserver::storage::Storage;
use serde_json::{Value, json};

fn manifests() -> Vec<Value> {
    let text = include_str!("../fixtures/kinds/minimal.yaml");
    serde_yaml::from_multiple(text).expect("the manifests are YAML")
}

fn row(object: &Value) -> &'static Resource {
    let (version, kind) = (meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    of_kind(version, kind).unwrap_or_else(|| panic!("{version} {kind} is served"))
}

fn server() -> Arc<ApiServer> {
    let clock = Clock::system();
    let authority = Authority::generate("kubernetes", clock.now()).expect("a key can be made");
    let tokens = TokenKey::new(&KeyPair::generate().expect("a key can be made")).expect("a key is a token's");
    let server = ApiServer::new(Storage::new(), clock, Authenticator::new(authority.certificate(), tokens));
    for object in [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "kinds-all" } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }),
    ] {
        server.create(&request(&object, ""), object).expect("it can be made");
    }
    server
}

fn request(object: &Value, name: &str) -> Request {
    let row = row(object);
    let groups = vec!["system:masters".to_owned()];
    let user = User { name: "kubernetes-admin".to_owned(), groups, ..User::default() };
    let mut request = Request::new(Arc::new(user), row, if row.namespaced { "kinds-all" } else { "" }, name);
    request.field_manager = "test".to_owned();
    // Who created an object and who applies it are two managers.
    request.force = true;
    request
}

#[test]
fn each_kind_that_can_be_created_has_a_manifest() {
    let given: BTreeSet<String> = manifests().iter().map(|object| row(object).group_resource()).collect();
    let wanted = RESOURCES.iter().filter(|row| row.verbs.contains(&"delete") && row.stored_as.is_none());
    // Requests for certificates need one that is signed; their own tests make them.
    let missing: Vec<String> = wanted
        .map(|row| row.group_resource())
        .filter(|name| !given.contains(name) && name != "certificatesigningrequests.certificates.k8s.io")
        .collect();
    assert!(missing.is_empty(), "no manifest of {missing:?}");
}

#[test]
fn each_kind_is_made_shown_kept_and_taken_away() {
    let server = server();
    let now = Clock::system().now();
    for manifest in manifests() {
        let row = row(&manifest);
        let expected = (meta::text(&manifest, "/apiVersion"), meta::text(&manifest, "/kind"));
        let bytes = manifest.to_string();
        let (object, _) = decode(bytes.as_bytes(), "", Some(expected), FieldValidation::Strict).expect("it reads");
        let made = server.create(&request(&manifest, ""), object).unwrap_or_else(|status| panic!("{row:?}: {status}"));
        let named = request(&manifest, meta::name(&made));
        let found = server.get(&named).expect("it is there");
        assert_eq!((row.table.row)(&found, now).len(), row.table.columns.len(), "{row:?}");
        let (put, _) = server.update(&named, (*found).clone()).expect("it may be put back");
        assert_eq!(put, found, "{row:?} changes when it is put back as it is");
        let (first, _) = server.patch(&named, &Patch::Apply(manifest.clone())).expect("it may be applied");
        let (second, _) = server.patch(&named, &Patch::Apply(manifest.clone())).expect("and again");
        assert_eq!(first, second, "{row:?} changes when it is applied twice");
        server.delete(&named, &DeleteOptions::default()).expect("it goes");
    }
}
