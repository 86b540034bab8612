//! The small print of the wire: base64 flavours, and JSON values that clients send in more than one shape (contract
//! registration §1.1, §1.2).

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, de};

use crate::error::ApiError;

const EITHER: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// The standard alphabet, padded or not.
pub const STANDARD_EITHER: GeneralPurpose = GeneralPurpose::new(&STANDARD, EITHER);
/// The URL-safe alphabet, padded or not.
pub const URL_SAFE_EITHER: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, EITHER);

/// The body as JSON.
///
/// # Errors
/// 400 if it is not JSON, 422 if it is JSON of another shape or there is none.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    if body.is_empty() {
        return Err(ApiError::Unprocessable);
    }
    // The parser stops at the first thing wrong, and calls some wrong shapes (`null` for an enum) a wrong syntax. So what is
    // wrong is decided over the whole body.
    serde_json::from_slice(body).map_err(|_| match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(IgnoredAny) => ApiError::Unprocessable,
        Err(_) => ApiError::Malformed,
    })
}

/// `null` for a primitive means its zero, as an absent field does.
pub fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Bytes as base64 of the standard alphabet. Their `Debug` tells the length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl std::fmt::Debug for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD_EITHER.decode(text).map(Self).map_err(|_| de::Error::custom("not base64"))
    }
}

/// Bytes as base64 of the URL-safe alphabet. Has no `Debug`: nobody needs to see them.
pub struct Base64Url(pub Vec<u8>);

impl<'de> Deserialize<'de> for Base64Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_EITHER.decode(text).map(Self).map_err(|_| de::Error::custom("not base64"))
    }
}

/// Bytes as base64, or as the array of integers that one client library really sends.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Base64OrArray {
    Text(Base64),
    Array(Vec<u8>),
}

impl From<Base64OrArray> for Vec<u8> {
    fn from(either: Base64OrArray) -> Self {
        match either {
            Base64OrArray::Text(Base64(bytes)) | Base64OrArray::Array(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_flavours_decode_alike(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
            for text in [STANDARD.encode(&bytes), STANDARD_NO_PAD.encode(&bytes)] {
                prop_assert_eq!(&STANDARD_EITHER.decode(text).unwrap(), &bytes);
            }
            for text in [URL_SAFE.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
                prop_assert_eq!(&URL_SAFE_EITHER.decode(text).unwrap(), &bytes);
            }
            let json = serde_json::json!([STANDARD.encode(&bytes), bytes]);
            let read: Vec<Base64OrArray> = serde_json::from_value(json).unwrap();
            prop_assert!(read.into_iter().all(|either| Vec::from(either) == bytes));
        }

        #[test]
        fn the_other_alphabet_is_refused(text in "[A-Za-z0-9]{2}[-_][A-Za-z0-9]") {
            prop_assert!(STANDARD_EITHER.decode(&text).is_err());
        }
    }

    #[test]
    fn syntax_is_400_and_shape_is_422() {
        for (body, malformed) in [("{", true), ("{]", true), ("\"x\" y", true), ("[1]", false), ("{\"a\":1}", false)] {
            let error = read::<String>(&Bytes::from_static(body.as_bytes())).unwrap_err();
            assert_eq!(matches!(error, ApiError::Malformed), malformed, "{body}");
        }
        assert!(matches!(read::<String>(&Bytes::new()), Err(ApiError::Unprocessable)));

        #[derive(Debug, Deserialize)]
        enum Word {}
        for body in ["null", "5", "true", "{}", "[]", "\"other\"", "1e999"] {
            assert!(
                matches!(read::<Word>(&Bytes::from_static(body.as_bytes())), Err(ApiError::Unprocessable)),
                "{body}"
            );
        }
    }
}
