//! `certificate`: a certificate on a node is signed anew, so that it ends when the task wants it to.
//! Signing is the cluster's.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::form::schema_of_form;
use crate::scenario::on_node::from_the_root;

/// Signs a certificate anew, with another end.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "CertificateForm")]
pub struct Certificate {
    pub node: String,
    /// From the node's root.
    pub path: String,
    /// How many days from now it ends; less than 0 where it has ended.
    pub ends_in_days: i64,
}

/// Signs a certificate of a node anew, by the same authority, for the same names.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "CertificateStep", deny_unknown_fields, rename_all = "camelCase")]
struct CertificateForm {
    /// The node, such as `controlplane`.
    node: String,
    /// The certificate (`.crt`; its key lies beside it) or the kubeconfig it is in, from the node's root.
    path: String,
    /// How many days from now it ends; less than 0 where it has ended.
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    ends_in_days: i64,
}

schema_of_form!(Certificate, CertificateForm);

impl TryFrom<CertificateForm> for Certificate {
    type Error = String;

    fn try_from(form: CertificateForm) -> Result<Self, String> {
        from_the_root(&form.path)?;
        if !(-3650..=3650).contains(&form.ends_in_days) {
            return Err(format!("{} days are more than ten years", form.ends_in_days));
        }
        Ok(Self { node: form.node, path: form.path, ends_in_days: form.ends_in_days })
    }
}
