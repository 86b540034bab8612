//! The rules of a session, each with the clock in hand.

use super::*;
use crate::chance::Chance;
use crate::model::code::Code;

const LIFETIME: Duration = Duration::from_secs(600);

struct Scene {
    chance: Chance,
    key: CodeKey,
    now: Timestamp,
    session: VerificationSession,
}

fn scene() -> Scene {
    let (chance, now) = (Chance::system(), Timestamp::from_millis(1_700_000_000_000));
    let number = E164::parse("+12025550123").expect("a number");
    let session = VerificationSession::begin(SessionId::draw(&chance), number, vec![], None, now);
    Scene { chance, key: CodeKey::new([7; 32]), now, session }
}

impl Scene {
    fn send(&mut self, transport: Transport) -> Result<String, SendRefused> {
        let code = Code::draw(&self.chance);
        let stored = StoredCode::of(&code, &self.session.id(), &self.key, &self.chance);
        self.session.send(transport, stored, LIFETIME, self.now)?;
        Ok(code.reveal().to_owned())
    }

    fn guess(&mut self, guess: &str) -> Result<bool, GuessRefused> {
        self.session.guess(guess, &self.key, self.now)
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn sms_go_out_at_once_and_then_after_1_2_5_and_10_minutes() {
    let mut s = scene();
    s.send(Transport::Sms).expect("the first");
    for wait in [60, 120, 300, 600] {
        s.wait(wait - 1);
        assert_eq!(s.send(Transport::Sms), Err(SendRefused::TooEarly(secs(1))));
        s.wait(1);
        s.send(Transport::Sms).expect("the next");
    }
    s.wait(3600);
    assert_eq!(s.send(Transport::Sms), Err(SendRefused::NoneLeft));
}

#[test]
fn a_call_comes_only_after_an_sms_and_a_minute() {
    let mut s = scene();
    assert_eq!(s.send(Transport::Voice), Err(SendRefused::NoneLeft));
    s.send(Transport::Sms).expect("sms");
    assert_eq!(s.send(Transport::Voice), Err(SendRefused::TooEarly(secs(60))));
    for wait in [60, 60, 300] {
        s.wait(wait);
        s.send(Transport::Voice).expect("a call");
    }
    s.wait(3600);
    assert_eq!(s.send(Transport::Voice), Err(SendRefused::NoneLeft));
}

#[test]
fn a_refused_resend_leaves_the_old_code_valid_and_a_resend_kills_it() {
    let mut s = scene();
    let first = s.send(Transport::Sms).expect("sms");
    assert!(s.send(Transport::Sms).is_err());
    assert_eq!(s.clone_session().guess(&first, &s.key, s.now), Ok(true));
    s.wait(60);
    let second = s.send(Transport::Sms).expect("sms");
    if first != second {
        assert_eq!(s.guess(&first), Ok(false));
    }
    assert_eq!(s.guess(&second), Ok(true));
}

impl Scene {
    fn clone_session(&self) -> VerificationSession {
        self.session.clone()
    }
}

#[test]
fn five_guesses_with_their_waits_and_then_the_code_is_dead_even_if_right() {
    let mut s = scene();
    let code = s.send(Transport::Sms).expect("sms");
    assert_eq!(s.guess("x"), Ok(false));
    assert_eq!(s.guess("x"), Ok(false));
    assert_eq!(s.guess("x"), Ok(false));
    assert_eq!(s.guess(&code), Err(GuessRefused::TooEarly(secs(60))));
    s.wait(60);
    assert_eq!(s.guess("x"), Ok(false));
    s.wait(119);
    assert_eq!(s.guess(&code), Err(GuessRefused::TooEarly(secs(1))));
    s.wait(1);
    assert_eq!(s.guess("x"), Ok(false));
    assert_eq!(s.guess(&code), Err(GuessRefused::NoneLeft));
    assert_eq!(s.session.next_guess(s.now), When::Never);
}

#[test]
fn a_code_dies_to_the_millisecond() {
    let mut s = scene();
    let code = s.send(Transport::Sms).expect("sms");
    let mut late = s.clone_session();
    assert_eq!(late.guess(&code, &s.key, s.now.plus(LIFETIME)), Err(GuessRefused::CodeExpired));
    let in_time = s.now.plus(LIFETIME - Duration::from_millis(1));
    assert_eq!(s.session.guess(&code, &s.key, in_time), Ok(true));
}

#[test]
fn a_session_verifies_once() {
    let mut s = scene();
    assert_eq!(s.guess("000000"), Err(GuessRefused::NoCodeSent));
    let code = s.send(Transport::Sms).expect("sms");
    assert_eq!(s.guess(&code), Ok(true));
    assert_eq!(s.guess(&code), Err(GuessRefused::AlreadyVerified));
    assert_eq!(s.send(Transport::Sms), Err(SendRefused::AlreadyVerified));
    assert_eq!(s.session.next_send(Transport::Sms), When::Never);
    assert_eq!(s.session.expires(), s.now.plus(secs(600)));
}

#[test]
fn sessions_outlive_what_may_still_happen_in_them() {
    let mut s = scene();
    assert_eq!(s.session.expires(), s.now.plus(secs(600)));
    s.send(Transport::Sms).expect("sms");
    // The next SMS may go out in a minute, and then ten more minutes.
    assert_eq!(s.session.expires(), s.now.plus(secs(660)));
    s.wait(60);
    s.send(Transport::Sms).expect("sms");
    assert_eq!(s.session.expires(), s.now.plus(secs(120 + 600)));
}

#[test]
fn challenges_gate_the_first_code_and_each_stands_for_the_other() {
    let mut s = scene();
    let wanted = vec![Information::PushChallenge, Information::Captcha];
    s.session = VerificationSession::begin(
        SessionId::draw(&s.chance),
        s.session.number().clone(),
        wanted,
        Some(PushChallenge::of("abc")),
        s.now,
    );
    assert_eq!(s.send(Transport::Sms), Err(SendRefused::InformationWanted));
    let mut by_captcha = s.clone_session();
    by_captcha.captcha_solved(s.now);
    assert!(by_captcha.allowed() && by_captcha.requested().is_empty());
    assert!(!s.session.answer_push_challenge("abd", s.now) && !s.session.allowed());
    assert!(s.session.answer_push_challenge("abc", s.now) && s.session.allowed());
    assert!(s.send(Transport::Sms).is_ok());
}

#[test]
fn undelivered_codes() {
    let mut s = scene();
    let first = s.send(Transport::Sms).expect("sms");
    s.wait(60);
    for (how, next_sms) in [
        (Undelivered::Refused, When::At(s.now.plus(secs(120)))),
        (Undelivered::Unavailable, When::At(s.now)),
        (Undelivered::Unreachable, When::Never),
    ] {
        let before = s.clone_session();
        let mut session = s.clone_session();
        let stored = StoredCode::of(&Code::draw(&s.chance), &session.id(), &s.key, &s.chance);
        session.send(Transport::Sms, stored.clone(), LIFETIME, s.now).expect("a place");
        session.not_sent(Transport::Sms, &stored, &before, how);
        assert_eq!(session.next_send(Transport::Sms), next_sms, "{how:?}");
        assert_eq!(session.guess(&first, &s.key, s.now), Ok(true), "the older code counts again");
    }
}
