//! Tokens of Negotiate, read and written.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::negotiate::token);
