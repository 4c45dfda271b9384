//! What `cp` tells at its end.

use super::reclaimed::scaled_to;
use crate::copying::Copied;
use crate::step::CopyFiles;

/// `Successfully copied 2.05kB to web:/srv`, as Docker's client writes it.
pub fn summary(copy: &CopyFiles, copied: &Copied) -> String {
    let to = match &copy.to.container {
        Some(root) => format!("{}:{}", root.word, copy.to.path),
        None => copy.to.path.clone(),
    };
    format!("Successfully copied {} to {to}\n", scaled_to(copied.archive_bytes, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{CopyStep, samples};

    #[test]
    fn the_size_is_that_of_the_archive_in_three_digits() {
        let step = samples::all().into_iter().find_map(|step| match step {
            crate::step::Step::Copy(CopyStep::CopyFiles(copy)) => Some(copy),
            _ => None,
        });
        let copied = Copied { archive_bytes: 2048, ..Copied::default() };
        assert_eq!(summary(&step.unwrap(), &copied), "Successfully copied 2.05kB to /root\n");
    }
}
