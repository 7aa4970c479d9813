//! The OpenAPI document: the gateway's and ai's in one.

use utoipa::openapi::{Info, License, OpenApi, PathItem};

/// The document of the whole program.
pub(crate) fn document() -> OpenApi {
    let mut document = openmake_gateway::openapi();
    document.merge(openmake_ai::openapi());
    let mut info = Info::new("OpenMake", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "A self-hosted AI assistant platform. Sign in at `/api/v1/auth/login` and send the access \
         token as `Authorization: Bearer`. Errors are RFC 9457 problems; key on their `code`."
            .to_owned(),
    );
    info.license = Some(License::new("MIT"));
    document.info = info;
    for (path, item) in &mut document.paths.paths {
        name_operations(path, item);
    }
    document
}

/// Gives each operation an id that no other has, from its method and path:
/// the handlers' names, which utoipa takes, repeat (`list`, `show`).
fn name_operations(path: &str, item: &mut PathItem) {
    let place = path.strip_prefix("/api/v1").unwrap_or(path);
    let ends_in_slash = place.len() > 1 && place.ends_with('/');
    let mut place: Vec<&str> = place
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    if ends_in_slash {
        place.push("slash");
    }
    let place = place.join("_");
    for (method, operation) in [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ] {
        if let Some(operation) = operation {
            operation.operation_id = Some(format!("{method}_{place}"));
        }
    }
}

/// The same as text, in the form that is committed.
pub(crate) fn document_text() -> serde_json::Result<String> {
    let mut text = document().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let document = serde_json::to_value(document()).expect("serialises");
        let paths = document["paths"].as_object().expect("paths");
        let ids: Vec<_> = paths
            .values()
            .flat_map(|item| item.as_object().expect("operations").values())
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        assert!(ids.len() > 40, "{}", ids.len());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}
