//! Both sides against a peer that sends anything.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::hostile_peer);
