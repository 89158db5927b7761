//! Colours for what is being typed: keywords, texts, numbers, comments, commands of the shell, and in red what does not
//! fit: a quote or bracket without its partner, a first word that begins no statement. As wide as the text itself. Pure.

use crate::cli::shell::lex::{self, Kind, Piece};
use crate::cli::shell::{marks, words};

const KEYWORD: &str = "1;34";
const TEXT: &str = "32";
const NUMBER: &str = "36";
const COMMENT: &str = "90";
const COMMAND: &str = "35";
const OPEN: &str = "1;33";
const WRONG: &str = "31";
pub const HINT: &str = "90";

/// What is drawn for the text. Without colours, marks alone are drawn as what they stand for.
pub fn highlighted(text: &str, colours: bool) -> String {
    if !colours {
        return text.replace(marks::MARK, marks::SHOWN);
    }
    let pieces = lex::pieces(text);
    let brackets = alone(&pieces);
    let mut drawn = String::with_capacity(2 * text.len());
    let mut in_command = false;
    let mut begins = true;
    for (at, piece) in pieces.iter().enumerate() {
        let breaks = piece.kind == Kind::Space && piece.text.contains('\n');
        in_command &= !breaks;
        in_command |= piece.kind == Kind::Backslash || (at == 0 && piece.is("."));
        let style = match piece.kind {
            _ if in_command => COMMAND,
            Kind::Text | Kind::Quoted if !piece.closed => WRONG,
            Kind::Text => TEXT,
            Kind::Number => NUMBER,
            Kind::Comment => COMMENT,
            Kind::Word if words::is_keyword(piece.text) => KEYWORD,
            // While it is typed it may still become one.
            Kind::Word if begins && at + 1 < pieces.len() && !is_command(piece.text) => WRONG,
            Kind::Symbol if brackets.contains(&at) => {
                if closes(piece) {
                    WRONG
                } else {
                    OPEN
                }
            }
            _ => "",
        };
        if piece.is(";") {
            begins = true;
        } else if piece.says_something() && !piece.text.starts_with(marks::MARK) && !piece.is("(") {
            begins = false;
        }
        paint(&mut drawn, style, piece.text);
    }
    drawn
}

/// A text in one style, its marks in that of the prompt.
fn paint(drawn: &mut String, style: &str, text: &str) {
    for (at, part) in text.split(marks::MARK).enumerate() {
        if at > 0 {
            drawn.push_str(&styled(COMMENT, marks::SHOWN));
        }
        drawn.push_str(&styled(style, part));
    }
}

pub fn styled(style: &str, text: &str) -> String {
    if style.is_empty() || text.is_empty() { text.to_string() } else { format!("\x1b[{style}m{text}\x1b[0m") }
}

fn is_command(word: &str) -> bool {
    ["help", "exit", "quit", "clear"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn closes(piece: &Piece<'_>) -> bool {
    matches!(piece.text, ")" | "]" | "}")
}

/// The brackets that have no partner, by their positions.
fn alone(pieces: &[Piece<'_>]) -> Vec<usize> {
    let (mut open, mut alone) = (Vec::new(), Vec::new());
    for (at, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.kind == Kind::Symbol) {
        match piece.text {
            "(" | "[" | "{" => open.push((at, piece.text)),
            ";" => alone.extend(open.drain(..).map(|(at, _)| at)),
            _ if closes(piece) => {
                let wanted = match piece.text {
                    ")" => "(",
                    "]" => "[",
                    _ => "{",
                };
                match open.last() {
                    Some((_, opening)) if *opening == wanted => drop(open.pop()),
                    _ => alone.push(at),
                }
            }
            _ => {}
        }
    }
    alone.extend(open.into_iter().map(|(at, _)| at));
    alone
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Styles as `<style|text>`.
    fn check(text: &str, expected: &str) {
        let drawn = highlighted(text, true).replace("\x1b[0m", ">").replace("\x1b[", "<");
        let mut shown = String::new();
        let mut in_style = false;
        for letter in drawn.chars() {
            match letter {
                '<' => in_style = true,
                'm' if in_style => {
                    in_style = false;
                    shown.push('|');
                    continue;
                }
                _ => {}
            }
            shown.push(letter);
        }
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn what_is_typed_is_coloured() {
        for (text, expected) in [
            ("select 1", "<1;34|select> <36|1>"),
            ("'a'", "<32|'a'>"),
            ("'a", "<31|'a>"),
            ("-- a", "<90|-- a>"),
            ("1(x", "<36|1><1;33|(>x"),
            ("1(x)", "<36|1>(x)"),
            ("1)", "<36|1><31|)>"),
            ("SELEC x", "<31|SELEC> x"),
            ("SELEC", "SELEC"),
            ("help ", "help "),
            ("\\timing on", "<35|\\><35|timing><35| ><35|on>"),
        ] {
            check(text, expected);
        }
        check(&format!("1\n{}2", marks::MARK), "<36|1>\n<90|> ><36|2>");
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        assert_eq!(highlighted("SELECT 'a", false), "SELECT 'a");
        assert_eq!(highlighted(&marks::marked("a\nb"), false), "a\n> b");
    }
}
