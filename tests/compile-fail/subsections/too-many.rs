use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(name = "device")]
struct Device {
    #[vmstate(subsection("device/000"))]
    f0: u8,
    #[vmstate(subsection("device/001"))]
    f1: u8,
    #[vmstate(subsection("device/002"))]
    f2: u8,
    #[vmstate(subsection("device/003"))]
    f3: u8,
    #[vmstate(subsection("device/004"))]
    f4: u8,
    #[vmstate(subsection("device/005"))]
    f5: u8,
    #[vmstate(subsection("device/006"))]
    f6: u8,
    #[vmstate(subsection("device/007"))]
    f7: u8,
    #[vmstate(subsection("device/008"))]
    f8: u8,
    #[vmstate(subsection("device/009"))]
    f9: u8,
    #[vmstate(subsection("device/010"))]
    f10: u8,
    #[vmstate(subsection("device/011"))]
    f11: u8,
    #[vmstate(subsection("device/012"))]
    f12: u8,
    #[vmstate(subsection("device/013"))]
    f13: u8,
    #[vmstate(subsection("device/014"))]
    f14: u8,
    #[vmstate(subsection("device/015"))]
    f15: u8,
    #[vmstate(subsection("device/016"))]
    f16: u8,
    #[vmstate(subsection("device/017"))]
    f17: u8,
    #[vmstate(subsection("device/018"))]
    f18: u8,
    #[vmstate(subsection("device/019"))]
    f19: u8,
    #[vmstate(subsection("device/020"))]
    f20: u8,
    #[vmstate(subsection("device/021"))]
    f21: u8,
    #[vmstate(subsection("device/022"))]
    f22: u8,
    #[vmstate(subsection("device/023"))]
    f23: u8,
    #[vmstate(subsection("device/024"))]
    f24: u8,
    #[vmstate(subsection("device/025"))]
    f25: u8,
    #[vmstate(subsection("device/026"))]
    f26: u8,
    #[vmstate(subsection("device/027"))]
    f27: u8,
    #[vmstate(subsection("device/028"))]
    f28: u8,
    #[vmstate(subsection("device/029"))]
    f29: u8,
    #[vmstate(subsection("device/030"))]
    f30: u8,
    #[vmstate(subsection("device/031"))]
    f31: u8,
    #[vmstate(subsection("device/032"))]
    f32: u8,
    #[vmstate(subsection("device/033"))]
    f33: u8,
    #[vmstate(subsection("device/034"))]
    f34: u8,
    #[vmstate(subsection("device/035"))]
    f35: u8,
    #[vmstate(subsection("device/036"))]
    f36: u8,
    #[vmstate(subsection("device/037"))]
    f37: u8,
    #[vmstate(subsection("device/038"))]
    f38: u8,
    #[vmstate(subsection("device/039"))]
    f39: u8,
    #[vmstate(subsection("device/040"))]
    f40: u8,
    #[vmstate(subsection("device/041"))]
    f41: u8,
    #[vmstate(subsection("device/042"))]
    f42: u8,
    #[vmstate(subsection("device/043"))]
    f43: u8,
    #[vmstate(subsection("device/044"))]
    f44: u8,
    #[vmstate(subsection("device/045"))]
    f45: u8,
    #[vmstate(subsection("device/046"))]
    f46: u8,
    #[vmstate(subsection("device/047"))]
    f47: u8,
    #[vmstate(subsection("device/048"))]
    f48: u8,
    #[vmstate(subsection("device/049"))]
    f49: u8,
    #[vmstate(subsection("device/050"))]
    f50: u8,
    #[vmstate(subsection("device/051"))]
    f51: u8,
    #[vmstate(subsection("device/052"))]
    f52: u8,
    #[vmstate(subsection("device/053"))]
    f53: u8,
    #[vmstate(subsection("device/054"))]
    f54: u8,
    #[vmstate(subsection("device/055"))]
    f55: u8,
    #[vmstate(subsection("device/056"))]
    f56: u8,
    #[vmstate(subsection("device/057"))]
    f57: u8,
    #[vmstate(subsection("device/058"))]
    f58: u8,
    #[vmstate(subsection("device/059"))]
    f59: u8,
    #[vmstate(subsection("device/060"))]
    f60: u8,
    #[vmstate(subsection("device/061"))]
    f61: u8,
    #[vmstate(subsection("device/062"))]
    f62: u8,
    #[vmstate(subsection("device/063"))]
    f63: u8,
    #[vmstate(subsection("device/064"))]
    f64: u8,
    #[vmstate(subsection("device/065"))]
    f65: u8,
    #[vmstate(subsection("device/066"))]
    f66: u8,
    #[vmstate(subsection("device/067"))]
    f67: u8,
    #[vmstate(subsection("device/068"))]
    f68: u8,
    #[vmstate(subsection("device/069"))]
    f69: u8,
    #[vmstate(subsection("device/070"))]
    f70: u8,
    #[vmstate(subsection("device/071"))]
    f71: u8,
    #[vmstate(subsection("device/072"))]
    f72: u8,
    #[vmstate(subsection("device/073"))]
    f73: u8,
    #[vmstate(subsection("device/074"))]
    f74: u8,
    #[vmstate(subsection("device/075"))]
    f75: u8,
    #[vmstate(subsection("device/076"))]
    f76: u8,
    #[vmstate(subsection("device/077"))]
    f77: u8,
    #[vmstate(subsection("device/078"))]
    f78: u8,
    #[vmstate(subsection("device/079"))]
    f79: u8,
    #[vmstate(subsection("device/080"))]
    f80: u8,
    #[vmstate(subsection("device/081"))]
    f81: u8,
    #[vmstate(subsection("device/082"))]
    f82: u8,
    #[vmstate(subsection("device/083"))]
    f83: u8,
    #[vmstate(subsection("device/084"))]
    f84: u8,
    #[vmstate(subsection("device/085"))]
    f85: u8,
    #[vmstate(subsection("device/086"))]
    f86: u8,
    #[vmstate(subsection("device/087"))]
    f87: u8,
    #[vmstate(subsection("device/088"))]
    f88: u8,
    #[vmstate(subsection("device/089"))]
    f89: u8,
    #[vmstate(subsection("device/090"))]
    f90: u8,
    #[vmstate(subsection("device/091"))]
    f91: u8,
    #[vmstate(subsection("device/092"))]
    f92: u8,
    #[vmstate(subsection("device/093"))]
    f93: u8,
    #[vmstate(subsection("device/094"))]
    f94: u8,
    #[vmstate(subsection("device/095"))]
    f95: u8,
    #[vmstate(subsection("device/096"))]
    f96: u8,
    #[vmstate(subsection("device/097"))]
    f97: u8,
    #[vmstate(subsection("device/098"))]
    f98: u8,
    #[vmstate(subsection("device/099"))]
    f99: u8,
    #[vmstate(subsection("device/100"))]
    f100: u8,
    #[vmstate(subsection("device/101"))]
    f101: u8,
    #[vmstate(subsection("device/102"))]
    f102: u8,
    #[vmstate(subsection("device/103"))]
    f103: u8,
    #[vmstate(subsection("device/104"))]
    f104: u8,
    #[vmstate(subsection("device/105"))]
    f105: u8,
    #[vmstate(subsection("device/106"))]
    f106: u8,
    #[vmstate(subsection("device/107"))]
    f107: u8,
    #[vmstate(subsection("device/108"))]
    f108: u8,
    #[vmstate(subsection("device/109"))]
    f109: u8,
    #[vmstate(subsection("device/110"))]
    f110: u8,
    #[vmstate(subsection("device/111"))]
    f111: u8,
    #[vmstate(subsection("device/112"))]
    f112: u8,
    #[vmstate(subsection("device/113"))]
    f113: u8,
    #[vmstate(subsection("device/114"))]
    f114: u8,
    #[vmstate(subsection("device/115"))]
    f115: u8,
    #[vmstate(subsection("device/116"))]
    f116: u8,
    #[vmstate(subsection("device/117"))]
    f117: u8,
    #[vmstate(subsection("device/118"))]
    f118: u8,
    #[vmstate(subsection("device/119"))]
    f119: u8,
    #[vmstate(subsection("device/120"))]
    f120: u8,
    #[vmstate(subsection("device/121"))]
    f121: u8,
    #[vmstate(subsection("device/122"))]
    f122: u8,
    #[vmstate(subsection("device/123"))]
    f123: u8,
    #[vmstate(subsection("device/124"))]
    f124: u8,
    #[vmstate(subsection("device/125"))]
    f125: u8,
    #[vmstate(subsection("device/126"))]
    f126: u8,
    #[vmstate(subsection("device/127"))]
    f127: u8,
    #[vmstate(subsection("device/128"))]
    f128: u8,
    #[vmstate(subsection("device/129"))]
    f129: u8,
}

fn main() {}
