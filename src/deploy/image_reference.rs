//! [`ImageReference`]: an image in a deployment file, named by what it is built from.

use std::fmt;

/// The scheme of recipes.
const RECIPE: &str = "hardpan://";
/// ko's scheme, of Go import paths.
const IMPORT: &str = "ko://";

/// An image that a deployment file names by its source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageReference {
    /// `hardpan://RECIPE`: the name of a recipe's image, or the path of the recipe.
    Recipe(String),
    /// `ko://IMPORTPATH`: the Go package that a recipe compiles.
    Import(String),
}

impl ImageReference {
    /// The reference that `text` is as a whole. Text with blanks is a sentence about references, and none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(char::is_whitespace) {
            return None;
        }
        let recipe = text.strip_prefix(RECIPE).map(|rest| Self::Recipe(rest.to_owned()));
        recipe.or_else(|| text.strip_prefix(IMPORT).map(|rest| Self::Import(rest.to_owned())))
    }

    /// Whether `text` holds something that looks like a reference, be it one as a whole or not.
    pub(super) fn is_within(text: &str) -> bool {
        text.contains(RECIPE) || text.contains(IMPORT)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipe(rest) => write!(f, "{RECIPE}{rest}"),
            Self::Import(rest) => write!(f, "{IMPORT}{rest}"),
        }
    }
}
