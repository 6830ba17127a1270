//! Verdicts as text: one line for the log, several for people. Times are the caller's to print, who knows the zone.

use std::fmt;

use super::{Evidence, Verdict};

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.baseline
            .as_ref()
            .map_or(Ok(()), |baseline| write!(f, ", usually {baseline}"))
    }
}

impl fmt::Display for Verdict {
    /// One line that stands alone: router, number, what, by how much, verdict, confidence. No full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(router) = &self.router {
            write!(f, "{router} ")?;
        }
        if let Some(number) = self.incident.number {
            write!(f, "#{number} ")?;
        }
        f.write_str(&self.headline)?;
        if let Some(measure) = &self.measure {
            write!(f, ": {measure}")?;
        }
        write!(f, "; {}", self.summary)?;
        if !self.findings.is_empty() {
            write!(f, " (confidence {})", self.confidence.as_str())?;
        }
        Ok(())
    }
}

impl Verdict {
    /// Several lines for people, beginning with `when`, each ended by a line feed:
    /// what, when, by how much, evidence, ruled out, verdict and confidence, next step.
    #[must_use]
    pub fn render(&self, when: &str) -> String {
        let mut text = String::new();
        if let Some(number) = self.incident.number {
            text.push_str(&format!("#{number}  "));
        }
        text.push_str(when);
        if let Some(router) = &self.router {
            text.push_str(&format!("  {router}"));
        }
        text.push_str(&format!("  {}", self.headline));
        if let Some(measure) = &self.measure {
            text.push_str(&format!("   {measure}"));
        }
        text.push('\n');
        let mut line = |name: &str, entry: &str| {
            text.push_str(&format!("  {name:<11}{entry}\n"));
        };
        let evidence = self
            .findings
            .iter()
            .flat_map(|finding| &finding.evidence)
            .chain(&self.evidence);
        for (position, entry) in evidence.enumerate() {
            let name = if position == 0 { "evidence" } else { "" };
            line(name, &entry.to_string());
        }
        if !self.ruled_out.is_empty() {
            line("ruled out", &self.ruled_out.join("; "));
        }
        if !self.missing.is_empty() {
            line("missing", &self.missing.join("; "));
        }
        line(
            "verdict",
            &format!(
                "{}   confidence: {}",
                self.summary,
                self.confidence.as_str()
            ),
        );
        for (position, step) in self.next.iter().enumerate() {
            let name = if position == 0 { "next" } else { "" };
            line(name, step);
        }
        text
    }
}
