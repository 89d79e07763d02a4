//! What crosses a boundary of SQLite Replicate: configuration, status, commands, events, errors.
