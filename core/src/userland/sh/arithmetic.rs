//! `$((…))`: signed 64-bit integers with C's operators, as POSIX asks; assignments are handed back, not made.

/// How deep parentheses and signs may nest.
const DEPTH_MAX: u32 = 100;

/// Reads and sets variables.
pub(crate) trait Variables {
    /// The value as text; empty where it is not set.
    fn get(&self, name: &str) -> String;
    /// Sets it.
    fn set(&mut self, name: &str, value: i64);
}

struct Evaluator<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
    /// Not 0: in a branch that is not taken, so that nothing is assigned and nothing divides by zero.
    skipping: u32,
    variables: &'a mut dyn Variables,
}

type Value = Result<i64, String>;

/// The value of an expression; an empty one is 0.
pub(crate) fn evaluate(text: &str, variables: &mut dyn Variables) -> Value {
    let mut evaluator = Evaluator { text: text.as_bytes(), at: 0, depth: 0, skipping: 0, variables };
    if evaluator.peek().is_none() {
        return Ok(0);
    }
    let value = evaluator.assignment()?;
    if evaluator.peek().is_some() { Err("arithmetic syntax error".to_string()) } else { Ok(value) }
}

/// Binary operators by how tightly they bind, loosest first; within a row the longer spelling first.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGNMENTS: &[&str] = &["=", "+=", "-=", "*=", "/=", "%="];

impl Evaluator<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: &str) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(wanted.as_bytes());
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    fn name(&mut self) -> Option<String> {
        if !self.peek().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_') {
            return None;
        }
        let start = self.at;
        while self.text.get(self.at).is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_') {
            self.at += 1;
        }
        Some(String::from_utf8_lossy(&self.text[start..self.at]).into_owned())
    }

    fn assignment(&mut self) -> Value {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("arithmetic expression nested too deep".to_string());
        }
        let start = self.at;
        let mut value = None;
        if let Some(name) = self.name() {
            self.peek();
            let rest = &self.text[self.at..];
            let operator = ASSIGNMENTS.iter().find(|operator| rest.starts_with(operator.as_bytes()) && !rest.starts_with(b"=="));
            if let Some(operator) = operator {
                self.at += operator.len();
                let right = self.assignment()?;
                let new = if *operator == "=" { right } else { self.binary(&operator[..1], self.variable(&name)?, right)? };
                if self.skipping == 0 {
                    self.variables.set(&name, new);
                }
                value = Some(new);
            }
        }
        let value = match value {
            Some(value) => value,
            None => {
                self.at = start;
                self.conditional()?
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    fn conditional(&mut self) -> Value {
        let condition = self.level(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let yes = self.skipped(condition == 0, Self::assignment)?;
        if !self.take(":") {
            return Err("arithmetic syntax error".to_string());
        }
        let no = self.skipped(condition != 0, Self::assignment)?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn skipped(&mut self, skip: bool, part: impl FnOnce(&mut Self) -> Value) -> Value {
        self.skipping += u32::from(skip);
        let value = part(self);
        self.skipping -= u32::from(skip);
        value
    }

    fn level(&mut self, level: usize) -> Value {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            let skip = (operator == "||" && left != 0) || (operator == "&&" && left == 0);
            let right = self.skipped(skip, |evaluator| evaluator.level(level + 1))?;
            left = self.binary(operator, left, right)?;
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        self.peek();
        let rest = &self.text[self.at..];
        let found = operators.iter().find(|operator| rest.starts_with(operator.as_bytes()))?;
        let next = rest.get(found.len()).copied();
        let longer = match *found {
            "|" | "&" | "<" | ">" => next == Some(found.as_bytes()[0]),
            _ => false,
        };
        if longer {
            return None;
        }
        self.at += found.len();
        Some(found)
    }

    fn unary(&mut self) -> Value {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("arithmetic expression nested too deep".to_string());
        }
        let value = match self.peek() {
            Some(b'-') => {
                self.at += 1;
                self.unary()?.wrapping_neg()
            }
            Some(b'+') => {
                self.at += 1;
                self.unary()?
            }
            Some(b'!') => {
                self.at += 1;
                i64::from(self.unary()? == 0)
            }
            Some(b'~') => {
                self.at += 1;
                !self.unary()?
            }
            Some(b'(') => {
                self.at += 1;
                let value = self.assignment()?;
                if !self.take(")") {
                    return Err("arithmetic syntax error".to_string());
                }
                value
            }
            Some(c) if c.is_ascii_digit() => self.number()?,
            _ => match self.name() {
                Some(name) => self.variable(&name)?,
                None => return Err("arithmetic syntax error".to_string()),
            },
        };
        self.depth -= 1;
        Ok(value)
    }

    fn number(&mut self) -> Value {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_alphanumeric) {
            self.at += 1;
        }
        parse_number(&String::from_utf8_lossy(&self.text[start..self.at]))
    }

    fn variable(&self, name: &str) -> Value {
        let text = self.variables.get(name);
        if text.trim().is_empty() { Ok(0) } else { parse_number(text.trim()) }
    }

    fn binary(&self, operator: &str, left: i64, right: i64) -> Value {
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 && self.skipping > 0 => 0,
            _ if right == 0 => return Err("divide by zero".to_string()),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }
}

/// Decimal, 0x…, 0….
fn parse_number(text: &str) -> Value {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let parsed = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    let value = parsed.map_err(|_| format!("bad number '{text}'"))?;
    Ok(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Variables for BTreeMap<String, String> {
        fn get(&self, name: &str) -> String {
            BTreeMap::get(self, name).cloned().unwrap_or_default()
        }
        fn set(&mut self, name: &str, value: i64) {
            self.insert(name.to_string(), value.to_string());
        }
    }

    fn value(text: &str) -> Value {
        let mut variables = BTreeMap::from([("x".to_string(), "7".to_string())]);
        evaluate(text, &mut variables)
    }

    #[test]
    fn operators_and_their_precedence() {
        assert_eq!(value("1 + 2 * 3"), Ok(7));
        assert_eq!(value("(1+2)*3 - -x % 4"), Ok(12));
        assert_eq!(value("1 < 2 && 2 <= 2 || 0"), Ok(1));
        assert_eq!(value("x == 7 ? 0x10 : 010"), Ok(16));
        assert_eq!(value("1 << 4 | 1"), Ok(17));
        assert_eq!(value("y = x + 1"), Ok(8));
        assert_eq!(value(""), Ok(0));
        assert_eq!(value("0 && 1/0"), Ok(0));
    }

    #[test]
    fn errors_instead_of_panics() {
        assert_eq!(value("1/0"), Err("divide by zero".to_string()));
        for bad in ["1 +", ")", "1 2", "0x", "9999999999999999999999", "1 ? 2", "é"] {
            assert!(value(bad).is_err(), "{bad}");
        }
        assert!(value(&"(".repeat(10_000)).is_err());
        assert!(value(&"-".repeat(10_000)).is_err());
    }
}
