//! Devices of the board `lm3s811evb`, which were ported with the guide.

use vmstate::laws::Laws;
use vmstate::prelude::*;
use vmstate_examples::devices::cmsdk_apb_watchdog::CmsdkApbWatchdog;
use vmstate_examples::devices::qdev_clock::QdevClock;
use vmstate_examples::devices::ssd0303::Ssd0303;
use vmstate_examples::devices::stellaris_adc::StellarisAdc;
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::streams;

fn matches_all_releases<T: VmState + Default>(section: &str) {
    for version in VERSIONS {
        let stream = streams::named(&format!("qemu-{version}-lm3s811evb")).bytes;
        Laws::new(|_| T::default()).matches_stream(&stream, section);
    }
}

#[test]
fn converter_matches_qemus_streams() {
    matches_all_releases::<StellarisAdc>("stellaris_adc");
}

#[test]
fn watchdog_matches_qemus_streams() {
    matches_all_releases::<CmsdkApbWatchdog>("cmsdk-apb-watchdog");
}

#[test]
fn display_matches_qemus_streams() {
    matches_all_releases::<Ssd0303>("ssd0303_oled");
}

vmstate::laws!(converter: StellarisAdc);
vmstate::laws!(watchdog: CmsdkApbWatchdog, with = |choices| CmsdkApbWatchdog {
    wdogclk: QdevClock { period: 1, multiplier: 1, divider: 1 + u32::from(choices.flip()) },
    ..CmsdkApbWatchdog::default()
});
vmstate::laws!(display: Ssd0303);
