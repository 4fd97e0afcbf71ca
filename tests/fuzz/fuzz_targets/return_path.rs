#![no_main]
vmstate_fuzz::fuzz!(return_path);
