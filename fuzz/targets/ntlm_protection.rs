//! Signed and sealed messages, tampered with, against a model.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::protection);
