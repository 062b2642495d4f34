//! Percent-encoding, as addresses have it (RFC 3986).

/// A text as one part of an address.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The text of a part of an address, or why it is none.
pub fn decoded(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or(b' ')).to_digit(16));
        let [Some(high), Some(low)] = digits else {
            return Err("it has a % that is not followed by two hexadecimal digits; % itself is written %25");
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or(0));
    }
    if bytes.contains(&0) {
        return Err("it has a %00, which no value may contain");
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 once it is percent-decoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_stays_one_part_of_the_address_and_comes_back() {
        assert_eq!(encoded("openfga_2"), "openfga_2");
        assert_eq!(encoded("a b/c?d"), "a%20b%2Fc%3Fd");
        for text in ["", "%41", "a b/c?d#e&f=g", "ünïcode \u{1f600}"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Ok(text));
        }
        assert!(["%", "%4", "%zz", "%00", "%ff"].iter().all(|text| decoded(text).is_err()));
    }
}
