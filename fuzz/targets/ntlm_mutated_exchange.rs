//! An exchange with one edit on its way.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::mutated_exchange);
