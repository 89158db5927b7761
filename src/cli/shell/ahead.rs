//! What was typed while nobody read: the editor takes one line of it and would lose the rest.

use std::io::{self, BufRead};
use std::os::fd::AsFd;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

/// How long it may take to learn that something is there.
const LOOK: Duration = Duration::from_millis(3);

/// The lines that wait at the terminal, which is not being edited at this moment.
pub async fn typed() -> String {
    let mut bytes = Vec::new();
    // A handle of its own, that is watched and not read. Where it cannot be, the editor takes what there is.
    let watched = || Receiver::from_owned_fd_unchecked(io::stdin().as_fd().try_clone_to_owned()?);
    while let Ok(waits) = watched() {
        let Ok(Ok(())) = tokio::time::timeout(LOOK, waits.readable()).await else { break };
        // Once, since a second read would wait for more.
        let mut stdin = io::stdin().lock();
        let length = match stdin.fill_buf() {
            Ok(read) if !read.is_empty() => {
                bytes.extend_from_slice(read);
                read.len()
            }
            Ok(_) | Err(_) => break,
        };
        stdin.consume(length);
    }
    text(&bytes)
}

/// Enter is a line break, however it came; Ctrl-C has cleared what was typed before it; other keys that are no text have
/// no meaning any more.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let kept = text.rsplit('\u{3}').next().unwrap_or_default();
    kept.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_text() {
        for (keys, expected) in [
            ("", ""),
            ("SELECT 1;\r", "SELECT 1;\n"),
            ("SELECT 1;\r\nSELECT\n2", "SELECT 1;\nSELECT\n2"),
            ("SELECT wrong\u{3}SELECT 2;\n", "SELECT 2;\n"),
            ("é\u{4}\t", "é\t"),
        ] {
            assert_eq!(text(keys.as_bytes()), expected);
        }
    }
}
