//! How the specification is laid out as text: a field a line, and an array in one line, so that four hundred names of system calls do
//! not take four hundred lines. Objects in an array have their fields on lines as well.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// A comma, a new line, and room for the deepest field.
const NEXT: &[u8] = b",\n                                ";

/// The layout, at a place in the text.
#[derive(Default)]
pub(super) struct FieldALine {
    depth: usize,
    /// The object that has just ended, or is about to, has fields.
    has_fields: bool,
}

impl FieldALine {
    /// A new line and its blanks; `after_comma`: with the comma before it. What lies deeper than any field of the OCI stays at that depth.
    fn line(&self, writer: &mut (impl Write + ?Sized), after_comma: bool) -> io::Result<()> {
        let end = (2 + 2 * self.depth).min(NEXT.len());
        writer.write_all(NEXT.get(usize::from(!after_comma)..end).unwrap_or_default())
    }
}

impl Formatter for FieldALine {
    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.has_fields = false;
        writer.write_all(b"{")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.line(writer, !first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_fields = true;
        Ok(())
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.has_fields {
            self.line(writer, false)?;
        }
        writer.write_all(b"}")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_a_line_and_an_array_in_one() {
        let value = json!({ "a": [1, "b"], "c": { "d": {}, "e": [] }, "f": [{ "g": null }, {}] });
        let mut text = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, FieldALine::default())).unwrap();
        let lines =
            "{\n  \"a\": [1, \"b\"],\n  \"c\": {\n    \"d\": {},\n    \"e\": []\n  },\n  \"f\": [{\n    \"g\": null\n  }, {}]\n}";
        assert_eq!(String::from_utf8(text).unwrap(), lines);
    }
}
