//! `version`: the fields of Docker's that Glassbox has. Its client and its server are one program.

use serde_json::{Value, json};

use crate::host::HostFacts;
use crate::plan::architecture;
use crate::template::{Labels, Missing, Template};

/// What Docker's command exits with for a template that cannot be read.
const EXIT_TEMPLATE: i32 = 64;
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn fields(host: &HostFacts) -> Value {
    let arch = architecture(&host.machine);
    json!({
        "Client": { "Version": VERSION, "Os": "linux", "Arch": arch, "Context": "default" },
        "Server": {
            "Platform": { "Name": "Glassbox" },
            "Components": [{ "Name": "Engine", "Version": VERSION, "Details": { "Arch": arch, "KernelVersion": host.kernel_release, "Os": "linux" } }],
            "Version": VERSION,
            "Os": "linux",
            "Arch": arch,
            "KernelVersion": host.kernel_release,
        },
    })
}

/// What the client writes, and what it says and exits with where a template asks for what there is not.
pub type Shown = (String, Option<(String, i32)>);

/// The text, or what a template makes of the fields, as far as it comes.
pub fn text(host: &HostFacts, format: Option<&str>) -> Result<Shown, (String, i32)> {
    let text = match format {
        None => return Ok((format!("Glassbox version {VERSION}\n"), None)),
        Some("json") => "{{json .}}",
        Some(text) => text,
    };
    // The client gives this template a name.
    let named = |message: String| {
        let message =
            message.replacen("template: :", "template: version:", 1).replacen("executing \"\"", "executing \"version\"", 1);
        (message, EXIT_TEMPLATE)
    };
    let template = Template::parse(text).map_err(|error| named(format!("template parsing error: {}", error.message)))?;
    let (written, ran) = template.run_as_far(&fields(host), Missing::Struct("system.versionInfo"), &Labels::default());
    let failed = ran.err().map(|error| {
        // Below the top what Docker's client has are structs as well.
        let (place, key) = error.message.split_once(": map has no entry for key ").unwrap_or((&error.message, ""));
        let part = if place.contains("<.Client.") { "system.clientVersion" } else { "*types.Version" };
        let told = match key {
            "" => error.message.clone(),
            key => format!("{place}: can't evaluate field {} in type {part}", key.trim_matches('"')),
        };
        (named(told).0, 1)
    });
    Ok((written + "\n", failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_run_on_dockers_fields() {
        let shown = |format| text(&HostFacts::example(), Some(format));
        assert_eq!(shown("{{.Server.Version}} {{.Client.Os}}/{{.Client.Arch}}"), Ok((format!("{VERSION} linux/amd64\n"), None)));
        assert!(shown("json").unwrap().0.starts_with("{\"Client\":{"));
        assert_eq!(shown("{{.Foo"), Err(("template parsing error: template: version:1: unclosed action".to_string(), 64)));
        let what =
            "template: version:1:9: executing \"version\" at <.Client.Foo>: can't evaluate field Foo in type system.clientVersion";
        assert_eq!(shown("a{{.Client.Foo}}").unwrap().0, "a\n");
        assert_eq!(shown("{{.Client.Foo}}"), Ok(("\n".to_string(), Some((what.to_string(), 1)))));
    }
}
