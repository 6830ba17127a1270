//! Text for people: at most 100 columns, the same with and without colours.

mod measure;
mod router;
pub mod status;
mod style;
pub(crate) mod table;
pub(crate) mod time;

pub(crate) use style::Paint;
pub use style::Style;
