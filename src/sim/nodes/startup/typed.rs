//! Configuration files of components as their decoders read them: kind and version, the types of fields, and fields nobody knows.
//! What a component makes of one is its own. The tables are data in `assets/machine/configs`, from the types of 1.35; each line is a field, the Go
//! type it is part of, and its own. Source: `k8s.io/apimachinery/pkg/runtime/serializer/json`, Go's `encoding/json`.

use serde_json::Value;

use crate::object::duration::duration;
use crate::object::meta;
use crate::sim::apiserver::decoding;

/// The form of a configuration file.
pub struct Form {
    pub version: &'static str,
    pub kind: &'static str,
    table: &'static str,
}

/// `KubeletConfiguration`.
pub static KUBELET: Form = Form {
    version: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    table: include_str!("../../../../assets/machine/configs/kubelet.txt"),
};

/// `KubeProxyConfiguration`.
pub static KUBE_PROXY: Form = Form {
    version: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    table: include_str!("../../../../assets/machine/configs/kube-proxy.txt"),
};

/// `KubeSchedulerConfiguration`.
pub static KUBE_SCHEDULER: Form = Form {
    version: "kubescheduler.config.k8s.io/v1",
    kind: "KubeSchedulerConfiguration",
    table: include_str!("../../../../assets/machine/configs/kube-scheduler.txt"),
};

/// A file that was read.
#[derive(Debug)]
pub struct Typed {
    pub config: Value,
    /// What a strict decoder refuses it for.
    pub strict: Option<String>,
}

/// Reads a configuration; the error is the decoder's.
pub fn decode(text: &str, form: &Form) -> Result<Typed, String> {
    let config = decoding::tree(text.as_bytes(), "application/yaml")?;
    let (version, kind) = (meta::text(&config, "/apiVersion"), meta::text(&config, "/kind"));
    if kind.is_empty() {
        return Err(format!("Object 'Kind' is missing in '{config}'"));
    }
    if version.is_empty() {
        return Err(format!("Object 'apiVersion' is missing in '{config}'"));
    }
    if version != form.version || kind != form.kind {
        let what = format!("no kind {kind:?} is registered for version {version:?}");
        return Err(format!("{what} in scheme \"pkg/runtime/scheme.go:111\""));
    }
    let mut unknown = Vec::new();
    form.walk(&config, ("", ""), &mut unknown)?;
    let strict = (!unknown.is_empty()).then(|| format!("strict decoding error: {}", unknown.join(", ")));
    Ok(Typed { config, strict })
}

impl Form {
    /// The Go type a field is part of, and its own.
    fn row(&self, path: &str) -> Option<(&'static str, &'static str)> {
        let mut rows = self.table.lines().filter_map(|line| line.split_once(' '));
        rows.find(|(known, _)| *known == path).and_then(|(_, types)| types.split_once(' '))
    }

    fn has_fields(&self, path: &str) -> bool {
        self.table.lines().any(|line| line.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Looks at the fields of an object: `path` is as in the table, `shown` as in an error, with the places in lists.
    fn walk(&self, object: &Value, (path, shown): (&str, &str), unknown: &mut Vec<String>) -> Result<(), String> {
        let mut fields: Vec<(&String, &Value)> = object.as_object().into_iter().flatten().collect();
        // YAML becomes JSON by way of a map, which Go writes in order.
        fields.sort_by_key(|(name, _)| *name);
        let below =
            |whole: &str, name: &str| if whole.is_empty() { name.to_owned() } else { format!("{whole}.{name}") };
        for (name, value) in fields {
            let (path, shown) = (below(path, name), below(shown, name));
            let Some(types) = self.row(&path) else {
                unknown.push(format!("unknown field {shown:?}"));
                continue;
            };
            if !value.is_null() {
                self.field(value, (&path, &shown), types, unknown)?;
            }
        }
        Ok(())
    }

    fn field(
        &self,
        value: &Value,
        (path, shown): (&str, &str),
        (owner, kind): (&str, &str),
        unknown: &mut Vec<String>,
    ) -> Result<(), String> {
        let unfit = |value: &Value, place: &str| {
            Err(format!("json: cannot unmarshal {} into Go {place} of type {kind}", word(value)))
        };
        let field = format!("struct field {owner}.{}", path.replace("[]", ""));
        if self.has_fields(path) {
            return if value.is_object() { self.walk(value, (path, shown), unknown) } else { unfit(value, &field) };
        }
        let items = format!("{path}[]");
        if self.has_fields(&items) {
            let Some(list) = value.as_array() else { return unfit(value, &field) };
            return list.iter().enumerate().try_for_each(|(at, item)| match item {
                Value::Null => Ok(()),
                Value::Object(_) => self.walk(item, (&items, &format!("{shown}[{at}]")), unknown),
                _ => Err(format!(
                    "json: cannot unmarshal {} into Go {field} of type {}",
                    word(item),
                    kind.trim_start_matches("[]")
                )),
            });
        }
        match kind {
            "v1.Duration" => match value.as_str() {
                None => Err(format!("json: cannot unmarshal {} into Go value of type string", word(value))),
                Some(text) => duration(text).map(drop),
            },
            _ if fits(value, kind) => Ok(()),
            _ => unfit(value, &field),
        }
    }
}

fn fits(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        "int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => value.is_i64(),
        "float32" | "float64" => value.is_number(),
        "[]string" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        "map[string]string" => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
        "map[string]bool" => value.as_object().is_some_and(|map| map.values().all(Value::is_boolean)),
        kind if kind.starts_with("[]") => value.is_array(),
        kind if kind.starts_with("map[") => value.is_object(),
        // Those are texts of their own types: modes, policies, strategies.
        kind if kind.starts_with("v1alpha1.") || kind.starts_with("v1beta1.") => value.is_string(),
        _ => true,
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(_) => "string".to_owned(),
        Value::Number(number) if number.is_f64() => format!("number {number}"),
        Value::Number(_) => "number".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Array(_) => "array".to_owned(),
        _ => "object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubelet(rest: &str) -> Result<Typed, String> {
        decode(&format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{rest}"), &KUBELET)
    }

    #[test]
    fn what_kubeadm_writes_is_known() {
        let usual = include_str!("../../../../assets/machine/kubelet/config.yaml");
        assert_eq!(decode(usual, &KUBELET).unwrap().strict, None);
    }

    #[test]
    fn types_are_told_in_gos_words() {
        let why = kubelet("maxPods: many\n").unwrap_err();
        assert_eq!(
            why,
            "json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32"
        );
        let why = kubelet("authentication: { anonymous: { enabled: \"no\" } }\n").unwrap_err();
        assert!(why.ends_with("KubeletAnonymousAuthentication.authentication.anonymous.enabled of type bool"), "{why}");
        let why = kubelet("syncFrequency: 10\n").unwrap_err();
        assert_eq!(why, "json: cannot unmarshal number into Go value of type string");
        assert_eq!(kubelet("syncFrequency: \"10\"\n").unwrap_err(), "time: missing unit in duration \"10\"");
        assert!(kubelet("syncFrequency: 1m30s\n").unwrap().strict.is_none());
        assert!(decode("kind: Foo\napiVersion: v1\n", &KUBELET).unwrap_err().starts_with("no kind \"Foo\""));
    }

    #[test]
    fn fields_nobody_knows_are_named_with_their_way() {
        let read = kubelet("maxpods: 3\nauthentication: { x509: { caFile: a } }\n").unwrap();
        let told = "strict decoding error: unknown field \"authentication.x509.caFile\", unknown field \"maxpods\"";
        assert_eq!(read.strict.as_deref(), Some(told));
        let scheduler = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
        let read = decode(&format!("{scheduler}profiles:\n- schedulername: a\n"), &KUBE_SCHEDULER).unwrap();
        assert_eq!(read.strict.as_deref(), Some("strict decoding error: unknown field \"profiles[0].schedulername\""));
    }
}
