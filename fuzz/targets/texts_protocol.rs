//! Lines of the adapter protocol.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::texts::protocol);
