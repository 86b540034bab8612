// A registry that turns clients away, and one that is started anew while they are at it: what the library makes of it.

import assert from 'node:assert/strict';
import { World, expect, fails } from '../world.mjs';

/** A registry that wants captchas, where nothing but the limiter stops who guesses at locks. */
export const STRICT = `
  [verification]
  challenge = "stub"
  [registration_lock]
  pause = "0s"
  [limits.registration]
  size = 100
`;

/** One request, and then none for a while. */
const NEARLY_CLOSED = `${STRICT}\n[limits.address]\nsize = 1\nper = "40s"`;

/** The library waits before it connects again after a failure, longer each time; one that is new knows of none. */
const asIfNew = ({ registry, http, open }) => Object.assign(new World(registry, http), { open });

export const badDays = {
  async who_asks_too_often_is_told_when_to_come_back(world) {
    const person = await world.registeredPerson();
    await world.registry.reload(NEARLY_CLOSED);
    try {
      await asIfNew(world).connectAs(person);
      const limited = await fails('RateLimitedError', asIfNew(world).connectAs(person));
      assert.ok(limited.retryAfterSecs > 30 && limited.retryAfterSecs <= 40);
      await fails('RateLimitedError', asIfNew(world).session(world.person().number));
    } finally {
      await world.registry.reload(STRICT);
    }
    await world.connectAs(person);
  },

  async a_restart_costs_a_connection_and_nothing_else(world) {
    const settled = await world.registeredPerson();
    const chat = await world.connectAs(settled);
    const person = world.person();
    const session = await world.session(person.number);
    await session.submitCaptcha('noop.noop.registration.noop');
    await session.requestVerification({ transport: 'sms', client: 'test', languages: [] });
    const code = await world.registry.code(person.number);

    await world.registry.restart();
    await chat.listener.interrupted;
    // The library connects again by itself.
    assert.equal(await session.verifySession(code), true);
    world.registered(person, await session.registerAccount(person.registration()));
    for (const one of [person, settled]) await expect(200, await world.connectAs(one), 'GET', '/v1/accounts/whoami');
  },
};

/** By gRPC, hence over HTTP/2 only. */
export const badCalls = {
  async who_calls_too_often_is_told_so_too(world) {
    const anonymous = await world.anonymous();
    world.needs(anonymous, 'checkSvrCredentials');
    const check = () => anonymous.checkSvrCredentials({ number: world.person().number, credentials: ['nonsense'] });
    await world.registry.reload(`${STRICT}\n[limits.backup_auth_check]\nsize = 1\nper = "40s"`);
    await check();
    const limited = await fails('RateLimitedError', check());
    assert.ok(limited.retryAfterSecs > 30 && limited.retryAfterSecs <= 40);
    await world.registry.reload(STRICT);
  },
};
