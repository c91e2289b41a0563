//! Bodies that do not fit, refused in the words of a real API server 1.35.4: each row was posted to one.
//! What fits and what is left of it is `protobuf.rs`, over trees that Go's own types gave.

use kubedrill::object::schema;
use kubedrill::sim::apiserver::decoding::{DecodeError, Dialect, FieldValidation, decode, go_map, refit, repeated};
use serde_json::json;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A Deployment with `spec` put into its spec and `container` into its container.
fn deployment(spec: &str, container: &str) -> String {
    format!(
        r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"a"}},"spec":{{"selector":{{"matchLabels":{{"a":"b"}}}},{spec}"template":{{"metadata":{{"labels":{{"a":"b"}}}},"spec":{{"containers":[{{"name":"c","image":"nginx"{container}}}]}}}}}}}}"#
    )
}

fn refused(body: &str, media: &str, expected: (&str, &str)) -> Result<String, String> {
    match decode(body.as_bytes(), media, Some(expected), FieldValidation::Strict) {
        Err(error) => Ok(error.to_string()),
        Ok((value, _)) => Err(format!("read as {value}")),
    }
}

#[test]
fn misfits_are_told_with_gos_types_and_paths() -> Outcome {
    let quantities =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned();
    let field = |found: &str, at: &str, of: &str| {
        format!("json: cannot unmarshal {found} into Go struct field {at} of type {of}")
    };
    let container = |field: &str| format!("Container.spec.template.spec.containers.{field}");
    let replicas = "DeploymentSpec.spec.replicas";
    let rows = [
        (r#""replicas":"1","#, r#","imag":"x""#, field("string", replicas, "int32")),
        (r#""replicas":1.5,"#, "", field("number 1.5", replicas, "int32")),
        (r#""replicas":99999999999,"#, "", field("number 99999999999", replicas, "int32")),
        (r#""replicas":true,"#, "", field("bool", replicas, "int32")),
        (r#""replicas":{},"#, "", field("object", replicas, "int32")),
        (r#""selector":1,"#, "", field("number", "DeploymentSpec.spec.selector", "v1.LabelSelector")),
        ("", r#","ports":{}"#, field("object", &container("ports"), "[]v1.ContainerPort")),
        (
            "",
            r#","ports":[{"containerPort":"80"}]"#,
            field("string", "ContainerPort.spec.template.spec.containers.ports.containerPort", "int32"),
        ),
        ("", r#","args":[1]"#, field("number", &container("args"), "string")),
        ("", r#","args":"x""#, field("string", &container("args"), "[]string")),
        ("", r#","resources":"x""#, field("string", &container("resources"), "v1.ResourceRequirements")),
        ("", r#","imagePullPolicy":1"#, field("number", &container("imagePullPolicy"), "v1.PullPolicy")),
        (
            "",
            r#","resources":{"limits":"x"}"#,
            field("string", "ResourceRequirements.spec.template.spec.containers.resources.limits", "v1.ResourceList"),
        ),
        (
            "",
            r#","livenessProbe":{"httpGet":{"port":1.5}}"#,
            field(
                "number 1.5",
                "HTTPGetAction.spec.template.spec.containers.livenessProbe.ProbeHandler.httpGet.port",
                "int32",
            ),
        ),
        ("", r#","resources":{"limits":{"cpu":"abc"}}"#, quantities.clone()),
        // What a quantity refuses comes before what does not fit, wherever it stands.
        (r#""replicas":"1","#, r#","resources":{"limits":{"cpu":true}}"#, quantities),
    ];
    for (spec, container, told) in rows {
        let body = deployment(spec, container);
        assert_eq!(
            refused(&body, "application/json", ("apps/v1", "Deployment"))?,
            format!("Deployment in version \"v1\" cannot be handled as a Deployment: {told}")
        );
    }
    Ok(())
}

#[test]
fn unknown_and_duplicate_fields_are_told_in_the_order_of_the_document() -> Outcome {
    let strict = |body: &str, kind| refused(body, "", kind);
    let deployment_kind = ("apps/v1", "Deployment");
    assert_eq!(
        strict(&deployment(r#""replica":1,"#, r#","imag":"x""#), deployment_kind)?,
        r#"Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica", unknown field "spec.template.spec.containers[0].imag""#
    );
    assert_eq!(
        strict(&deployment(r#""replicas":1,"replicas":2,"#, r#","name":"d""#), deployment_kind)?,
        r#"Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: duplicate field "spec.replicas", duplicate field "spec.template.spec.containers[0].name""#
    );
    // Names are case-sensitive.
    assert_eq!(
        strict(&deployment(r#""Replicas":3,"#, ""), deployment_kind)?,
        r#"Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.Replicas""#
    );
    let map = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","a":"2"},"data":{}}"#;
    assert_eq!(
        strict(map, ("v1", "ConfigMap"))?,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a", duplicate field "data""#
    );
    Ok(())
}

#[test]
fn warnings_are_the_same_words_one_by_one() -> Outcome {
    let body = deployment(r#""replicas":1,"replicas":2,"#, r#","name":"d","foo":1"#);
    let expected = Some(("apps/v1", "Deployment"));
    let (value, warnings) = decode(body.as_bytes(), "", expected, FieldValidation::Warn)?;
    assert_eq!(
        warnings,
        [
            r#"duplicate field "spec.replicas""#,
            r#"duplicate field "spec.template.spec.containers[0].name""#,
            r#"unknown field "spec.template.spec.containers[0].foo""#
        ]
    );
    assert_eq!(value["spec"]["replicas"], 2);
    assert_eq!(value.pointer("/spec/template/spec/containers/0/foo"), None);
    assert!(decode(body.as_bytes(), "", expected, FieldValidation::Ignore)?.1.is_empty());
    Ok(())
}

#[test]
fn yaml_tells_lines() -> Outcome {
    let body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: \"1\"\n  a: \"2\"\nfoo: 1\n";
    let expected = ("v1", "ConfigMap");
    let (value, warnings) = decode(body.as_bytes(), "application/yaml", Some(expected), FieldValidation::Warn)?;
    assert_eq!(warnings, [r#"line 6: key "a" already set in map"#, r#"unknown field "foo""#]);
    assert_eq!(value["data"], json!({"a": "2"}));
    assert_eq!(
        refused(body, "application/yaml", expected)?,
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 6: key \"a\" already set in map, unknown field \"foo\""
    );
    assert_eq!(
        refused("kind: ConfigMap\ndata: {a: 1}", "application/yaml", expected)?,
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    );
    let mode = "kind: Pod\nspec: {volumes: [{name: v, secret: {defaultMode: 0644}}], hostNetwork: yes}";
    let (pod, _) = decode(mode.as_bytes(), "application/yaml", Some(("v1", "Pod")), FieldValidation::Strict)?;
    assert_eq!(pod["spec"]["volumes"][0]["secret"]["defaultMode"], 420);
    assert_eq!(pod["spec"]["hostNetwork"], true);
    Ok(())
}

#[test]
fn the_kind_must_be_the_endpoints() -> Outcome {
    let expected = ("apps/v1", "Deployment");
    let rows = [
        (
            r#"{"apiVersion":"apps/v2","kind":"Deployment"}"#,
            r#"Deployment in version "v2" cannot be handled as a Deployment: no kind "Deployment" is registered for version "apps/v2" in scheme "pkg/runtime/scheme.go:111""#,
        ),
        (
            r#"{"apiVersion":"v1","kind":"Pod"}"#,
            r#"Pod in version "v1" cannot be handled as a Deployment: converting (v1.Pod) to (apps.Deployment): unknown conversion"#,
        ),
        (
            r#"{"apiVersion":1,"kind":"Pod"}"#,
            r#"the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .apiVersion of type string ({"apiVersion":1,"kind":"Pod"})"#,
        ),
        (
            r#"{"apiVersion":"a/b/c","kind":"Deployment","metadata":{"name":"a"}}"#,
            r#"the object provided is unrecognized (must be of type Deployment): unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c","kind":" ...)"#,
        ),
        (
            r#"{"apiVersion":"apps/v1","kind":"Deployment","#,
            r#"the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: unexpected end of JSON input ({"apiVersion":"apps/v1","kind" ...)"#,
        ),
        (
            "",
            "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
        ),
        (
            "[]",
            r#"the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" } (5b5d)"#,
        ),
    ];
    for (body, told) in rows {
        assert_eq!(refused(body, "", expected)?, told);
    }
    let hpa = r#"{"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler","metadata":{"name":"x"}}"#;
    assert_eq!(
        refused(hpa, "", ("autoscaling/v2", "HorizontalPodAutoscaler"))?,
        "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)"
    );
    assert_eq!(
        refused("{}", "application/vnd.kubernetes.protobuf", expected)?,
        "the object provided is unrecognized (must be of type Deployment): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({})"
    );
    Ok(())
}

#[test]
fn a_body_that_names_no_kind_is_the_endpoints() -> Outcome {
    let (value, _) =
        decode(b"{}", "application/json; charset=utf-8", Some(("apps/v1", "Deployment")), Default::default())?;
    assert_eq!((value["apiVersion"].as_str(), value["kind"].as_str()), (Some("apps/v1"), Some("Deployment")));
    let options = json!({"apiVersion": "policy/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}).to_string();
    let (value, _) = decode(options.as_bytes(), "", Some(("v1", "DeleteOptions")), FieldValidation::Strict)?;
    assert_eq!(value["gracePeriodSeconds"], 0);
    Ok(())
}

#[test]
fn an_unknown_media_type_is_415() {
    let error = decode(b"x", "text/plain", None, FieldValidation::Warn).map(drop);
    assert_eq!(error, Err(DecodeError::UnsupportedMediaType));
    assert_eq!(error.map_err(|error| (error.code(), error.reason())), Err((415, "UnsupportedMediaType")));
}

#[test]
fn a_custom_resource_is_read_as_it_is() -> Outcome {
    let body =
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"a": [], "b": 0}});
    let expected = Some(("example.com/v1", "Widget"));
    assert_eq!(decode(body.to_string().as_bytes(), "", expected, FieldValidation::Strict)?, (body, Vec::new()));
    Ok(())
}

#[test]
fn a_patched_tree_is_read_again() -> Outcome {
    let of = schema::of("apps/v1", "Deployment");
    let unfit = |spec, dialect| match refit(&json!({"spec": spec}), of, dialect, FieldValidation::Strict) {
        Err(why) => why.to_string(),
        Ok((value, _)) => value.to_string(),
    };
    let replicas = json!({"replicas": "x"});
    assert_eq!(
        unfit(replicas.clone(), Dialect::Json),
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
    );
    assert_eq!(unfit(replicas, Dialect::Converter), "unrecognized type: int32");
    let containers = json!({"template": {"spec": {"containers": "x"}}});
    assert_eq!(unfit(containers.clone(), Dialect::Converter), "cannot restore slice from string");
    assert_eq!(
        unfit(json!({"replica": 1}), Dialect::Converter),
        r#"strict decoding error: unknown field "spec.replica""#
    );
    assert_eq!(go_map(&json!({"spec": containers})), "map[spec:map[template:map[spec:map[containers:x]]]]");
    Ok(())
}

#[test]
fn fields_given_twice_are_told_of_kinds_that_nobody_knows() -> Outcome {
    let told = ["duplicate field \"spec.a\"", "duplicate field \"spec.list[0].b\""];
    let text = r#"{"apiVersion":"e.io/v1","kind":"W","spec":{"a":1,"a":2,"list":[{"b":1,"b":2}]}}"#;
    let (value, found) = decode(text.as_bytes(), "application/json", Some(("e.io/v1", "W")), FieldValidation::Strict)?;
    assert_eq!((found.as_slice(), &value["spec"]["a"]), (&told.map(str::to_owned)[..], &json!(2)));
    assert_eq!(repeated(text.as_bytes(), "application/merge-patch+json"), told);
    let yaml = "apiVersion: e.io/v1\nkind: W\nspec:\n  a: 1\n  a: 2\n";
    let line = "line 5: key \"a\" already set in map";
    assert_eq!(repeated(yaml.as_bytes(), "application/apply-patch+yaml"), [line]);
    let (_, found) = decode(yaml.as_bytes(), "application/yaml", Some(("e.io/v1", "W")), FieldValidation::Strict)?;
    assert_eq!(found, [format!("yaml: unmarshal errors:\n  {line}")]);
    Ok(())
}
