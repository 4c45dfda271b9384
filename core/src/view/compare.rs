//! Predicted against observed: the same step's events from the model kernel and from Linux.

use serde::{Deserialize, Serialize};

use super::events::event_line;
use crate::event::Event;

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What was predicted and not observed, as lines.
    pub only_predicted: Vec<String>,
    /// What was observed and not predicted, as lines.
    pub only_observed: Vec<String>,
}

impl Comparison {
    /// Both kernels show the same.
    pub fn agrees(&self) -> bool {
        self.only_predicted.is_empty() && self.only_observed.is_empty()
    }

    /// As text: one line if they agree.
    pub fn to_text(&self) -> String {
        if self.agrees() {
            return "model and Linux agree\n".to_string();
        }
        let mut text = String::from("model and Linux differ\n");
        self.only_predicted.iter().for_each(|line| text.push_str(&format!("  predicted: {line}\n")));
        self.only_observed.iter().for_each(|line| text.push_str(&format!("  observed:  {line}\n")));
        text
    }
}

/// Compares events in their order, without pids, namespace numbers and times.
pub fn compare(predicted: &[Event], observed: &[Event]) -> Comparison {
    let normal = |events: &[Event]| -> Vec<Event> { events.iter().map(|event| without_history(event.normalised())).collect() };
    let (predicted, observed) = (normal(predicted), normal(observed));
    if predicted == observed {
        return Comparison::default();
    }
    let lines = |events: &[Event], others: &[Event]| -> Vec<String> {
        events.iter().filter(|event| !others.contains(event)).map(event_line).collect()
    };
    let mut comparison = Comparison { only_predicted: lines(&predicted, &observed), only_observed: lines(&observed, &predicted) };
    if comparison.agrees() {
        comparison.only_observed.push("the same events in another order".to_string());
    }
    comparison
}

/// Which number a further process gets in a pid namespace depends on how many there were: the model of a run knows of none.
fn without_history(mut event: Event) -> Event {
    if let Event::ProcessCloned { pid_inside, .. } = &mut event
        && *pid_inside > 1
    {
        *pid_inside = 2;
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_do_not_count_and_values_do() {
        let joined = |pid, directory: &str| Event::CgroupJoined { directory: directory.into(), pid };
        assert!(compare(&[joined(1, "/a")], &[joined(2, "/a")]).agrees());
        let differs = compare(&[joined(1, "/a")], &[joined(1, "/b")]);
        assert!(!differs.agrees() && differs.to_text().contains("/b"));
    }
}
