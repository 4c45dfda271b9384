//! What a person can say to the debugger.

/// Where `go` stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Before the next step of any depth.
    Next,
    /// Before the next step that is no part of this one.
    After,
    /// Before the next step outside of the phase that this one is part of.
    Outside,
    /// At a break or the end.
    Never,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Forward.
    Go(Stop),
    /// The last step is taken back.
    Back,
    /// Stop before steps or calls of this name, or the step of this number.
    Break(String),
    /// No breaks any more.
    Delete,
    /// Explain the step in full.
    Why,
    /// Look at something.
    Inspect(String),
    /// The steps that were carried out.
    Where,
    /// A shell in the half-made container.
    Shell,
    /// The list of orders.
    Help,
    /// Undo everything and leave.
    Quit,
}

/// The list of orders.
pub const HELP: &str = "\
  into, i          the next step; into its parts, if it has any (also an empty line)
  over, n          the whole step, with its parts
  out, o           to the end of the phase that this step is part of
  back, b          take the last step back
  continue, c      to the next break, or the end
  break NAME       stop before a step (PivotRoot), a call (pivot_root) or a number (3.4.2); `delete` removes all breaks
  why, w           explain the step: reason, causes, kernel calls
  inspect, p WHAT  processes | namespaces | mounts | credentials | state
  where            the steps that were carried out
  shell, sh        a shell inside the half-made container
  quit, q          undo everything and leave
";

/// Reads a line; what is not understood is told with the way out.
pub fn parse(line: &str) -> Result<Order, String> {
    let mut words = line.split_whitespace();
    let word = words.next().unwrap_or("into");
    let rest = words.next().unwrap_or_default().to_string();
    Ok(match word {
        "into" | "i" | "step" | "s" => Order::Go(Stop::Next),
        "over" | "n" | "next" => Order::Go(Stop::After),
        "out" | "o" | "finish" => Order::Go(Stop::Outside),
        "continue" | "c" => Order::Go(Stop::Never),
        "back" | "b" => Order::Back,
        "break" if rest.is_empty() => return Err("glassbox: break needs a name: a step, a call, or a number; see help\n".into()),
        "break" => Order::Break(rest),
        "delete" => Order::Delete,
        "why" | "w" => Order::Why,
        "inspect" | "p" => Order::Inspect(rest),
        "where" => Order::Where,
        "shell" | "sh" => Order::Shell,
        "help" | "h" | "?" => Order::Help,
        "quit" | "q" => Order::Quit,
        other => return Err(format!("glassbox: {other} is no order; `help` lists them\n")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_have_short_forms_and_an_empty_line_goes_on() {
        assert_eq!(parse("\n"), Ok(Order::Go(Stop::Next)));
        assert_eq!(parse("n"), Ok(Order::Go(Stop::After)));
        assert_eq!(parse("break pivot_root"), Ok(Order::Break("pivot_root".into())));
        assert!(parse("break").is_err() && parse("fly").is_err());
    }
}
