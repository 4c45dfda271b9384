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
    // Below the top what Docker's client has are structs as well.
    let part = |place: &str| if place.contains("<.Client.") { "system.clientVersion" } else { "*types.Version" };
    filled(text, "version", &fields(host), "system.versionInfo", part)
}

/// What a template makes of `fields`, as far as it comes. `name`: what the client calls the template; `top`: its type of the whole, and
/// `part` of what is below, by the place of which an error tells.
pub(super) fn filled(
    text: &str,
    name: &str,
    fields: &Value,
    top: &'static str,
    part: impl Fn(&str) -> &'static str,
) -> Result<Shown, (String, i32)> {
    let named = |message: String| {
        let (place, executing) = (format!("template: {name}:"), format!("executing \"{name}\""));
        message.replacen("template: :", &place, 1).replacen("executing \"\"", &executing, 1)
    };
    let template =
        Template::parse(text).map_err(|error| (named(format!("template parsing error: {}", error.message)), EXIT_TEMPLATE))?;
    let (written, ran) = template.run_as_far(fields, Missing::Struct(top), &Labels::default());
    let failed = ran.err().map(|error| {
        let told = match error.message.split_once(": map has no entry for key ") {
            None => error.message,
            Some((place, key)) => format!("{place}: can't evaluate field {} in type {}", key.trim_matches('"'), part(place)),
        };
        (named(told), 1)
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
