//! HOME, as runc sets it (docker-run(1) names no rule): what the container's own passwd(5) has for the user's number. Pure: both kernels'
//! executors of `ExecProgram` read the file and ask here.

/// Where the user has no entry.
const NO_ENTRY: &str = "/";
/// A larger /etc/passwd is not read.
pub const PASSWD_BYTES_MAX: usize = 1 << 20;

/// `HOME=…` of the first entry with this number. An entry may have an empty home.
pub fn variable(passwd: &str, uid: u32) -> String {
    let home = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let number: u32 = fields.nth(2)?.parse().ok()?;
        (number == uid).then(|| fields.nth(2).unwrap_or_default())
    });
    format!("HOME={}", home.unwrap_or(NO_ENTRY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_decides_and_the_first_entry() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\na:x:1:1::/home/a:/bin/sh\nb:x:1:1::/home/b:\nc:x:2:2:::\nbroken\nd:x:3\n";
        let home = |uid| variable(passwd, uid);
        assert_eq!(home(0), "HOME=/root");
        assert_eq!(home(1), "HOME=/home/a");
        assert_eq!(home(2), "HOME=");
        assert_eq!(home(3), "HOME=");
        assert_eq!(home(4), "HOME=/");
        assert_eq!(variable("", 0), "HOME=/");
    }
}
