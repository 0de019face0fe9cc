//! Statistics over the runs, and the table.

use std::fmt::Write as _;

use super::usage::TICK;

/// What a figure counts; decides how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Bytes,
    Count,
}

/// A figure of one run. For all of them but counts less is better.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    pub(super) value: f64,
}

impl Measure {
    /// A time in seconds.
    pub(super) fn seconds(name: &'static str, value: f64) -> Self {
        Self { name, unit: Unit::Seconds, value }
    }

    /// An amount of memory or disk.
    pub(super) fn bytes(name: &'static str, value: u64) -> Self {
        Self { name, unit: Unit::Bytes, value: value as f64 }
    }

    /// A number of things.
    pub(super) fn count(name: &'static str, value: usize) -> Self {
        Self { name, unit: Unit::Count, value: value as f64 }
    }
}

/// All runs of a figure, per subject.
struct Row {
    case: &'static str,
    name: &'static str,
    unit: Unit,
    values: Vec<Vec<f64>>,
}

/// Collects the figures of one or two subjects.
pub(super) struct Report {
    subjects: Vec<String>,
    rows: Vec<Row>,
    failures: Vec<String>,
    unable: Vec<String>,
}

impl Report {
    /// `subjects`: heads of the columns; with two of them there is a ratio.
    pub(super) fn new(subjects: Vec<String>) -> Self {
        Self { subjects, rows: Vec::new(), failures: Vec::new(), unable: Vec::new() }
    }

    /// Takes one run of a case for the subject with this index.
    pub(super) fn add(&mut self, case: &'static str, subject: usize, measures: Vec<Measure>) {
        for measure in measures {
            let known = self.rows.iter().position(|row| row.case == case && row.name == measure.name);
            let index = known.unwrap_or_else(|| {
                let values = vec![Vec::new(); self.subjects.len()];
                self.rows.push(Row { case, name: measure.name, unit: measure.unit, values });
                self.rows.len() - 1
            });
            self.rows[index].values[subject].push(measure.value);
        }
    }

    /// Notes that a subject could not finish a case.
    pub(super) fn fail(&mut self, case: &'static str, subject: usize, error: &anyhow::Error) {
        self.failures.push(format!("{case}: {}: {error:#}", self.subjects[subject]));
    }

    /// Notes that a subject has no means to do a case, which is no failure.
    pub(super) fn unable(&mut self, case: &'static str, subject: usize, error: &anyhow::Error) {
        self.unable.push(format!("{case}: {}: {error:#}", self.subjects[subject]));
    }

    /// Whether [`Report::fail`] was called.
    pub(super) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// The table for a terminal.
    pub(super) fn plain(&self) -> String {
        let lines = self.lines();
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in &lines {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        self.write_notes(&mut text);
        text
    }

    /// The same table as Markdown.
    pub(super) fn markdown(&self) -> String {
        let lines = self.lines();
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let _ = writeln!(text, "| {} |", line.join(" | "));
            if index == 0 {
                let _ = writeln!(text, "|---{}|", "|---:".repeat(line.len() - 1));
            }
        }
        self.write_notes(&mut text);
        text
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let mut head = vec!["figure: median (best)".to_owned()];
        head.extend(self.subjects.iter().cloned());
        if self.subjects.len() == 2 {
            head.push("ratio".to_owned());
        }
        let mut lines = vec![head];
        for row in &self.rows {
            let mut line = vec![format!("{}: {}", row.case, row.name)];
            line.extend(row.values.iter().map(|values| cell(row.unit, values)));
            if let [first, second] = &row.values[..] {
                line.push(ratio(first, second));
            }
            lines.push(line);
        }
        lines
    }

    fn write_notes(&self, text: &mut String) {
        let tick_ms = TICK.as_millis();
        let _ = writeln!(
            text,
            "\nCPU: user + system time of the server process, all its threads but no child processes unless named, out of \
             /proc/PID/stat before and after, in ticks of {tick_ms} ms. Ratio: median of the first column / median of the second. kB and MB are \
             powers of ten. A dash: the subject cannot do it."
        );
        for unable in &self.unable {
            let _ = writeln!(text, "\nUNABLE {unable}");
        }
        for failure in &self.failures {
            let _ = writeln!(text, "\nFAILED {failure}");
        }
    }
}

fn cell(unit: Unit, values: &[f64]) -> String {
    let Some(median) = median(values) else { return "-".to_owned() };
    let best = values.iter().copied().fold(f64::INFINITY, f64::min);
    // A count has no better or worse of its own, and a single run no best.
    if unit == Unit::Count || values.len() == 1 {
        return format_value(unit, median);
    }
    format!("{} ({})", format_value(unit, median), format_value(unit, best))
}

fn ratio(first: &[f64], second: &[f64]) -> String {
    match (median(first), median(second)) {
        (Some(first), Some(second)) if second > 0.0 => format!("{:.2}", first / second),
        _ => "-".to_owned(),
    }
}

/// The value in the middle; None of no values.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        count if count % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

fn format_value(unit: Unit, value: f64) -> String {
    let steps: &[(f64, &str)] = match unit {
        Unit::Seconds => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")],
        Unit::Bytes => &[(1e6, "MB"), (1e3, "kB"), (1.0, "B")],
        Unit::Count => return format!("{value}"),
    };
    let fallback = steps[steps.len() - 1];
    let (step, name) = steps.iter().copied().find(|(step, _)| value.abs() >= *step).unwrap_or(fallback);
    let scaled = value / step;
    // Three digits say all that the noise leaves standing.
    let decimals = match scaled.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.decimals$} {name}")
}

#[cfg(test)]
mod tests {
    use super::{Measure, Report, Unit, format_value, median};

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn values_carry_a_fitting_unit() {
        assert_eq!(format_value(Unit::Seconds, 1.2345), "1.23 s");
        assert_eq!(format_value(Unit::Seconds, 0.0123), "12.3 ms");
        assert_eq!(format_value(Unit::Seconds, 0.000_45), "450 µs");
        assert_eq!(format_value(Unit::Seconds, 0.0), "0.00 µs");
        assert_eq!(format_value(Unit::Bytes, 9_800_000.0), "9.80 MB");
        assert_eq!(format_value(Unit::Count, 3000.0), "3000");
    }

    #[test]
    fn table_with_ratio_and_failure() {
        let mut report = Report::new(vec!["ours".to_owned(), "theirs".to_owned()]);
        for (ours, theirs) in [(1.0, 4.0), (2.0, 2.0), (3.0, 6.0)] {
            report.add("turns", 0, vec![Measure::seconds("wall", ours)]);
            report.add("turns", 1, vec![Measure::seconds("wall", theirs)]);
        }
        report.add("size", 0, vec![Measure::bytes("file", 1000)]);
        report.fail("size", 1, &anyhow::anyhow!("gone"));
        report.unable("turns", 1, &anyhow::anyhow!("no tool"));
        let markdown = report.markdown();
        assert!(
            markdown.starts_with(
                "| figure: median (best) | ours | theirs | ratio |\n\
                 |---|---:|---:|---:|\n\
                 | turns: wall | 2.00 s (1.00 s) | 4.00 s (2.00 s) | 0.50 |\n\
                 | size: file | 1.00 kB | - | - |\n"
            ),
            "{markdown}"
        );
        let notes = "\nUNABLE turns: theirs: no tool\n\nFAILED size: theirs: gone\n";
        assert!(markdown.ends_with(notes), "{markdown}");
    }
}
