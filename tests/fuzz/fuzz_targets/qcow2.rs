#![no_main]
vmstate_fuzz::fuzz!(qcow2);
