//! AUTHENTICATE messages, read and written.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::round_trip::authenticate);
