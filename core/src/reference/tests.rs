use super::*;

fn full(text: &str) -> String {
    Reference::parse(text).map_or_else(|error| error.to_string(), |reference| reference.tagged().to_string())
}

#[test]
fn familiar_names_mean_full_ones() {
    assert_eq!(full("toolbox"), "docker.io/library/toolbox:latest");
    assert_eq!(full("team/app:1"), "docker.io/team/app:1");
    assert_eq!(full("localhost/app"), "localhost/app:latest");
    assert_eq!(full("index.docker.io/app"), "docker.io/library/app:latest");
    assert_eq!(full("[::1]:5000/app"), "[::1]:5000/app:latest");
    assert_eq!(full("LOCALDOMAIN/app"), "LOCALDOMAIN/app:latest");
    let digest = format!("app@sha256:{}", "a".repeat(64));
    assert_eq!(full(&digest), format!("docker.io/library/{digest}"));
}

#[test]
fn full_names_are_shown_short() {
    for name in ["toolbox", "toolbox:1", "team/app", "localhost:5000/app:x", "ghcr.io/a/b"] {
        assert_eq!(Reference::parse(name).unwrap().familiar(), name);
    }
    assert_eq!(Reference::parse("docker.io/library/toolbox:1").unwrap().familiar(), "toolbox:1");
}

#[test]
fn refusals_are_dockers() {
    assert_eq!(full("Foo"), "invalid reference format: repository name (library/Foo) must be lowercase");
    assert_eq!(full("Foo/FarB"), "invalid reference format: repository name (FarB) must be lowercase");
    for bad in ["", "-a", "a//b", ":tag", "a b", "a:", "a@b", "a/", "a___b", "a.-b", "..."] {
        assert_eq!(full(bad), "invalid reference format", "{bad}");
    }
    assert_eq!(
        full(&"a".repeat(64)),
        format!("invalid repository name ({}), cannot specify 64-byte hexadecimal strings", "a".repeat(64))
    );
    assert_eq!(full(&"a/".repeat(127)), "invalid reference format");
    assert_eq!(full(&format!("a/{}", "b".repeat(300))), "repository name must not be more than 255 characters");
}

#[test]
fn an_id_is_a_reference_of_another_kind() {
    let hex = "0123456789abcdef".repeat(4);
    assert_eq!(Reference::parse_any(&hex), Ok(AnyReference::Id(format!("sha256:{hex}"))));
    assert_eq!(Reference::parse_any(&format!("sha256:{hex}")), Ok(AnyReference::Id(format!("sha256:{hex}"))));
    assert!(matches!(Reference::parse_any("toolbox"), Ok(AnyReference::Named(_))));
}
