#![no_main]
vmstate_fuzz::fuzz!(relay_rules);
