//! Templates and what the stock client of Docker 28 makes of them.

use serde_json::json;

use super::*;

fn value() -> Json {
    json!({
        "Name": "/web", "Args": ["1000"],
        "State": { "Status": "running", "Running": true, "Pid": 12 },
        "Config": { "Hostname": "h", "Env": ["A=1", "B=2"], "Labels": { "a": "1" }, "Text": "<&>" },
        "HostConfig": { "Memory": 67_108_864, "CapAdd": null, "PidsLimit": null },
    })
}

fn run(text: &str) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| format!("parse: {}", error.message))?;
    template.run(&value(), Missing::Map, &Labels::default()).map_err(|error| error.message)
}

#[test]
fn fields_functions_and_control_are_those_of_go() {
    for (template, expected) in [
        (
            "{{.Name}} {{.State.Status}} {{.HostConfig.Memory}} {{.Args}} {{.Config.Labels}}",
            "/web running 67108864 [1000] map[a:1]",
        ),
        ("{{range .Config.Env}}{{.}},{{end}}{{if .State.Running}}up{{else}}down{{end}}", "A=1,B=2,up"),
        ("{{index .Config.Labels \"a\"}} {{index .Args 0}} {{join .Config.Env \"-\"}} {{len .Args}}", "1 1000 A=1-B=2 1"),
        ("{{printf \"%s %d\" .Name .State.Pid}} {{println .Name}}", "/web 12 /web\n"),
        (
            "{{split .Name \"e\"}} {{title \"abc\"}} {{lower \"AB\"}} {{pad \"x\" 1 2}}|{{truncate \"abcdef\" 3}}",
            "[/w b] Abc ab  x  |abc",
        ),
        ("{{.Config.Hostname | upper}}{{/* c */}}{{with .State}}{{.Pid}}{{end}}{{$x := .Name}}{{$x}}", "H12/web"),
        (
            "{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{end}}{{eq .State.Pid 12}} {{and true false}} {{not true}}",
            "0=A=1;1=B=2;true false false",
        ),
        ("{{.HostConfig.CapAdd}} {{.HostConfig.PidsLimit}}", "[] <nil>"),
        (
            "{{json .State}} {{json .Config.Env}} {{json .Name}}",
            r#"{"Status":"running","Running":true,"Pid":12} ["A=1","B=2"] "/web""#,
        ),
        ("{{json .Config.Text}}", r#""\u003c\u0026\u003e""#),
    ] {
        assert_eq!(run(template), Ok(expected.to_string()), "{template}");
    }
}

#[test]
fn refusals_are_those_of_go_with_the_place() {
    for (template, expected) in [
        ("{{.Name", "parse: template: :1: unclosed action"),
        ("{{.Name} ", "parse: template: :1: bad character U+007D '}'"),
        ("{{foo .}}", "parse: template: :1: function \"foo\" not defined"),
        ("{{.Name}} {{.Foo}}", "template: :1:12: executing \"\" at <.Foo>: map has no entry for key \"Foo\""),
        ("{{.State.Foo}}", "template: :1:8: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\""),
        ("{{.State.Foo.Bar}}", "template: :1:8: executing \"\" at <.State.Foo.Bar>: map has no entry for key \"Foo\""),
        (
            "{{.State.Status.Foo}}",
            "template: :1:8: executing \"\" at <.State.Status.Foo>: can't evaluate field Foo in type interface {}",
        ),
        ("{{index .Args 5}}", "template: :1:2: executing \"\" at <index .Args 5>: error calling index: index out of range: 5"),
    ] {
        assert_eq!(run(template), Err(expected.to_string()), "{template}");
    }
    let of_struct = Template::parse("{{.Foo}}").unwrap();
    let message = of_struct.run(&value(), Missing::Struct("*formatter.ContainerContext"), &Labels::default()).unwrap_err().message;
    assert_eq!(message, "template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type *formatter.ContainerContext");
}

#[test]
fn a_label_is_asked_for_by_name() {
    let labels = Labels::from([("a".to_string(), "1".to_string())]);
    let template = Template::parse("{{.Label \"a\"}}|{{.Label \"b\"}}|{{upper (.Label \"a\")}}").unwrap();
    assert_eq!(template.run(&json!({}), Missing::Map, &labels), Ok("1||1".to_string()));
}

#[test]
fn no_text_makes_it_panic() {
    for text in
        ["", "{{", "}}", "{{}}", "{{é}}", "é{{.é}}", "{{range}}", "{{end}}", "{{.}}{{if}}", "{{\"", "{{- -}}", "{{.Label }}"]
    {
        let _ = run(text);
    }
    assert!(Template::parse(&"x".repeat(TEMPLATE_BYTES_MAX + 1)).is_err());
}
