//! Messages behind the codes over the list of mechanisms.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::negotiate::protection);
