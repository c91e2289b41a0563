//! The older document, `/openapi/v2`, as kubectl reads it: in protobuf (`google/gnostic/openapiv2/OpenAPIv2.proto`).
//! kubectl comes here for kinds without a PATCH, and looks whether Namespaces take a query's parameter before it asks which
//! custom resources there are (`k8s.io/cli-runtime/pkg/resource/query_param_verifier.go`).

/// The document: nothing but how a Namespace is patched.
pub fn protobuf() -> Vec<u8> {
    let info = [text(1, "Kubernetes"), text(2, "v1.35.4")].concat();
    let paths = field(2, &[text(1, "/api/v1/namespaces/{name}"), field(2, &field(8, &patch()))].concat());
    [text(1, "2.0"), field(2, &info), field(8, &paths)].concat()
}

/// The operation: its parameters and the kind it is about.
fn patch() -> Vec<u8> {
    let parameter = |name: &str| field(8, &field(1, &field(2, &field(3, &text(4, name)))));
    let kind = text(2, "group: \"\"\nkind: Namespace\nversion: v1\n");
    let about = [text(1, "x-kubernetes-group-version-kind"), field(2, &kind)].concat();
    [parameter("dryRun"), parameter("fieldValidation"), field(13, &about)].concat()
}

fn text(number: u8, content: &str) -> Vec<u8> {
    field(number, content.as_bytes())
}

/// A field that has a length; the length goes out in parts of seven bits, the lowest first.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut made = vec![(number << 3) | 2];
    let mut length = content.len();
    while length > 127 {
        made.push(128 | (length % 128) as u8);
        length /= 128;
    }
    made.push(length as u8);
    made.extend_from_slice(content);
    made
}
