//! An exchange of Negotiate with edits on its way, without cryptography.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::negotiate::unlocked_exchange);
