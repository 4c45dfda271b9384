//! test and [: expressions of POSIX test(1), with -a, -o, ! and parentheses.
//!
//! One to four arguments mean what POSIX says for that number; longer ones are read by precedence.

use super::sys::{FileKind, Stat};
use super::tool::Context;

/// How deep `!` and parentheses may nest.
const DEPTH_MAX: usize = 200;

/// `[ EXPRESSION ]`
pub(crate) fn bracket(context: &mut Context<'_>, args: &[String]) -> i32 {
    match args.split_last() {
        Some((last, rest)) if last == "]" => test(context, rest),
        _ => {
            context.fail("missing ]");
            2
        }
    }
}

/// test(1): 0 true, 1 false, 2 not an expression.
pub(crate) fn test(context: &mut Context<'_>, args: &[String]) -> i32 {
    let mut parser = Parser { context, args, at: 0, depth: 0 };
    let result = if args.is_empty() { Ok(false) } else { parser.either() };
    let left = args.get(parser.at);
    match (result, left) {
        (Ok(value), None) => i32::from(!value),
        (Ok(_), Some(word)) => {
            let message = format!("{word}: unexpected operator");
            context.fail(&message);
            2
        }
        (Err(message), _) => {
            context.fail(&message);
            2
        }
    }
}

struct Parser<'a, 'b> {
    context: &'a mut Context<'b>,
    args: &'a [String],
    at: usize,
    depth: usize,
}

impl Parser<'_, '_> {
    fn word(&self, ahead: usize) -> Option<&str> {
        self.args.get(self.at + ahead).map(String::as_str)
    }

    fn left(&self) -> usize {
        self.args.len() - self.at
    }

    fn either(&mut self) -> Result<bool, String> {
        let mut value = self.both()?;
        while self.word(0) == Some("-o") && self.left() > 1 {
            self.at += 1;
            value |= self.both()?;
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<bool, String> {
        let mut value = self.not()?;
        while self.word(0) == Some("-a") && self.left() > 1 {
            self.at += 1;
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, String> {
        let mut negate = false;
        while self.word(0) == Some("!") && self.left() > 1 && !self.word(1).is_some_and(|w| self.left() > 2 && is_binary(w)) {
            self.at += 1;
            negate = !negate;
        }
        Ok(self.primary()? != negate)
    }

    fn primary(&mut self) -> Result<bool, String> {
        let first = self.word(0).ok_or("argument expected")?.to_string();
        if let Some(operator) = self.word(1).filter(|word| self.left() > 2 && is_binary(word)).map(str::to_string) {
            let right = self.word(2).unwrap_or_default().to_string();
            self.at += 3;
            return self.binary(&first, &operator, &right);
        }
        if first == "(" && self.left() > 1 {
            return self.parenthesis();
        }
        if self.left() > 1 && is_unary(&first) {
            let operand = self.word(1).unwrap_or_default().to_string();
            self.at += 2;
            return self.unary(&first, &operand);
        }
        self.at += 1;
        Ok(!first.is_empty())
    }

    fn parenthesis(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deep".to_string());
        }
        self.at += 1;
        let value = self.either()?;
        self.depth -= 1;
        if self.word(0) != Some(")") {
            return Err("closing paren expected".to_string());
        }
        self.at += 1;
        Ok(value)
    }

    fn unary(&mut self, operator: &str, operand: &str) -> Result<bool, String> {
        match operator {
            "-n" => return Ok(!operand.is_empty()),
            "-z" => return Ok(operand.is_empty()),
            "-t" => return Ok(self.context.sys.is_terminal(number(operand)? as i32)),
            "-x" => return Ok(self.context.sys.can_execute(operand).is_ok()),
            _ => {}
        }
        let follow = operator != "-L" && operator != "-h";
        let Ok(stat) = self.context.sys.stat(operand, follow) else { return Ok(false) };
        Ok(match operator {
            "-d" => stat.kind == FileKind::Directory,
            "-f" => stat.kind == FileKind::File,
            "-L" | "-h" => stat.kind == FileKind::Symlink,
            "-p" => stat.kind == FileKind::Fifo,
            "-b" => stat.kind == FileKind::BlockDevice,
            "-c" => stat.kind == FileKind::CharDevice,
            "-s" => stat.size > 0,
            "-r" => self.permitted(&stat, 4),
            "-w" => self.permitted(&stat, 2),
            "-u" => stat.mode & 0o4000 != 0,
            "-g" => stat.mode & 0o2000 != 0,
            "-k" => stat.mode & 0o1000 != 0,
            _ => true,
        })
    }

    /// By the permission bits, as root passes all of them.
    fn permitted(&mut self, stat: &Stat, bit: u32) -> bool {
        let (uid, gid, groups) = self.context.sys.ids();
        let shift = if stat.uid == uid {
            6
        } else if stat.gid == gid || groups.contains(&stat.gid) {
            3
        } else {
            0
        };
        uid == 0 || stat.mode >> shift & bit != 0
    }

    fn binary(&mut self, left: &str, operator: &str, right: &str) -> Result<bool, String> {
        Ok(match operator {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "-nt" | "-ot" | "-ef" => self.files(left, operator, right),
            _ => {
                let (left, right) = (number(left)?, number(right)?);
                match operator {
                    "-eq" => left == right,
                    "-ne" => left != right,
                    "-lt" => left < right,
                    "-le" => left <= right,
                    "-gt" => left > right,
                    _ => left >= right,
                }
            }
        })
    }

    fn files(&mut self, left: &str, operator: &str, right: &str) -> bool {
        let (left, right) = (self.context.sys.stat(left, true), self.context.sys.stat(right, true));
        match (operator, left, right) {
            ("-ef", Ok(left), Ok(right)) => (left.device, left.inode) == (right.device, right.inode),
            ("-nt", Ok(left), Ok(right)) => left.modified_seconds > right.modified_seconds,
            ("-ot", Ok(left), Ok(right)) => left.modified_seconds < right.modified_seconds,
            ("-nt", Ok(_), Err(_)) | ("-ot", Err(_), Ok(_)) => true,
            _ => false,
        }
    }
}

fn is_unary(word: &str) -> bool {
    matches!(word.as_bytes(), [b'-', letter] if b"nztxdfLhpcsrwugke".contains(letter))
}

fn is_binary(word: &str) -> bool {
    matches!(word, "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef")
}

fn number(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| format!("{text}: bad number"))
}
