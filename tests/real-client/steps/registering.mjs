// An account for a proven number, and the number's next owner: what is refused, what is kept, and whom it ends.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Aci } from '@signalapp/libsignal-client';
import { ended, expect, fails } from '../world.mjs';
import { withTwo } from './devices.mjs';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const registering = {
  async a_number_gets_an_account(world) {
    const person = await world.registeredPerson();
    const { answer, aci, pni, number } = person;
    assert.match(aci, UUID);
    assert.match(pni, UUID);
    assert.deepEqual(
      [answer.number, answer.reregistration, answer.storageCapable, answer.usernameHash, answer.backupEntitlement],
      [number, false, false, null, null],
    );
    const chat = await world.connectAs(person);
    const me = await expect(200, chat, 'GET', '/v1/accounts/whoami');
    assert.deepEqual([me.uuid, me.pni, me.number], [aci, pni, number]);
  },

  async only_a_proven_session_registers(world) {
    const person = world.person();
    const session = await world.session(person.number);
    await fails('RegistrationInvalidSession', session.registerAccount(person.registration()));
  },

  async a_session_registers_its_own_number_only(world) {
    const { sessionId } = await world.proved(world.person());
    const other = world.person();
    const session = await world.net.resumeRegistrationSession({ sessionId, e164: other.number });
    await fails('RegisterAccountRequestRejected', session.registerAccount(other.registration()));
  },

  async a_wrong_signature_is_refused_and_the_session_stays(world) {
    const person = world.person();
    const session = await world.proved(person);
    const { aciSignedPreKey, ...rest } = person.registration();
    const wrong = session.registerAccount({ ...rest, aciSignedPreKey: rest.pniSignedPreKey });
    assert.match((await fails('Generic', wrong)).message, /did not pass server validation/);
    await session.registerAccount({ ...rest, aciSignedPreKey });
  },

  async an_app_that_is_too_old_is_refused(world) {
    const person = world.person();
    const session = await world.proved(person);
    await fails('Generic', session.registerAccount(person.registration({ capabilities: [] })));
  },

  async wrong_credentials_do_not_connect(world) {
    const person = await world.registeredPerson();
    const nobody = 'a1a1a1a1-0000-4000-8000-000000000000';
    await fails('DeviceDelinked', world.connect(person.login, 'wrong'));
    await fails('DeviceDelinked', world.connect(`${person.aci}.2`, person.password));
    await fails('DeviceDelinked', world.connect(`${nobody}.1`, person.password));
    await world.connectAs(person);
  },

  async an_account_is_taken_over_as_it_is(world) {
    const before = await world.registeredPerson({ capabilities: ['spqr', 'storage'] });
    const old = await world.connectAs(before);
    const after = await world.register(before.again());
    const { reregistration, storageCapable } = after.answer;
    assert.deepEqual([after.aci, after.pni, reregistration, storageCapable], [before.aci, before.pni, true, true]);
    await ended('ConnectionInvalidated', old);
    await fails('DeviceDelinked', world.connectAs(before));
    await world.connectAs(after);
  },

  async nothing_of_the_earlier_installation_is_left(world) {
    const { person: before, primary, linked } = await withTwo(world);
    await expect(204, primary, 'PUT', '/v2/keys', { body: before.oneTimeKeys(5).json });
    const after = await world.register(before.again());
    await Promise.all([primary, linked].map((chat) => ended('ConnectionInvalidated', chat)));
    const anonymous = await world.anonymous();
    const fetchKeys = (auth) => anonymous.getPreKeys({ target: Aci.fromUuid(after.aci), device: 'all', auth });
    await fails('RequestUnauthorized', fetchKeys(before));
    const { identityKey, preKeyBundles } = await fetchKeys(after);
    assert.ok(identityKey.equals(after.identities.aci.publicKey));
    assert.deepEqual(preKeyBundles.map((given) => [given.deviceId(), given.preKeyId()]), [[1, null]]);
    assert.equal(preKeyBundles[0].registrationId(), after.registrationIds.aci);
  },

  async many_register_at_once(world) {
    const people = await Promise.all(Array.from({ length: 20 }, () => world.registeredPerson()));
    assert.equal(new Set(people.map(({ aci }) => aci)).size, 20);
    const chats = await Promise.all(people.map((person) => world.connectAs(person)));
    const all = await Promise.all(chats.map((chat) => expect(200, chat, 'GET', '/v1/accounts/whoami')));
    assert.deepEqual(all.map(({ number }) => number), people.map(({ number }) => number));
  },

  async an_old_device_may_hand_over_first(world) {
    const before = await world.registeredPerson({ capabilities: ['spqr', 'transfer'] });
    const after = before.again();
    const session = await world.proved(after);
    const wait = session.registerAccount(after.registration({ skipDeviceTransfer: false }));
    await fails('RegistrationDeviceTransferPossibleNotSkipped', wait);
    await world.connectAs(before);
    assert.equal((await session.registerAccount(after.registration())).reregistration, true);
  },

  async a_recovery_password_stands_for_a_session(world) {
    const before = await world.registeredPerson();
    const wrong = world.reregister(before.again(), { recoveryPassword: randomBytes(32) });
    await fails('RegistrationRecoveryVerificationFailed', wrong);
    const after = await world.reregister(before.again());
    assert.deepEqual([after.aci, after.answer.reregistration], [before.aci, true]);
    await world.connectAs(after);
    await fails('RegistrationRecoveryVerificationFailed', world.reregister(world.person()));
  },

  async too_many_attempts_have_to_wait(world) {
    const person = world.person();
    const session = await world.session(person.number);
    const attempt = () => session.registerAccount(person.registration());
    for (let n = 0; n < 6; n++) await fails('RegistrationInvalidSession', attempt());
    const limited = await fails('RateLimitedError', attempt());
    assert.ok(limited.retryAfterSecs > 0 && limited.retryAfterSecs <= 30);
  },
};
