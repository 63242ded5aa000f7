//! An exchange with one edit in transit, without cryptography.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::unlocked_exchange);
