//! What a change calls for, in keepalived's order: the state's own program, `notify` with four more words, a line in each
//! FIFO, a letter.

use std::time::SystemTime;

use vrrp_record::words::Word;

use super::Commands;
use super::order::{Call, What};
use crate::mail::Letter;
use crate::runner::Program;

/// Whom a change is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// `INSTANCE` or `GROUP`.
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
    pub(super) commands: &'a Commands,
    /// 0 for a group.
    pub(super) priority: u8,
}

/// What is told of a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    /// The word for programs and FIFOs.
    pub(super) word: &'static str,
    /// The program that belongs to it alone.
    pub(super) special: Option<&'a Program>,
    /// There are FIFOs.
    pub(super) lines: bool,
    /// A letter is written.
    pub(super) letter: bool,
}

impl About<'_> {
    /// Everything that a change calls for.
    pub(super) fn calls(&self, told: Told<'_>) -> Vec<Call> {
        let any = self.commands.any.as_ref().map(|program| {
            let mut program = program.clone();
            let priority = self.priority.to_string();
            let words = [self.kind, self.name, told.word, &priority].map(String::from);
            program.argv.extend(words);
            program
        });
        let programs = told.special.cloned().into_iter().chain(any);
        let line = told.lines.then(|| What::Line(self.line(told.word)));
        let letter = told.letter.then(|| What::Letter(self.letter(told.word)));
        let all = programs.map(What::Program).chain(line).chain(letter);
        all.map(|what| self.call(what, told.word)).collect()
    }

    pub(super) fn call(&self, what: What, word: &'static str) -> Call {
        Call {
            what,
            name: self.name.to_owned(),
            word,
        }
    }

    /// `INSTANCE "VI_1" MASTER 100`: here, unlike in words of programs, the name is quoted.
    pub(super) fn line(&self, word: &str) -> String {
        format!("{} \"{}\" {word} {}\n", self.kind, self.name, self.priority)
    }

    fn letter(&self, word: &str) -> Letter {
        let (kind, group) = match self.kind {
            "GROUP" => ("Group", true),
            _ => ("Instance", false),
        };
        let happening = match word {
            super::STOP => String::from("Stopping"),
            super::DELETED => String::from("Deleted"),
            state => format!("Entering {state} state"),
        };
        let text = match (word, group) {
            (super::STOP, _) => format!("VRRP {kind} stopping"),
            (state, true) => format!("All VRRP group instances are now in {state} state"),
            (state, false) if state == Word::Master.as_str() => {
                String::from("VRRP Instance is now owning VRRP VIPs")
            }
            (_, false) => String::from("VRRP Instance is no longer owning VRRP VIPs"),
        };
        Letter {
            subject: format!("VRRP {kind} {} - {happening}", self.name),
            text,
            at: SystemTime::now(),
        }
    }
}
