//! Letters that can be taken for the marks of a report.

/// A letter that is wide and shows nothing.
pub(super) const BLANK: char = '\u{2800}';

/// Arrows, check marks, crosses, warning signs and what can be taken for them.
pub(super) fn is_sign(letter: char) -> bool {
    let is_word = matches!(letter, '≈' | '…');
    !is_word
        && matches!(letter, '\u{2190}'..='\u{23ff}' | '\u{25a0}'..='\u{27ff}' | '\u{2900}'..='\u{297f}'
            | '\u{2b00}'..='\u{2bff}' | '\u{ffe9}'..='\u{ffec}' | '\u{1f000}'..='\u{1faff}')
}
