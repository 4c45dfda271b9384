//! What the image's configuration says of a container besides its program.

use std::collections::BTreeSet;

use crate::cli::Healthcheck;
use crate::model::{ImageConfig, ImageHealthcheck};

/// The command's health check, and in its place or in its gaps the image's, as dockerd merges them.
pub(super) fn healthcheck(own: Option<&Healthcheck>, of_image: Option<&ImageHealthcheck>) -> Option<Healthcheck> {
    let Some(image) = of_image else { return own.cloned() };
    let own = own.cloned().unwrap_or_default();
    let or = |own: u64, image: u64| if own == 0 { image } else { own };
    Some(Healthcheck {
        test: if own.test.is_empty() { image.test.clone() } else { own.test },
        interval_ns: or(own.interval_ns, image.interval),
        timeout_ns: or(own.timeout_ns, image.timeout),
        start_period_ns: or(own.start_period_ns, image.start_period),
        start_interval_ns: or(own.start_interval_ns, image.start_interval),
        retries: if own.retries == 0 { u32::try_from(image.retries).unwrap_or(u32::MAX) } else { own.retries },
    })
}

/// Where the image wants volumes: absolute paths.
pub(super) fn volumes(config: &ImageConfig) -> BTreeSet<String> {
    let path = |path: &String| format!("/{}", path.trim_matches('/'));
    config.volumes.keys().map(path).filter(|path| path != "/").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_in_the_commands_health_check_are_filled_from_the_image() {
        let image = ImageHealthcheck { test: vec!["CMD".into(), "true".into()], interval: 5, retries: 2, ..Default::default() };
        assert_eq!(healthcheck(None, None), None);
        let merged = healthcheck(None, Some(&image)).unwrap();
        assert_eq!((merged.test.len(), merged.interval_ns, merged.retries), (2, 5, 2));
        let own = Healthcheck { test: vec!["NONE".into()], retries: 9, ..Healthcheck::default() };
        let merged = healthcheck(Some(&own), Some(&image)).unwrap();
        assert_eq!((merged.test, merged.interval_ns, merged.retries), (vec!["NONE".to_string()], 5, 9));
        assert_eq!(healthcheck(Some(&own), None), Some(own));
    }
}
