//! The defaults of both profiles, overrides, and what errors say.

use super::*;
use crate::Config;

#[test]
fn the_defaults_of_the_profiles() {
    let shown =
        |limit: Limit| format!("{} {} {:?} {}", limit.shape.as_str(), limit.size, limit.per, limit.on_failure.as_str());
    let all = |profile| LimitId::ALL.iter().map(move |&id| shown(Limits::of(profile).get(id)));
    let production = [
        "bucket 6 30s refuse",
        "window 5 3600s refuse",
        "bucket 10 86400s refuse",
        "bucket 5 6s refuse",
        "bucket 10 30s allow",
        "window 3 3600s refuse",
        "bucket 5 30s refuse",
        "bucket 10 30s refuse",
        "bucket 5 17280s allow",
        "bucket 100 900s allow",
        "bucket 6 600s refuse",
        "bucket 6 120s refuse",
        "bucket 6 120s refuse",
        "bucket 10 30s refuse",
        "bucket 10 60s refuse",
        "bucket 10 30s refuse",
        "bucket 10 100ms allow",
        "bucket 10 100ms allow",
        "bucket 60 1s allow",
        "bucket 100 60s allow",
        "bucket 100 900s refuse",
        "bucket 100 900s refuse",
        "bucket 10 60s refuse",
        "bucket 100 900s allow",
        "bucket 100 15s allow",
        "bucket 1000 4s allow",
        "bucket 200 20ms allow",
    ];
    assert!(all(Profile::Production).eq(production));
    let mut development = production;
    for (id, limit) in [
        (LimitId::RegistrationPerAddress, "window 1000000 3600s refuse"),
        (LimitId::CodePerNumber, "window 10000 3600s refuse"),
        (LimitId::VerificationSession, "bucket 1000 1s allow"),
        (LimitId::Address, "bucket 20000 100µs allow"),
    ] {
        development[id as usize] = limit;
    }
    assert!(all(Profile::Development).eq(development));
}

#[test]
fn a_partial_override_keeps_the_rest() {
    let config = Config::parse("[limits.verification_session]\nsize = 7").unwrap();
    let limit = config.limits.get(LimitId::VerificationSession);
    assert_eq!(limit, Limit { size: 7, ..Limits::of(Profile::Development).get(LimitId::VerificationSession) });

    let by = BTreeMap::from([(LimitId::Address, LimitOverride { size: Some(9), ..Default::default() })]);
    let limit = Limits::of(Profile::Production).overridden(&by).get(LimitId::Address);
    assert_eq!(limit, Limit::bucket(9, Duration::from_millis(20), OnFailure::Allow));
}

#[test]
fn errors_name_the_limit() {
    for (toml, error) in [
        (
            "[limits.pon]\nsize = 3",
            "limits.pon: expected one of registration, registration_per_address, pin, check_totp, set_registration_lock, code_per_number, \
            verification_push_challenge, verification_captcha, verification_session, backup_auth_check, prekeys, allocate_device, \
            verify_device, wait_for_linked_device, upload_transfer_archive, wait_for_transfer_archive, \
            record_device_transfer_request, wait_for_device_transfer_request, messages, batch_identity_check, \
            username_reserve, username_set, username_link_operation, username_lookup, username_link_lookup, \
            check_account_existence, address",
        ),
        ("[limits.address]\nshape = \"window\"", "limits.address.shape: must be bucket"),
        ("[limits.pin]\nshape = \"square\"", "limits.pin.shape: expected one of bucket, window"),
        ("[limits.code_per_number]\nsize = 1000001", "limits.code_per_number.size: must be at most 1000000"),
        ("[limits.address]\nsize = 0", "limits.address.size: must be at least 1"),
        ("[limits.address]\nper = \"0s\"", "limits.address.per: must be more than 0"),
        ("[limits.address]\nper = 30", "limits.address.per: expected a duration"),
        ("[limits.address]\non_failure = \"panic\"", "limits.address.on_failure: expected one of refuse, allow"),
        ("[limits.address]\nsiez = 3", "limits.address.siez: unknown key, expected one of"),
        ("[limits]\naddress = 3", "limits.address: expected a section"),
    ] {
        let found = Config::parse(toml).unwrap_err().to_string();
        assert!(found.starts_with(error), "{found}");
    }
}

#[test]
fn the_names_of_the_reference() {
    assert!(LimitId::ALL.iter().all(|id| !id.name().contains('_')));
    assert_eq!(LimitId::VerificationPushChallenge.name(), "verificationPushChallenge");
    assert_eq!(LimitId::VerificationPushChallenge.key(), "verification_push_challenge");
}
