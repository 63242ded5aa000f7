//! Nothing: what a run costs by itself.
#![cfg_attr(fuzzing, no_main)]
legwork_fuzz::target!(legwork_fuzz::oracle::baseline);
