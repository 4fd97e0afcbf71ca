#![no_main]
vmstate_fuzz::fuzz!(conversation);
