//! The rules of `docker build --check`.

use serde::{Deserialize, Serialize};

use crate::dockerfile::Lines;

/// Makes the enum, its names, and what Glassbox says of each.
macro_rules! rules {
    ($($name:ident: $why:literal, $mend:literal;)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $(#[doc = $why] $name,)*
        }

        impl Rule {
            /// All, in alphabetical order.
            pub const ALL: &'static [Rule] = &[$(Rule::$name),*];

            /// As Docker names it.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$name => stringify!($name),)* }
            }

            /// Why it is there.
            pub fn why(self) -> &'static str {
                match self { $(Rule::$name => $why,)* }
            }

            /// What mends it.
            pub fn mend(self) -> &'static str {
                match self { $(Rule::$name => $mend,)* }
            }
        }
    };
}

rules! {
    ConsistentInstructionCasing: "Instructions of one file in one case are easier to tell from their arguments.",
        "Write all instructions in capitals.";
    CopyIgnoredFile: "What .dockerignore leaves out never reaches the builder: the copy fails.",
        "Take the file out of .dockerignore, or the line out of the Dockerfile.";
    DuplicateStageName: "Of two stages with one name, only the first can be meant by it.",
        "Give each stage a name of its own.";
    ExposeInvalidFormat: "EXPOSE notes a port of the container; which port of the host leads there is decided at `docker run -p`.",
        "Name the container's port alone.";
    ExposeProtoCasing: "Protocols are written in lower case: tcp, udp, sctp.",
        "Write the protocol in lower case.";
    FromAsCasing: "FROM and AS belong together.",
        "Write both in the same case.";
    FromPlatformFlagConstDisallowed: "With a constant platform the image is for that platform, whatever the build is asked for.",
        "Leave --platform out, or use $BUILDPLATFORM.";
    InvalidDefaultArgInFrom: "Without a build argument no image is named.",
        "Give the ARG a default that is an image.";
    InvalidDefinitionDescription: "A comment directly above a stage or an argument is taken as its description.",
        "Begin the comment with the name, or put an empty line behind it.";
    JSONArgsRecommended: "The shell form runs under a shell, which is pid 1 then and passes no signals on: `docker stop` waits and kills.",
        "Write a JSON array: [\"program\", \"argument\"].";
    LegacyKeyValueFormat: "Without = it is not to be seen where the name ends and the value begins.",
        "Write name=value.";
    MaintainerDeprecated: "MAINTAINER is no longer kept up.",
        "Write LABEL org.opencontainers.image.authors=\"…\".";
    MultipleInstructionsDisallowed: "Only the last of them counts.",
        "Keep the last one.";
    NoEmptyContinuation: "An empty line within an instruction will be an error.",
        "Take the empty line out.";
    RedundantTargetPlatform: "The target platform is what FROM takes anyway.",
        "Leave --platform out.";
    ReservedStageName: "The name means something else: the empty image, or the build context.",
        "Choose another name.";
    SecretsUsedInArgOrEnv: "Build arguments and environment variables stay in the image: whoever has it can read them.",
        "Use RUN --mount=type=secret.";
    StageNameCasing: "Stage names are read in lower case.",
        "Write the name in lower case.";
    UndefinedArgInFrom: "FROM sees only the ARG lines above the first FROM.",
        "Declare it with ARG above the first FROM.";
    UndefinedVar: "A variable that is not set becomes nothing, silently.",
        "Declare it with ARG or ENV above, or correct its name.";
    WorkdirRelativePath: "A relative directory depends on where the base image left off.",
        "Write an absolute path.";
}

impl Rule {
    /// Only asked where the file or the build asks for it.
    pub fn is_experimental(self) -> bool {
        matches!(self, Rule::InvalidDefinitionDescription | Rule::CopyIgnoredFile)
    }

    /// The page of Docker's documentation.
    pub fn url(self) -> String {
        let mut slug = String::new();
        let letters: Vec<char> = self.name().chars().collect();
        for (at, letter) in letters.iter().enumerate() {
            let before = at > 0 && letters[at - 1].is_lowercase();
            let after = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
            if letter.is_uppercase() && (before || after) {
                slug.push('-');
            }
            slug.extend(letter.to_lowercase());
        }
        format!("https://docs.docker.com/go/dockerfile/rule/{slug}/")
    }
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Which rule.
    pub rule: Rule,
    /// Where.
    pub lines: Lines,
    /// BuildKit's text.
    pub message: String,
}

/// Which rules are asked: `# check=skip=A,B;error=true;experimental=all`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    skip: Names,
    experimental: Names,
    /// A warning fails the build.
    pub error: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    All,
    Some(Vec<String>),
}

impl Default for Names {
    fn default() -> Names {
        Names::Some(Vec::new())
    }
}

impl Names {
    fn read(text: &str) -> Names {
        match text.trim() {
            "all" => Names::All,
            text => Names::Some(text.split(',').map(|name| name.trim().to_string()).collect()),
        }
    }

    fn has(&self, rule: Rule) -> bool {
        match self {
            Names::All => true,
            Names::Some(names) => names.iter().any(|name| name == rule.name()),
        }
    }
}

impl Options {
    /// Reads them; the error is BuildKit's.
    pub fn read(text: &str) -> Result<Options, String> {
        let mut options = Options::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else { return Err(format!("invalid check option {part:?}")) };
            match name.trim() {
                "skip" => options.skip = Names::read(value),
                "experimental" => options.experimental = Names::read(value),
                "error" => {
                    options.error =
                        crate::cli::boolean(value.trim()).map_err(|why| format!("failed to parse check option {part:?}: {why}"))?;
                }
                other => return Err(format!("invalid check option {other:?}")),
            }
        }
        Ok(options)
    }

    /// Whether a rule is asked.
    pub fn asks(&self, rule: Rule) -> bool {
        let wanted = !rule.is_experimental() || self.experimental.has(rule);
        wanted && !self.skip.has(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_after_the_rules() {
        let slug = |rule: Rule| rule.url().trim_end_matches('/').rsplit('/').next().unwrap().to_string();
        assert_eq!(slug(Rule::JSONArgsRecommended), "json-args-recommended");
        assert_eq!(slug(Rule::SecretsUsedInArgOrEnv), "secrets-used-in-arg-or-env");
        let mut sorted = Rule::ALL.to_vec();
        sorted.sort_by_key(|rule| rule.name());
        assert_eq!(sorted, Rule::ALL);
    }

    #[test]
    fn options_choose_rules() {
        let options = Options::read("skip=FromAsCasing, UndefinedVar;error=true;experimental=all").unwrap();
        assert!(options.error && !options.asks(Rule::UndefinedVar) && options.asks(Rule::CopyIgnoredFile));
        assert!(!Options::default().asks(Rule::CopyIgnoredFile));
        assert!(!Options::read("skip=all").unwrap().asks(Rule::StageNameCasing));
        assert_eq!(Options::read("a=b").unwrap_err(), "invalid check option \"a\"");
        assert!(Options::read("error=maybe").unwrap_err().ends_with("strconv.ParseBool: parsing \"maybe\": invalid syntax"));
    }
}
