//! What stands on a terminal's screen after a program wrote to it.

/// The lines of the screen, without blanks at their ends. Knows what progress lines use: carriage return, erase, up.
pub fn rendered(written: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => column = 0,
            '\n' => (row, column) = (row + 1, 0),
            '\u{1b}' => {
                let (number, order) = sequence(&mut letters);
                match order {
                    'K' if number == 2 => lines[row].clear(),
                    'K' => lines[row].truncate(column),
                    'J' => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    'A' => row = row.saturating_sub(number.max(1)),
                    'B' => row += number.max(1),
                    'G' => column = number.max(1) - 1,
                    _ => (),
                }
            }
            letter if letter.is_control() => (),
            letter => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = letter;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
}

/// The first number and the last letter of an escape sequence.
fn sequence(letters: &mut std::str::Chars<'_>) -> (usize, char) {
    let mut number = String::new();
    loop {
        match letters.next() {
            Some('[' | ';' | '?') => (),
            Some(digit) if digit.is_ascii_digit() => number.push(digit),
            order => return (number.parse().unwrap_or(0), order.unwrap_or(' ')),
        }
    }
}
