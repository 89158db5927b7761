//! Sees in an answer where the next page starts while the SDK has not decoded it yet: decoding is most of what a page
//! costs, and the next one can travel and be decoded meanwhile. What is seen is told, and decides nothing.

use std::future::ready;
use std::mem::take;

use aws_sdk_redshift::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_redshift::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_redshift::error::BoxError;
use aws_smithy_types::body::SdkBody;
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyStream, StreamBody};
use memchr::memmem;

use crate::drivers::Ahead;

const OPENING: &[u8] = b"<Marker>";
/// What goes on for longer is no marker.
const LONGEST: usize = 4096;

/// Runs when an answer's head has come.
#[derive(Debug)]
pub struct Early(Ahead);

impl Early {
    pub fn of(ahead: &Ahead) -> Self {
        Early(ahead.clone())
    }
}

impl Intercept for Early {
    fn name(&self) -> &'static str {
        "Early"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if !self.0.is_heard() || !response.status().is_success() {
            return Ok(());
        }
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        let (ahead, mut search) = (self.0.clone(), Search::default());
        let frames = BodyStream::new(body).inspect_ok(move |frame| {
            if let Some(marker) = frame.data_ref().and_then(|data| search.next(data)) {
                ahead.tell(&marker);
            }
        });
        // Decoding keeps a thread from all else: whoever was told gets to send first.
        let pause = futures::stream::once(tokio::task::yield_now()).filter_map(|()| ready(None));
        *response.body_mut() = SdkBody::from_body_1_x(StreamBody::new(frames.chain(pause)));
        Ok(())
    }
}

/// Looks for the marker in an answer that comes in parts.
#[derive(Debug, Default)]
struct Search {
    /// The end of what came, where the element may begin, or what came of the marker.
    held: Vec<u8>,
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Within,
    Over,
}

impl Search {
    /// The marker, when it ends in this part. An empty one is none, and what is written with entities is left to XML's own
    /// reader.
    fn next(&mut self, part: &[u8]) -> Option<String> {
        if self.state == State::Over {
            return None;
        }
        let mut text = take(&mut self.held);
        let joined = text.len();
        text.extend_from_slice(part);
        if self.state == State::Before {
            let Some(at) = memmem::find(&text, OPENING) else {
                self.held = text.split_off(text.len().saturating_sub(OPENING.len() - 1));
                return None;
            };
            text.drain(..at + OPENING.len());
            self.state = State::Within;
        } else if joined > LONGEST {
            self.state = State::Over;
            return None;
        }
        let Some(end) = memchr::memchr(b'<', &text) else {
            self.held = text;
            return None;
        };
        self.state = State::Over;
        text.truncate(end);
        let is_plain = !text.is_empty() && text.len() <= LONGEST && !text.contains(&b'&');
        String::from_utf8(text).ok().filter(|_| is_plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in an answer that comes in parts of so many bytes.
    fn found(answer: &str, parts: usize) -> Vec<String> {
        let mut search = Search::default();
        answer.as_bytes().chunks(parts).filter_map(|part| search.next(part)).collect()
    }

    #[test]
    fn a_marker_is_found_wherever_the_answer_is_cut() {
        let answer = "<R><D><Integrations><Integration/></Integrations><Marker>a/b=1</Marker></D></R>";
        for parts in 1..answer.len() + 1 {
            assert_eq!(found(answer, parts), ["a/b=1"], "in parts of {parts}");
        }
    }

    #[test]
    fn what_may_be_no_marker_is_not_told() {
        let long = format!("<Marker>{}</Marker>", "m".repeat(LONGEST + 1));
        for answer in ["<R/>", "<Marker></Marker>", "<Marker/>", "<Marker>a&amp;b</Marker>", "<Marker>cut", &long, ""] {
            for parts in [1, 7, 100_000] {
                assert_eq!(found(answer, parts), [""; 0], "{answer:.40}");
            }
        }
        assert_eq!(found("<Marker>1</Marker><Marker>2</Marker>", 5), ["1"]);
    }
}
