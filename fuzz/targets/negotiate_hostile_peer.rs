//! Both sides of Negotiate against a peer that sends anything.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::negotiate::hostile_peer);
