//! Elements of the distinguished form, read and written.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::der);
