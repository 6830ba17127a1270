//! Where the dumps that signals ask for are written.

use toml::Spanned;

use super::Context;
use crate::plan::DumpPlan;
use crate::toml::schema::Dump;

pub(super) fn lower(files: &Dump, context: &mut Context<'_, '_>) -> DumpPlan {
    let version = files.json_version.as_ref().and_then(|version| {
        context.whole(*version.get_ref(), version.span(), "json_version", 1..=2)
    });
    DumpPlan {
        data: path(files.data.as_ref(), context),
        stats: path(files.stats.as_ref(), context),
        json: path(files.json.as_ref(), context),
        json_version: version.unwrap_or(1),
    }
}

fn path(text: Option<&Spanned<String>>, context: &mut Context<'_, '_>) -> Option<String> {
    context.absolute(text?)
}

impl Context<'_, '_> {
    /// A path that does not depend on the daemon's directory.
    pub(super) fn absolute(&mut self, text: &Spanned<String>) -> Option<String> {
        if text.get_ref().starts_with('/') {
            return Some(text.get_ref().clone());
        }
        self.refuse(
            text.span(),
            format!("'{}' is not an absolute path", text.get_ref()),
            "write a path that begins with /, such as \"/run/keepalived.data\"",
        );
        None
    }
}
