//! Messages of NEGOEX, read.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::negotiate::negoex);
