//! Hardware addresses of Ethernet: six bytes, written `02:42:ac:11:00:02`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A hardware address (EUI-48).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// One that nobody's device has: the bit of a locally administered address set, that of a group clear.
    pub fn local(bytes: [u8; 6]) -> MacAddress {
        let [first, rest @ ..] = bytes;
        let [a, b, c, d, e] = rest;
        MacAddress([first & 0xfc | 0x02, a, b, c, d, e])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = String;

    /// The form with colons; with hyphens, as Go reads it too.
    fn from_str(text: &str) -> Result<MacAddress, String> {
        let wrong = || format!("{text} is no hardware address: six bytes as 02:42:ac:11:00:02");
        let parts: Vec<&str> = text.split([':', '-']).collect();
        let is_byte = |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = |part: &&str| if is_byte(part) { u8::from_str_radix(part, 16).ok() } else { None };
        let bytes: Vec<u8> = parts.iter().map(byte).collect::<Option<_>>().ok_or_else(wrong)?;
        bytes.try_into().map(MacAddress).map_err(|_| wrong())
    }
}

impl Serialize for MacAddress {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<MacAddress, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let mac = MacAddress([2, 0x42, 0xac, 0x11, 0, 2]);
        assert_eq!(mac.to_string(), "02:42:ac:11:00:02");
        assert_eq!("02:42:AC:11:00:02".parse(), Ok(mac));
        assert_eq!("02-42-ac-11-00-02".parse(), Ok(mac));
        for wrong in ["", "02:42:ac:11:00", "02:42:ac:11:00:02:03", "2:42:ac:11:00:02", "02:42:ac:11:00:+2", "zz:42:ac:11:00:02"] {
            assert!(wrong.parse::<MacAddress>().is_err(), "{wrong}");
        }
        assert_eq!(serde_json::to_string(&mac).unwrap(), "\"02:42:ac:11:00:02\"");
    }

    #[test]
    fn a_local_address_is_of_one_device_and_of_nobodys() {
        let MacAddress(bytes) = MacAddress::local([0xff; 6]);
        assert_eq!(bytes, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(MacAddress::local([0; 6]).0, [2, 0, 0, 0, 0, 0]);
    }
}
