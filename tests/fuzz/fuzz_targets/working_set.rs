#![no_main]
vmstate_fuzz::fuzz!(working_set);
