//! How a kind is defaulted, prepared and validated: a row of functions, each with a default that does nothing.
//! Rules that look at other objects or at the user are admission's.

use serde_json::Value;

use super::custom::Custom;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::status::Status;
use crate::sim::apiserver::storage::Storage;

/// What names a kind may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain: most kinds.
    Subdomain,
    /// RFC 1123 label: namespaces.
    Label,
    /// RFC 1035 label: services.
    Dns1035,
    /// A path segment: the kinds of RBAC.
    PathSegment,
    /// An IP address in its shortest form.
    IpAddress,
}

/// What deleting means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Gone, once no finalizer holds it.
    Plain,
    /// A Pod on a node is asked to stop and goes when the kubelet says so.
    Graceful,
    /// A Namespace turns Terminating and goes when the namespace controller has emptied it.
    Namespace,
}

/// From what is given, and whether it is only tried: then nobody is told what others have.
pub struct Giving<'s> {
    pub storage: &'s Storage,
    pub dry_run: bool,
}

/// A field that `--field-selector` can ask for, and how it is read.
pub type SelectableField = (&'static str, fn(&Value) -> String);

/// The strategy of one kind. Start from [`Strategy::PLAIN`] and name what differs.
#[derive(Clone, Copy)]
pub struct Strategy {
    pub name: NameRule,
    pub deletion: Deletion,
    /// Fills in what the user left out. Runs on every read body; must change nothing the second time.
    pub defaults: fn(&mut Value),
    /// What creation does before validation: clears status, computes labels.
    pub prepare_create: fn(&mut Value),
    /// What an update does before validation; the second is the old object. Status is kept apart by the endpoints already.
    pub prepare_update: fn(&mut Value, &Value),
    /// What an update through `/status` or another subresource must keep or compute.
    pub prepare_status: fn(&mut Value, &Value),
    /// What holds for every object of the kind, except `metadata`.
    pub validate: fn(&Value, &mut ErrorList),
    /// What an update may not change; the second is the old object.
    pub validate_update: fn(&Value, &Value, &mut ErrorList),
    /// What may not change is told before what does not fit.
    pub changes_first: bool,
    /// What an update through a subresource may not change; the first is its name.
    pub validate_subresource: fn(&str, &Value, &Value, &mut ErrorList),
    /// What the server tells of a new object that `prepare_create` has not changed yet.
    pub early_warnings: fn(&Value) -> Vec<String>,
    /// What the server tells without refusing.
    pub warnings: fn(&Value) -> Vec<String>,
    /// Hands out what the cluster has to give (addresses, ports), with the old object on an update.
    pub allocate: fn(&Giving<'_>, &mut Value, Option<&Value>) -> Result<(), Status>,
    /// PUT on a name that is not there makes it.
    pub create_on_update: bool,
    /// PUT without resourceVersion is taken as it is.
    pub unconditional_update: bool,
    /// A change of anything but metadata and status counts `metadata.generation` up.
    pub generation: bool,
    /// Fields beyond `metadata.name` and `metadata.namespace`.
    pub fields: &'static [SelectableField],
    /// What a definition says of its objects; nothing for built-in kinds.
    pub custom: Option<&'static Custom>,
}

impl Strategy {
    /// A kind with nothing special.
    pub const PLAIN: Self = Self {
        name: NameRule::Subdomain,
        deletion: Deletion::Plain,
        defaults: |_| {},
        prepare_create: |_| {},
        prepare_update: |_, _| {},
        prepare_status: |_, _| {},
        validate: |_, _| {},
        validate_update: |_, _, _| {},
        changes_first: false,
        validate_subresource: |_, _, _, _| {},
        early_warnings: |_| Vec::new(),
        warnings: |_| Vec::new(),
        allocate: |_, _, _| Ok(()),
        create_on_update: false,
        unconditional_update: true,
        generation: false,
        fields: &[],
        custom: None,
    };
}
