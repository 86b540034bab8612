// A number is proved: sessions, codes, what comes too early or too often, captchas, and carriers that refuse.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { fails } from '../world.mjs';

const SMS = { transport: 'sms', client: 'test', languages: [] };

/** Numbers to which this registry's sender does not deliver, and how it fails. */
export const REFUSED = {
  rejected: '+19075550101', illegal_argument: '+19075550102', unavailable: '+19075550103', transport_not_allowed: '+19075550104',
};

export const sessions = {
  async a_session_begins(world) {
    const { sessionState, sessionId } = await world.session(world.person().number);
    assert.match(sessionId, /^[A-Za-z0-9_=-]+$/);
    assert.deepEqual([sessionState.allowedToRequestCode, sessionState.verified, sessionState.nextSmsSecs], [true, false, 0]);
    assert.equal(sessionState.requestedInformation.size, 0);
  },

  async a_wrong_code_is_no_error_and_the_right_one_proves(world) {
    const { number } = world.person();
    const session = await world.session(number);
    await session.requestVerification(SMS);
    const code = await world.registry.code(number);
    assert.equal(await session.verifySession(code === '000000' ? '000001' : '000000'), false);
    assert.equal(session.sessionState.nextVerificationAttemptSecs, 0);
    assert.equal(await session.verifySession(code), true);
    assert.equal(session.sessionState.verified, true);
  },

  async a_session_is_taken_up_again(world) {
    const { number } = world.person();
    const begun = await world.session(number);
    await begun.requestVerification(SMS);
    const session = await world.net.resumeRegistrationSession({ sessionId: begun.sessionId, e164: number });
    assert.ok(session.sessionState.nextSmsSecs > 50);
    assert.equal(await session.verifySession(await world.registry.code(number)), true);
  },

  async a_session_that_nobody_began_is_not_found(world) {
    const one = await world.session(world.person().number);
    const length = Buffer.from(one.sessionId, 'base64url').length;
    const resume = (sessionId) => world.net.resumeRegistrationSession({ sessionId, e164: world.person().number });
    await fails('RegistrationSessionNotFound', resume(randomBytes(length).toString('base64url')));
    await fails('RegistrationSessionIdInvalid', resume('none'));
    assert.match((await fails('Generic', resume('~'))).message, /did not pass server validation/);
  },

  async numbers_that_are_none_are_refused(world) {
    for (const number of ['+1', '+120255501000', '12025550100', 'somebody']) {
      const error = await fails('Generic', world.session(number));
      assert.match(error.message, /did not pass server validation/, number);
    }
  },

  async the_next_code_comes_too_early(world) {
    const session = await world.session(world.person().number);
    await session.requestVerification(SMS);
    const early = await fails('RateLimitedError', session.requestVerification(SMS));
    assert.ok(early.retryAfterSecs > 50 && early.retryAfterSecs <= 60);
    assert.ok(session.sessionState.nextSmsSecs > 50, 'the error carries the session');
  },

  async a_call_comes_after_the_first_message(world) {
    const session = await world.session(world.person().number);
    const call = { ...SMS, transport: 'voice' };
    await fails('Generic', session.requestVerification(call));
    await session.requestVerification(SMS);
    const early = await fails('RateLimitedError', session.requestVerification(call));
    assert.ok(early.retryAfterSecs > 50);
  },

  async no_code_counts_before_one_was_sent_nor_after_the_right_one(world) {
    const person = world.person();
    const fresh = await world.session(person.number);
    await fails('RegistrationSessionNotReadyForVerification', fresh.verifySession('123456'));
    const proved = await world.proved(world.person());
    await fails('RegistrationSessionNotReadyForVerification', proved.requestVerification(SMS));
    await fails('RegistrationSessionNotReadyForVerification', proved.verifySession('123456'));
    assert.equal(proved.sessionState.verified, true);
  },

  async who_guesses_on_has_to_wait(world) {
    const { number } = world.person();
    const session = await world.session(number);
    await session.requestVerification(SMS);
    const wrong = (await world.registry.code(number)) === '000000' ? '000001' : '000000';
    for (let guess = 0; guess < 3; guess++) assert.equal(await session.verifySession(wrong), false);
    const early = await fails('RateLimitedError', session.verifySession(wrong));
    assert.ok(early.retryAfterSecs > 50);
    assert.ok(session.sessionState.nextVerificationAttemptSecs > 50);
  },

  async languages_reach_the_message(world) {
    const { number } = world.person();
    const session = await world.session(number);
    await session.requestVerification({ ...SMS, languages: ['de-CH', 'en'] });
    const { text } = await world.registry.letter(number);
    assert.match(text, /Dein|Ihr/);
  },

  async a_refused_delivery_says_why(world) {
    const send = async (why) => (await world.session(REFUSED[why])).requestVerification(SMS);
    const code = 'RegistrationVerificationCodeNotDeliverable';
    for (const [why, reason, permanent] of [
      ['rejected', 'providerRejected', true],
      ['illegal_argument', 'illegalArgument', true],
      ['unavailable', 'providerUnavailable', false],
    ]) {
      const error = await fails(code, send(why));
      assert.deepEqual([error.reason, error.permanentFailure], [reason, permanent], why);
    }
    await fails('RegistrationVerificationSendFailed', send('transport_not_allowed'));
  },
};

/** At a registry that wants a captcha first. */
export const captchas = {
  async a_captcha_comes_first(world) {
    const session = await world.session(world.person().number);
    assert.deepEqual([...session.sessionState.requestedInformation], ['captcha']);
    assert.equal(session.sessionState.allowedToRequestCode, false);
    await fails('RegistrationSessionNotReadyForVerification', session.requestVerification(SMS));
    await fails('RegistrationRequestRejected', session.submitCaptcha('noop.noop.registration.wrong'));
    const { allowedToRequestCode } = await session.submitCaptcha('noop.noop.registration.noop');
    assert.equal(allowedToRequestCode, true);
    await session.requestVerification(SMS);
  },

  async who_guesses_at_captchas_has_to_wait(world) {
    const session = await world.session(world.person().number);
    const guess = () => session.submitCaptcha('noop.noop.registration.wrong');
    for (let n = 0; n < 10; n++) await fails('RegistrationRequestRejected', guess());
    const limited = await fails('RateLimitedError', guess());
    assert.ok(limited.retryAfterSecs > 0 && limited.retryAfterSecs <= 30);
  },
};
