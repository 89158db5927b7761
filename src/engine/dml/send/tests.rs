//! What goes wrong with the log, and when nothing more is sent.
