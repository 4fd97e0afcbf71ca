#![no_main]
vmstate_fuzz::fuzz!(snapshot_folder);
