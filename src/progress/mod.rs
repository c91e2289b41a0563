//! What was practised, how well, and what is due.
//! Where the record lies is base's and the app's.
