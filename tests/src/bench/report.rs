//! What a bench found: tables for people, and the same as JSON.

use std::fmt;

use serde::Serialize;

use super::subject::Subject;
use super::usage::Machine;

/// One measured value, with as many digits as say something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The value, in the unit of its row.
    pub value: f64,
    /// How it is shown, where one number is not enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

/// A line of a table: the same thing of each subject.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured, under what.
    pub what: String,
    /// Unit of its values.
    pub unit: &'static str,
    /// Who came to what; a subject that cannot take part is not there.
    pub figures: Vec<(&'static str, Figure)>,
    /// What ours ought to be.
    pub goal: String,
    /// Whether it is; none where there is nothing to compare with.
    pub held: Option<bool>,
}

/// Rows of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, how it was measured.
    pub title: String,
    /// Its lines.
    pub rows: Vec<Row>,
    /// What the machine did beside it.
    pub machine: Option<Machine>,
}

/// Everything that one command measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this form.
    pub schema: u32,
    /// The machine, its kernel, the subjects and the day.
    pub about: Vec<String>,
    /// In the order in which they ran.
    pub tables: Vec<Table>,
}

impl Figure {
    pub(super) const fn of(value: f64) -> Self {
        Self { value, shown: None }
    }

    pub(super) const fn shown(value: f64, shown: String) -> Self {
        Self {
            value,
            shown: Some(shown),
        }
    }

    fn text(&self) -> String {
        self.shown.clone().unwrap_or_else(|| digits(self.value))
    }
}

impl Row {
    pub(super) fn new(what: impl Into<String>, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            unit,
            figures: Vec::new(),
            goal: String::new(),
            held: None,
        }
    }

    pub(super) fn add(&mut self, subject: Subject, figure: Option<Figure>) {
        if let Some(figure) = figure {
            self.figures.push((subject.name(), figure));
        }
    }

    pub(super) fn value(&self, subject: Subject) -> Option<f64> {
        let found = self
            .figures
            .iter()
            .find(|(name, _)| *name == subject.name());
        found.map(|(_, figure)| figure.value)
    }

    /// Ours is held to be at most `bound`, which `goal` says in words; nothing is held where either is not known.
    pub(super) fn at_most(mut self, goal: impl Into<String>, bound: Option<f64>) -> Self {
        self.goal = goal.into();
        self.held = match (self.value(Subject::Vrrpd), bound) {
            (Some(value), Some(bound)) => Some(value <= bound),
            _ => None,
        };
        self
    }

    const fn verdict(&self) -> &'static str {
        match self.held {
            Some(true) => "holds",
            Some(false) => "FALLS SHORT",
            None => "",
        }
    }
}

impl Report {
    /// The JSON form.
    ///
    /// # Panics
    /// Never: numbers and texts can always be written.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and texts can be written")
    }

    /// Rows that fall short.
    #[must_use]
    pub fn short(&self) -> usize {
        let rows = self.tables.iter().flat_map(|table| &table.rows);
        rows.filter(|row| row.held == Some(false)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.about {
            writeln!(f, "{line}")?;
        }
        for table in &self.tables {
            write!(f, "\n{table}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    /// As Markdown, so that it can go into a document as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n{}\n", self.name, self.title)?;
        let mut subjects: Vec<&str> = Vec::new();
        for (name, _) in self.rows.iter().flat_map(|row| &row.figures) {
            if !subjects.contains(name) {
                subjects.push(name);
            }
        }
        let mut lines: Vec<Vec<String>> = Vec::new();
        let mut head = vec![String::new(), String::from("unit")];
        head.extend(subjects.iter().map(|name| (*name).to_owned()));
        head.extend([String::from("goal for vrrpd"), String::new()]);
        lines.push(head);
        for row in &self.rows {
            let mut line = vec![row.what.clone(), row.unit.to_owned()];
            line.extend(subjects.iter().map(|name| {
                let found = row.figures.iter().find(|(subject, _)| subject == name);
                found.map_or_else(|| String::from("-"), |(_, figure)| figure.text())
            }));
            line.extend([row.goal.clone(), row.verdict().to_owned()]);
            lines.push(line);
        }
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|column| {
                let widths = lines.iter().map(|line| line[column].chars().count());
                widths.max().unwrap_or_default()
            })
            .collect();
        for (number, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                for width in &widths {
                    write!(f, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(f, "|")?;
            }
        }
        if let Some(machine) = &self.machine {
            writeln!(f, "\n{machine}")?;
        }
        Ok(())
    }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_held_to_its_bound_only_where_both_were_measured() {
        let mut row = Row::new("p99", "ms");
        row.add(Subject::Keepalived, Some(Figure::of(3.0)));
        assert_eq!(row.clone().at_most("less", Some(1.0)).held, None);
        row.add(Subject::Vrrpd, Some(Figure::of(1.5)));
        assert_eq!(row.clone().at_most("less", None).held, None);
        assert_eq!(row.clone().at_most("less", Some(1.0)).held, Some(false));
        assert_eq!(row.at_most("less", Some(2.0)).held, Some(true));
    }

    #[test]
    fn a_table_is_markdown_with_one_column_per_subject() {
        let mut row = Row::new("p99, fork", "ms");
        row.add(Subject::Keepalived, Some(Figure::of(240.0)));
        row.add(Subject::Vrrpd, Some(Figure::of(0.0512)));
        let table = Table {
            name: "on-time",
            title: String::from("Lateness."),
            rows: vec![
                row.at_most("at most a tenth", Some(24.0)),
                Row::new("p50", "ms"),
            ],
            machine: None,
        };
        assert_eq!(
            table.to_string(),
            "\
### on-time

Lateness.

|           | unit | keepalived | vrrpd | goal for vrrpd  |       |
|-----------|------|------------|-------|-----------------|-------|
| p99, fork | ms   | 240        | 0.051 | at most a tenth | holds |
| p50       | ms   | -          | -     |                 |       |
"
        );
    }
}
