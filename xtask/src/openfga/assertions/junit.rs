//! Results as JUnit's XML, which build servers read.

use super::{Outcome, difference};
use std::fmt::Write as _;

/// One suite per test of the file, one case per assertion.
pub fn document(name: &str, outcomes: &[Outcome]) -> String {
    let failures = count(outcomes, Outcome::has_failed);
    let errors = count(outcomes, Outcome::is_unanswered);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (name, tests) = (escaped(name), outcomes.len());
    let _ = writeln!(xml, "<testsuites name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">");
    for suite in outcomes.chunk_by(|one, other| one.test == other.test) {
        let (failures, errors) = (count(suite, Outcome::has_failed), count(suite, Outcome::is_unanswered));
        let test = escaped(suite.first().map_or("", |outcome| &outcome.test));
        let tests = suite.len();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{test}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">"
        );
        for outcome in suite {
            let case = escaped(&format!("{} {}", outcome.kind, outcome.question));
            let _ = write!(xml, "    <testcase classname=\"{test}\" name=\"{case}\"");
            if outcome.passed {
                xml.push_str("/>\n");
            } else {
                let lines = difference(&outcome.expected, &outcome.actual);
                let lines = lines.into_iter().map(|(label, text)| format!("{label} {text}"));
                let why = escaped(&lines.chain(outcome.note.clone()).collect::<Vec<_>>().join(", "));
                // Without an answer nothing has failed but the asking.
                let kind = if outcome.is_unanswered() { "error" } else { "failure" };
                let _ = writeln!(xml, "><{kind} message=\"{why}\">line {}</{kind}></testcase>", outcome.line);
            }
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn count(outcomes: &[Outcome], of: fn(&Outcome) -> bool) -> usize {
    outcomes.iter().filter(|outcome| of(outcome)).count()
}

/// Text as XML holds it; control characters, which it cannot hold, become `?`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => escaped.push('?'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Kind};
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_written_so_that_it_can() {
        let outcome = |test: &str, passed| Outcome {
            test: test.to_owned(),
            kind: Kind::Check,
            question: "user:<a> & \"b\"\u{7} r o:1".to_owned(),
            line: 3,
            passed,
            expected: Answer::Allowed(true),
            actual: Answer::Allowed(passed),
            extra: Vec::new(),
            note: None,
            own_store: false,
        };
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites name=\"s\" tests=\"2\" failures=\"1\" errors=\"0\">\n\
            \x20 <testsuite name=\"one\" tests=\"1\" failures=\"0\" errors=\"0\">\n\
            \x20   <testcase classname=\"one\" name=\"check user:&lt;a&gt; &amp; &quot;b&quot;? r o:1\"/>\n\
            \x20 </testsuite>\n\
            \x20 <testsuite name=\"two\" tests=\"1\" failures=\"1\" errors=\"0\">\n\
            \x20   <testcase classname=\"two\" name=\"check user:&lt;a&gt; &amp; &quot;b&quot;? r o:1\">\
            <failure message=\"expected yes, got no\">line 3</failure></testcase>\n\
            \x20 </testsuite>\n</testsuites>\n";
        assert_eq!(document("s", &[outcome("one", true), outcome("two", false)]), expected);
    }
}
