//! Text for people: at most 100 columns, the same with and without colours.

mod router;
pub mod status;
mod style;
mod table;
mod time;

pub use style::Style;
