// A number whose account is locked: who does not know the lock, who does, and who guesses.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ended, fails } from '../world.mjs';

const DAY = 24 * 3600;
const newLock = () => randomBytes(32).toString('hex');

/** Somebody with a lock. */
const locked = async (world, wishes) => {
  const lock = newLock();
  return Object.assign(await world.registeredPerson({ ...wishes, lock }), { lock });
};

export const locks = {
  async a_lock_holds_and_opens(world) {
    const before = await locked(world);
    const old = await world.connectAs(before);
    const after = before.again();
    const session = await world.proved(after);

    const refused = await fails('RegistrationLock', session.registerAccount(after.registration()));
    const left = refused.timeRemainingSeconds;
    assert.ok(left > 5 * DAY && left <= 7 * DAY && Number.isInteger(left), `${left} s`);
    await ended('ConnectionInvalidated', old);
    await fails('DeviceDelinked', world.connectAs(before));

    const { lock } = before;
    world.registered(after, await session.registerAccount(after.registration({ lock })));
    assert.equal(after.aci, before.aci);
    await world.connectAs(after);
    const next = before.again();
    await fails('RegistrationLock', (await world.proved(next)).registerAccount(next.registration()));
  },

  async the_refusal_brings_credentials_for_recovery(world) {
    const owner = await locked(world);
    const session = await world.proved(owner.again());
    const { svr2Username, svr2Password } = await fails('RegistrationLock', session.registerAccount(owner.again().registration()));
    const mine = `${svr2Username}:${svr2Password}`;
    const other = await locked(world);
    const { svr2Username: name, svr2Password: password } =
      await fails('RegistrationLock', (await world.proved(other)).registerAccount(other.again().registration()));
    const theirs = `${name}:${password}`;
    const verdicts = await session.checkSvr2Credentials([mine, theirs, 'nonsense']);
    assert.deepEqual(Object.fromEntries(verdicts), { [mine]: 'match', [theirs]: 'no-match', nonsense: 'invalid' });
    const tooMany = Array.from({ length: 11 }, (_, n) => `${svr2Username}:${n}`);
    await assert.rejects(session.checkSvr2Credentials(tooMany), /did not pass server validation|could not be parsed/);
  },

  async after_a_wrong_lock_comes_a_pause(world) {
    const owner = await locked(world);
    const session = await world.proved(owner);
    const attempt = (lock) => session.registerAccount(owner.again().registration({ lock }));
    await fails('RegistrationLock', attempt(newLock()));
    const paused = await fails('RateLimitedError', attempt(owner.lock));
    assert.ok(paused.retryAfterSecs > 4 * 60 && paused.retryAfterSecs <= 5 * 60);
  },

  async a_recovery_password_does_not_open_a_lock(world) {
    const owner = await locked(world);
    await fails('RegistrationLock', world.reregister(owner.again()));
    const after = await world.reregister(owner.again(), { lock: owner.lock });
    assert.equal(after.aci, owner.aci);

    await fails('RegistrationLock', world.reregister(owner.again(), { lock: newLock() }));
    await fails('RegistrationRecoveryVerificationFailed', world.reregister(owner.again(), { lock: owner.lock }));
  },
};

/** At a registry without the pause, where the limiter alone stops who guesses. */
export const guesses = {
  async wrong_locks_are_limited(world) {
    const owner = await locked(world);
    const session = await world.proved(owner);
    const attempt = (lock) => session.registerAccount(owner.again().registration({ lock }));
    for (let guess = 0; guess < 10; guess++) await fails('RegistrationLock', attempt(newLock()));
    const limited = await fails('RateLimitedError', attempt(newLock()));
    assert.ok(limited.retryAfterSecs > DAY - 60 && limited.retryAfterSecs <= DAY);
    await fails('RateLimitedError', attempt(owner.lock));
    await fails('RegistrationLock', attempt(null));
  },

  async the_right_lock_clears_the_count(world) {
    const owner = await locked(world);
    const session = await world.proved(owner);
    const attempt = (lock) => session.registerAccount(owner.again().registration({ lock }));
    for (let round = 0; round < 2; round++) {
      for (let guess = 0; guess < 9; guess++) await fails('RegistrationLock', attempt(newLock()));
      await attempt(owner.lock);
    }
  },
};
