//! `certificate`: a certificate in a file of a node is valid, for whom and for how long it should.
//! Looking at it is grading's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;
use crate::scenario::on_node::from_the_root;

/// A certificate on a node.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "CertificateForm")]
pub struct Certificate {
    pub node: String,
    /// From the node's root.
    pub path: String,
    /// How many days it is valid from now, at least.
    pub days: i64,
    /// Its common name.
    pub subject: Option<String>,
    /// DNS names and addresses it must have.
    pub names: Vec<String>,
    /// The file with the certificate of the authority that must have signed it.
    pub authority: Option<String>,
}

/// A certificate on a node that is valid.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Certificate", deny_unknown_fields)]
struct CertificateForm {
    /// The node, such as `controlplane`.
    node: String,
    /// The PEM file, or the kubeconfig it is in, from the node's root.
    path: String,
    /// How many days it must still be valid at least; 0 where it is left out: it is valid now.
    #[serde(default)]
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    days: i64,
    /// The common name of its subject.
    #[serde(default)]
    subject: Option<String>,
    /// DNS names and addresses it must be valid for.
    #[serde(default)]
    names: Vec<String>,
    /// The certificate of the authority that must have signed it, from the node's root.
    #[serde(default)]
    authority: Option<String>,
}

schema_of_form!(Certificate, CertificateForm);

impl TryFrom<CertificateForm> for Certificate {
    type Error = String;

    fn try_from(form: CertificateForm) -> Result<Self, String> {
        from_the_root(&form.path)?;
        form.authority.as_deref().map(from_the_root).transpose()?;
        if !(0..=3650).contains(&form.days) {
            return Err("`days` lies between 0 and 3650".to_owned());
        }
        let CertificateForm { node, path, days, subject, names, authority } = form;
        Ok(Self { node, path, days, subject, names, authority })
    }
}

impl Statement for Certificate {
    fn needs_nodes(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["node"], &self.node);
        inspect.name(&["path"], &self.path);
    }
}
