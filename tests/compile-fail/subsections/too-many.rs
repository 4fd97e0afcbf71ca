use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(name = "device")]
struct Device {
    #[vmstate(subsection("device/000"))]
    f0: Option<u8>,
    #[vmstate(subsection("device/001"))]
    f1: Option<u8>,
    #[vmstate(subsection("device/002"))]
    f2: Option<u8>,
    #[vmstate(subsection("device/003"))]
    f3: Option<u8>,
    #[vmstate(subsection("device/004"))]
    f4: Option<u8>,
    #[vmstate(subsection("device/005"))]
    f5: Option<u8>,
    #[vmstate(subsection("device/006"))]
    f6: Option<u8>,
    #[vmstate(subsection("device/007"))]
    f7: Option<u8>,
    #[vmstate(subsection("device/008"))]
    f8: Option<u8>,
    #[vmstate(subsection("device/009"))]
    f9: Option<u8>,
    #[vmstate(subsection("device/010"))]
    f10: Option<u8>,
    #[vmstate(subsection("device/011"))]
    f11: Option<u8>,
    #[vmstate(subsection("device/012"))]
    f12: Option<u8>,
    #[vmstate(subsection("device/013"))]
    f13: Option<u8>,
    #[vmstate(subsection("device/014"))]
    f14: Option<u8>,
    #[vmstate(subsection("device/015"))]
    f15: Option<u8>,
    #[vmstate(subsection("device/016"))]
    f16: Option<u8>,
    #[vmstate(subsection("device/017"))]
    f17: Option<u8>,
    #[vmstate(subsection("device/018"))]
    f18: Option<u8>,
    #[vmstate(subsection("device/019"))]
    f19: Option<u8>,
    #[vmstate(subsection("device/020"))]
    f20: Option<u8>,
    #[vmstate(subsection("device/021"))]
    f21: Option<u8>,
    #[vmstate(subsection("device/022"))]
    f22: Option<u8>,
    #[vmstate(subsection("device/023"))]
    f23: Option<u8>,
    #[vmstate(subsection("device/024"))]
    f24: Option<u8>,
    #[vmstate(subsection("device/025"))]
    f25: Option<u8>,
    #[vmstate(subsection("device/026"))]
    f26: Option<u8>,
    #[vmstate(subsection("device/027"))]
    f27: Option<u8>,
    #[vmstate(subsection("device/028"))]
    f28: Option<u8>,
    #[vmstate(subsection("device/029"))]
    f29: Option<u8>,
    #[vmstate(subsection("device/030"))]
    f30: Option<u8>,
    #[vmstate(subsection("device/031"))]
    f31: Option<u8>,
    #[vmstate(subsection("device/032"))]
    f32: Option<u8>,
    #[vmstate(subsection("device/033"))]
    f33: Option<u8>,
    #[vmstate(subsection("device/034"))]
    f34: Option<u8>,
    #[vmstate(subsection("device/035"))]
    f35: Option<u8>,
    #[vmstate(subsection("device/036"))]
    f36: Option<u8>,
    #[vmstate(subsection("device/037"))]
    f37: Option<u8>,
    #[vmstate(subsection("device/038"))]
    f38: Option<u8>,
    #[vmstate(subsection("device/039"))]
    f39: Option<u8>,
    #[vmstate(subsection("device/040"))]
    f40: Option<u8>,
    #[vmstate(subsection("device/041"))]
    f41: Option<u8>,
    #[vmstate(subsection("device/042"))]
    f42: Option<u8>,
    #[vmstate(subsection("device/043"))]
    f43: Option<u8>,
    #[vmstate(subsection("device/044"))]
    f44: Option<u8>,
    #[vmstate(subsection("device/045"))]
    f45: Option<u8>,
    #[vmstate(subsection("device/046"))]
    f46: Option<u8>,
    #[vmstate(subsection("device/047"))]
    f47: Option<u8>,
    #[vmstate(subsection("device/048"))]
    f48: Option<u8>,
    #[vmstate(subsection("device/049"))]
    f49: Option<u8>,
    #[vmstate(subsection("device/050"))]
    f50: Option<u8>,
    #[vmstate(subsection("device/051"))]
    f51: Option<u8>,
    #[vmstate(subsection("device/052"))]
    f52: Option<u8>,
    #[vmstate(subsection("device/053"))]
    f53: Option<u8>,
    #[vmstate(subsection("device/054"))]
    f54: Option<u8>,
    #[vmstate(subsection("device/055"))]
    f55: Option<u8>,
    #[vmstate(subsection("device/056"))]
    f56: Option<u8>,
    #[vmstate(subsection("device/057"))]
    f57: Option<u8>,
    #[vmstate(subsection("device/058"))]
    f58: Option<u8>,
    #[vmstate(subsection("device/059"))]
    f59: Option<u8>,
    #[vmstate(subsection("device/060"))]
    f60: Option<u8>,
    #[vmstate(subsection("device/061"))]
    f61: Option<u8>,
    #[vmstate(subsection("device/062"))]
    f62: Option<u8>,
    #[vmstate(subsection("device/063"))]
    f63: Option<u8>,
    #[vmstate(subsection("device/064"))]
    f64: Option<u8>,
    #[vmstate(subsection("device/065"))]
    f65: Option<u8>,
    #[vmstate(subsection("device/066"))]
    f66: Option<u8>,
    #[vmstate(subsection("device/067"))]
    f67: Option<u8>,
    #[vmstate(subsection("device/068"))]
    f68: Option<u8>,
    #[vmstate(subsection("device/069"))]
    f69: Option<u8>,
    #[vmstate(subsection("device/070"))]
    f70: Option<u8>,
    #[vmstate(subsection("device/071"))]
    f71: Option<u8>,
    #[vmstate(subsection("device/072"))]
    f72: Option<u8>,
    #[vmstate(subsection("device/073"))]
    f73: Option<u8>,
    #[vmstate(subsection("device/074"))]
    f74: Option<u8>,
    #[vmstate(subsection("device/075"))]
    f75: Option<u8>,
    #[vmstate(subsection("device/076"))]
    f76: Option<u8>,
    #[vmstate(subsection("device/077"))]
    f77: Option<u8>,
    #[vmstate(subsection("device/078"))]
    f78: Option<u8>,
    #[vmstate(subsection("device/079"))]
    f79: Option<u8>,
    #[vmstate(subsection("device/080"))]
    f80: Option<u8>,
    #[vmstate(subsection("device/081"))]
    f81: Option<u8>,
    #[vmstate(subsection("device/082"))]
    f82: Option<u8>,
    #[vmstate(subsection("device/083"))]
    f83: Option<u8>,
    #[vmstate(subsection("device/084"))]
    f84: Option<u8>,
    #[vmstate(subsection("device/085"))]
    f85: Option<u8>,
    #[vmstate(subsection("device/086"))]
    f86: Option<u8>,
    #[vmstate(subsection("device/087"))]
    f87: Option<u8>,
    #[vmstate(subsection("device/088"))]
    f88: Option<u8>,
    #[vmstate(subsection("device/089"))]
    f89: Option<u8>,
    #[vmstate(subsection("device/090"))]
    f90: Option<u8>,
    #[vmstate(subsection("device/091"))]
    f91: Option<u8>,
    #[vmstate(subsection("device/092"))]
    f92: Option<u8>,
    #[vmstate(subsection("device/093"))]
    f93: Option<u8>,
    #[vmstate(subsection("device/094"))]
    f94: Option<u8>,
    #[vmstate(subsection("device/095"))]
    f95: Option<u8>,
    #[vmstate(subsection("device/096"))]
    f96: Option<u8>,
    #[vmstate(subsection("device/097"))]
    f97: Option<u8>,
    #[vmstate(subsection("device/098"))]
    f98: Option<u8>,
    #[vmstate(subsection("device/099"))]
    f99: Option<u8>,
    #[vmstate(subsection("device/100"))]
    f100: Option<u8>,
    #[vmstate(subsection("device/101"))]
    f101: Option<u8>,
    #[vmstate(subsection("device/102"))]
    f102: Option<u8>,
    #[vmstate(subsection("device/103"))]
    f103: Option<u8>,
    #[vmstate(subsection("device/104"))]
    f104: Option<u8>,
    #[vmstate(subsection("device/105"))]
    f105: Option<u8>,
    #[vmstate(subsection("device/106"))]
    f106: Option<u8>,
    #[vmstate(subsection("device/107"))]
    f107: Option<u8>,
    #[vmstate(subsection("device/108"))]
    f108: Option<u8>,
    #[vmstate(subsection("device/109"))]
    f109: Option<u8>,
    #[vmstate(subsection("device/110"))]
    f110: Option<u8>,
    #[vmstate(subsection("device/111"))]
    f111: Option<u8>,
    #[vmstate(subsection("device/112"))]
    f112: Option<u8>,
    #[vmstate(subsection("device/113"))]
    f113: Option<u8>,
    #[vmstate(subsection("device/114"))]
    f114: Option<u8>,
    #[vmstate(subsection("device/115"))]
    f115: Option<u8>,
    #[vmstate(subsection("device/116"))]
    f116: Option<u8>,
    #[vmstate(subsection("device/117"))]
    f117: Option<u8>,
    #[vmstate(subsection("device/118"))]
    f118: Option<u8>,
    #[vmstate(subsection("device/119"))]
    f119: Option<u8>,
    #[vmstate(subsection("device/120"))]
    f120: Option<u8>,
    #[vmstate(subsection("device/121"))]
    f121: Option<u8>,
    #[vmstate(subsection("device/122"))]
    f122: Option<u8>,
    #[vmstate(subsection("device/123"))]
    f123: Option<u8>,
    #[vmstate(subsection("device/124"))]
    f124: Option<u8>,
    #[vmstate(subsection("device/125"))]
    f125: Option<u8>,
    #[vmstate(subsection("device/126"))]
    f126: Option<u8>,
    #[vmstate(subsection("device/127"))]
    f127: Option<u8>,
    #[vmstate(subsection("device/128"))]
    f128: Option<u8>,
    #[vmstate(subsection("device/129"))]
    f129: Option<u8>,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("device/128"))]
// -    f128: Option<u8>,
// -    #[vmstate(subsection("device/129"))]
// -    f129: Option<u8>,
