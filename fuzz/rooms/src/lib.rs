//! The rooms that know no DataFusion and open no socket, as the program has them.

#[path = "../../../src"]
mod rooms {
    pub mod catalog;
    pub mod error;
    pub mod patch;
    pub mod script;
    pub mod settings;
    pub mod sql;

    /// What of the drivers opens no socket: the seam, and how REST's requests and answers are read from documents.
    pub mod drivers {
        mod page;
        pub use page::{Page, Request};

        pub mod rest {
            pub mod address;
            pub mod answer;
            pub mod incoming;
            pub mod paging;
            pub mod place;
            pub mod read;
            pub mod request;
            pub mod template;
            pub mod wiring;
        }
    }
}

pub use rooms::{catalog, drivers, error, patch, script, settings, sql};

/// `sql` shows it to nobody else.
#[path = "../../../src/sql/comments.rs"]
mod comments;

/// The text with blanks for the comments that SQL has not.
pub fn blanked(text: &str) -> std::borrow::Cow<'_, str> {
    comments::blanked(text)
}
